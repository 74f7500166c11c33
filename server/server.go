// Package server answers snapd as the Snap Store would, and Juju as Charmhub, read-only, from a catalogue that is held in memory.
//
// An index does not change, and is replaced as a whole: a request sees one state of the catalogue and waits for nothing. It shares all that did
// not change with the one before. The snaps that clients ask for have the text of the parts of their answers in memory; the texts of the others,
// and of assertions, are in an open file of the server's own. Blobs are sent from their files.
package server

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"offlinestore/assertion"
	"offlinestore/blob"
	"offlinestore/catalog"
	"offlinestore/transfer"
)

// Config holds what stays the same while a Server runs; Settings holds the rest. Only Blobs is required.
type Config struct {
	// Blobs holds what devices download.
	Blobs *blob.Storage
	// Trust has the assertions that are served besides the catalogue's; nil is Canonical's.
	Trust *assertion.Trust
	// Logger gets messages for the operator; nil discards them.
	Logger *slog.Logger
	// AccessLog gets the requests; nil logs them to Logger at the debug level.
	AccessLog *transfer.AccessLog
	// Administration is the API for administrators; nil if there is none.
	Administration http.Handler
	// Nonces records the nonces of sessions that were used, for all servers of the store; nil if there are no others.
	Nonces nonceRecord
	// Registrar signs serials for devices; nil if this store has no token.
	Registrar deviceRegistrar
	// Operator is set if all requests are the operator's, who sees the private snaps of all stores.
	Operator bool
	// SpoolDir is the folder for the texts of a loaded catalogue, as files without names. If it is empty, the texts are in memory.
	SpoolDir string
	// Metrics adds its metrics to /metrics; nil adds nothing.
	Metrics *prometheus.Registry
	// DatabaseRestarts returns how often a private PostgreSQL was started again; nil means that there is none.
	DatabaseRestarts func() float64
	// Now is the clock; nil is time.Now.
	Now func() time.Time
}

// Server is the read-only store.
type Server struct {
	cfg      Config
	settings atomic.Pointer[settings]
	index    atomic.Pointer[index]
	source   sourceState
	metrics  *metrics
	docs     func() (renderedDocs, error)
	handler  http.Handler
	known    []*assertion.Assertion
	wanted   wantedItems
	nonces   nonceMemory
	looks    looks
	// position is the state of the catalogue that was loaded last. Only Load uses it, which is not called twice at once.
	position catalog.Position
	// ownSecret signs sessions while the settings have no secret.
	ownSecret string
}

// New returns a Server without a catalogue. Until SetSnapshot, it tells every device to come back.
func New(cfg Config) *Server {
	cfg.Logger = cmp.Or(cfg.Logger, slog.New(slog.DiscardHandler))
	cfg.AccessLog = cmp.Or(cfg.AccessLog, transfer.NewAccessLog(cfg.Logger, slog.LevelDebug))
	cfg.Metrics = cmp.Or(cfg.Metrics, prometheus.NewRegistry())
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Trust == nil {
		cfg.Trust = assertion.Canonical()
	}
	cfg.Metrics.MustRegister(newDiskMetrics(cfg.Blobs, cfg.Now))
	if cfg.Registrar != nil {
		cfg.Metrics.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Namespace: namespace, Name: "serial_requests_waiting",
			Help: "Requests for serials that wait for the token."}, func() float64 { return float64(cfg.Registrar.Pending()) }))
	}
	s := &Server{cfg: cfg, metrics: newMetrics(cfg.Metrics, cfg.DatabaseRestarts), docs: sync.OnceValues(renderDocs), known: cfg.Trust.Known().All(), wanted: wantedItems{now: cfg.Now},
		nonces: nonceMemory{now: cfg.Now}, ownSecret: rand.Text()}
	s.SetSettings(Settings{})
	s.handler = s.routes()
	return s
}

// SetSnapshot serves devices from c from now on, and keeps it in memory. It refuses a catalogue that contradicts itself, and keeps the one
// before. The caller must not change c afterwards.
func (s *Server) SetSnapshot(c *catalog.Snapshot) error {
	b := s.newBuilder()
	changes := &catalog.Changes{IsWhole: true, HasImages: true, Snapshot: c}
	if err := b.start(changes); err != nil {
		return err
	}
	for i := range c.Snaps {
		if err := b.addFixed(&c.Snaps[i]); err != nil {
			return err
		}
	}
	for i := range c.Assertions {
		if err := b.addAssertion(&c.Assertions[i]); err != nil {
			return err
		}
	}
	return s.publish(b, changes)
}

// publish serves devices from the content of b from now on.
func (s *Server) publish(b *builder, changes *catalog.Changes) error {
	ix, err := b.finish(changes)
	if err != nil {
		return err
	}
	for _, e := range b.added {
		for _, what := range e.problems {
			s.cfg.Logger.Warn("odd catalogue", "snap", e.name, "what", what)
		}
	}
	for _, id := range ix.storesOfAnyBrand() {
		s.cfg.Logger.Warn("the brand of a store is unknown, so devices of all brands whose models name it get its private snaps: push an export of the store", "store", id)
	}
	for _, ch := range ix.charms {
		for _, what := range ch.problems {
			s.cfg.Logger.Warn("odd catalogue", "charm", ch.Name, "what", what)
		}
	}
	s.index.Store(ix)
	s.position = changes.Position
	s.metrics.loaded(ix, s.cfg.Now())
	return nil
}

// Load serves the present catalogue of src. It reads the items that have changed since the last call, or everything.
func (s *Server) Load(ctx context.Context, src catalogSource) (*catalog.Changes, error) {
	since := s.position
	if ix := s.index.Load(); ix == nil || ix.texts.isWasteful() {
		since = catalog.Position{}
	}
	b := s.newBuilder()
	changes, err := src.Load(ctx, since, catalog.Sink{Start: b.start, Snap: b.addRaw, Assertion: b.addAssertion})
	if err != nil {
		return nil, fmt.Errorf("load catalogue: %w", err)
	}
	return changes, s.publish(b, changes)
}

// Count returns the number of all snaps and of all charms that are served.
func (s *Server) Count() (snaps, charms int) {
	ix := s.index.Load()
	return len(ix.snaps), len(ix.charms)
}

// Handler returns the whole API.
func (s *Server) Handler() http.Handler { return s.Around(s.handler) }

// API returns the API without the redirects to HTTPS, for a handler that Around is around already.
func (s *Server) API() http.Handler { return s.handler }

// HTTPServer returns an http.Server for the API on addr, with the bounds on time and size that an open listener needs.
func (s *Server) HTTPServer(addr string) *http.Server {
	return transfer.NewServer(addr, s.Handler(), s.cfg.Logger)
}
