// Package registry has the container images of charms: it serves them by the pull part of the OCI distribution API, from a catalogue
// that is held in memory, and copies them to a registry that is there already.
//
// A repository is what an image resource is called without its tag or digest. It serves the manifests that belong to its images, and
// the blobs that those refer to, and nothing else, whatever else the blob folder holds.
package registry

import (
	"cmp"
	"log/slog"
	"net/http"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"

	"offlinestore/blob"
	"offlinestore/catalog"
	"offlinestore/transfer"
)

// Config says what a Registry serves from, and whom. Only Blobs is required.
type Config struct {
	// Blobs holds manifests, configs and layers.
	Blobs *blob.Dir
	// Username and Password are asked of everybody, unless both are empty.
	Username, Password string
	// Logger gets what an operator should know; nil discards it.
	Logger *slog.Logger
	// AccessLog gets the requests; nil logs them to Logger at the level of debugging.
	AccessLog *transfer.AccessLog
	// Metrics is where figures of requests are made known; nil is nowhere.
	Metrics prometheus.Registerer
}

// Registry is the read-only registry.
type Registry struct {
	cfg     Config
	metrics *metrics
	access  atomic.Pointer[access]
	index   atomic.Pointer[index]
}

// access is what is asked of everybody, unless it is empty.
type access struct{ username, password string }

// New returns a Registry that has no catalogue yet, and says so to everyone until SetSnapshot.
func New(cfg Config) *Registry {
	cfg.Logger = cmp.Or(cfg.Logger, slog.New(slog.DiscardHandler))
	cfg.AccessLog = cmp.Or(cfg.AccessLog, transfer.NewAccessLog(cfg.Logger, slog.LevelDebug))
	r := &Registry{cfg: cfg, metrics: newMetrics(cfg.Metrics)}
	r.SetAccess(cfg.Username, cfg.Password)
	return r
}

// SetAccess asks a user name and a password of everybody from now on, unless both are empty.
func (r *Registry) SetAccess(username, password string) { r.access.Store(&access{username, password}) }

// SetSnapshot makes c what is served from now on. A catalogue that contradicts itself is refused, and the one before stays.
// c must not be changed afterwards.
func (r *Registry) SetSnapshot(c *catalog.Snapshot) error {
	ix, err := newIndex(c)
	if err != nil {
		return err
	}
	for _, what := range ix.problems {
		r.cfg.Logger.Warn("odd catalogue", "what", what)
	}
	r.index.Store(ix)
	return nil
}

// Handler returns the whole API.
func (r *Registry) Handler() http.Handler { return http.HandlerFunc(r.handle) }

// HTTPServer returns an http.Server for the API on addr, with the bounds on time and size that an open listener needs.
func (r *Registry) HTTPServer(addr string) *http.Server {
	return transfer.NewServer(addr, r.Handler(), r.cfg.Logger)
}
