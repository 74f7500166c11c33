// Package server answers snapd as the Snap Store would, and Juju as Charmhub, read-only, from a catalogue that is held in memory.
//
// An index is made once from a catalog.Snapshot, with the text of the parts of every answer, and is replaced as a whole: a request
// sees one state of the catalogue and waits for nothing. Blobs are sent from their files.
package server

import (
	"cmp"
	"crypto/rand"
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
	s.handler = s.commonHeaders(s.redirectToHTTPS(s.routes()))
	return s
}

// SetSnapshot serves devices from c from now on. It refuses a catalogue that contradicts itself, and keeps the one before. The
// caller must not change c afterwards.
func (s *Server) SetSnapshot(c *catalog.Snapshot) error {
	ix, err := newIndex(c, s.known)
	if err != nil {
		return err
	}
	for _, sn := range ix.everything.snaps {
		for _, what := range sn.problems {
			s.cfg.Logger.Warn("odd catalogue", "snap", sn.Name, "what", what)
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
	if c.HoldEnds > 0 {
		ix.reloadAt = s.cfg.Now().Add(c.HoldEnds)
	}
	s.index.Store(ix)
	s.metrics.loaded(ix, s.cfg.Now())
	return nil
}

// Handler returns the whole API.
func (s *Server) Handler() http.Handler { return s.handler }

// HTTPServer returns an http.Server for the API on addr, with the bounds on time and size that an open listener needs.
func (s *Server) HTTPServer(addr string) *http.Server {
	return transfer.NewServer(addr, s.handler, s.cfg.Logger)
}
