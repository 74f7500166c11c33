// Package registry holds the container images of charms, and images that belong to none. It serves them by the pull part of the OCI distribution API, from a
// catalogue that is held in memory, and copies them to an existing registry.
//
// A repository has the name of an image, without tag or digest. It serves the manifests of its images and the blobs that
// they refer to. It serves nothing else from the blob folder.
package registry

import (
	"cmp"
	"context"
	"log/slog"
	"net/http"
	"sync/atomic"

	"github.com/opencontainers/go-digest"
	"github.com/prometheus/client_golang/prometheus"

	"offlinestore/blob"
	"offlinestore/catalog"
	"offlinestore/transfer"
)

// Config holds the content of a Registry and the access to it. Only Blobs is required.
type Config struct {
	// Blobs holds manifests, configs and layers.
	Blobs *blob.Storage
	// Username and Password are required of every client, unless both are empty.
	Username, Password string
	// Logger gets messages for the operator; nil discards them.
	Logger *slog.Logger
	// AccessLog gets the requests; nil logs them to Logger at the debug level.
	AccessLog *transfer.AccessLog
	// AwaitNewer waits for a moment for a newer catalogue, because another server of the store may have told a client of an image that is not known
	// here. It returns false if nobody knows whether there is one. Nil means that there is no other server.
	AwaitNewer func(context.Context) bool
	// Upstream answers for repositories that are not here, while the store is online; nil has no others.
	Upstream Upstream
	// Metrics gets the metrics of requests; nil gets none.
	Metrics prometheus.Registerer
}

// Upstream answers requests for images of registries upstream. Its methods report false if they did not answer.
type Upstream interface {
	PullManifest(w http.ResponseWriter, r *http.Request, repository, reference string) bool
	PullBlob(w http.ResponseWriter, r *http.Request, repository string, d digest.Digest) bool
}

// Registry is the read-only registry.
type Registry struct {
	cfg     Config
	metrics *metrics
	access  atomic.Pointer[access]
	index   atomic.Pointer[index]
}

// access is the login that every client needs, unless it is empty.
type access struct{ username, password string }

// New returns a Registry without a catalogue. Until SetSnapshot, it tells every client so.
func New(cfg Config) *Registry {
	cfg.Logger = cmp.Or(cfg.Logger, slog.New(slog.DiscardHandler))
	cfg.AccessLog = cmp.Or(cfg.AccessLog, transfer.NewAccessLog(cfg.Logger, slog.LevelDebug))
	r := &Registry{cfg: cfg, metrics: newMetrics(cfg.Metrics)}
	r.SetAccess(cfg.Username, cfg.Password)
	return r
}

// SetAccess requires a user name and a password of every client from now on, unless both are empty.
func (r *Registry) SetAccess(username, password string) { r.access.Store(&access{username, password}) }

// SetSnapshot serves c from now on. It refuses a catalogue that contradicts itself, and keeps the one before. The caller must not
// change c afterwards.
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
