package service

import (
	"errors"
	"net/http"
	"os"
	"sync/atomic"

	"github.com/opencontainers/go-digest"
	"github.com/prometheus/client_golang/prometheus"

	"offlinestore/blob"
	"offlinestore/edge"
	"offlinestore/edge/cache"
	"offlinestore/instance/settings"
	"offlinestore/registry"
	"offlinestore/session"
	"offlinestore/upstream"
)

// defaultDeviceService is the device service that an online store passes requests to while no list is set, as in the original product.
const defaultDeviceService = "https://serial-vault-partners.canonical.com"

// front answers clients: by the edge while the store is online, and by the server while it is air-gapped. The mode may change at any time.
type front struct {
	airgapped atomic.Bool
	// edge answers while the store is online, and server while it is not.
	edge, server http.Handler
	// images answers for images upstream.
	images registry.Upstream
}

// ServeHTTP implements [http.Handler].
func (f *front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if f.airgapped.Load() {
		f.server.ServeHTTP(w, r)
		return
	}
	f.edge.ServeHTTP(w, r)
}

// openEdge prepares both modes.
func (s *service) openEdge(metrics *prometheus.Registry) error {
	answers := s.Instance.Dir.AnswersPath()
	if err := os.MkdirAll(answers, 0o700); err != nil {
		s.Logger.Warn("kept answers do not outlive this server", "err", err)
		answers = ""
	}
	config, err := s.edgeSettings(s.Instance.Settings)
	if err != nil {
		return err
	}
	if s.files, err = s.openFileCache(s.Instance.Settings.Values().CacheSize); err != nil {
		return err
	}
	s.edge, err = edge.New(edge.Config{Local: s.server.API(), Origin: s.server.Origin, IsOwn: s.server.IsOwnService, Registry: s.imageRegistry, AnswersDir: answers,
		Logger: s.Logger, AccessLog: s.AccessLog, Metrics: metrics, Version: s.Version}, s.files, config)
	if err != nil {
		return errors.Join(err, s.files.Close())
	}
	s.front.edge, s.front.server, s.front.images = s.edge.Handler(), s.server.API(), s.edge
	s.setMode(s.Instance.Settings)
	return nil
}

// imageRegistry returns the registry that clients are sent to for images.
func (s *service) imageRegistry(r *http.Request) edge.Registry {
	to := s.server.ImageRegistry(r)
	return edge.Registry{Domain: to.Domain, Username: to.Username, Password: to.Password}
}

// PullManifest implements [registry.Upstream] while the store is online.
func (f *front) PullManifest(w http.ResponseWriter, r *http.Request, repository, reference string) bool {
	return !f.airgapped.Load() && f.images.PullManifest(w, r, repository, reference)
}

// PullBlob implements [registry.Upstream] while the store is online.
func (f *front) PullBlob(w http.ResponseWriter, r *http.Request, repository string, d digest.Digest) bool {
	return !f.airgapped.Load() && f.images.PullBlob(w, r, repository, d)
}

// openFileCache opens the cache of files from upstream. Without a folder that works, nothing is kept, and devices get their files all the same.
func (s *service) openFileCache(max int64) (*cache.Cache, error) {
	dir, err := blob.Open(s.Instance.Dir.EdgeCachePath())
	if err != nil {
		s.Logger.Warn("files from upstream are not kept", "err", err)
		dir = nil
	}
	c, err := cache.Open(dir, cache.Options{Max: max, Retry: func(err error) bool { return errors.Is(err, upstream.ErrUnavailable) }, DirMode: 0o700, FileMode: 0o600})
	if err != nil {
		s.Logger.Warn("the cache of files from upstream has a fault, and works as far as it can", "err", err)
	}
	return c, nil
}

// edgeSettings returns the settings of the edge.
func (s *service) edgeSettings(from *settings.Settings) (edge.Settings, error) {
	v := from.Values()
	roots, err := s.Instance.Dir.CACerts()
	if err != nil {
		return edge.Settings{}, err
	}
	out := edge.Settings{Upstream: v.Upstream, Charmhub: v.CharmhubUpstream, Proxy: v.HTTPSProxy, Roots: roots, Secret: v.DeviceAuthSecret,
		Keys: session.NewKeys(v.DeviceAuthSecret, v.DeviceAuthPrevious), DeviceServices: v.AllowedDeviceServiceURLs, StaleIfError: v.StaleIfError}
	if !from.IsSet(settings.AllowedDeviceServiceURLs) {
		out.DeviceServices = []string{defaultDeviceService}
	}
	return out, nil
}

// reloadEdge takes up changed settings of the edge, and the mode.
func (s *service) reloadEdge(from *settings.Settings) {
	next, err := s.edgeSettings(from)
	if err == nil {
		err = s.edge.SetSettings(next)
	}
	if err != nil {
		s.Logger.Error("the settings for upstream can't be taken up: those before hold", "err", err)
	}
	if err := s.files.SetMax(from.Values().CacheSize); err != nil {
		s.Logger.Warn("the cache of files from upstream does not get smaller", "err", err)
	}
	s.setMode(from)
}

// setMode begins to answer in the mode of the settings.
func (s *service) setMode(from *settings.Settings) {
	airgapped := from.Values().Airgap
	if s.front.airgapped.Swap(airgapped) == airgapped {
		return
	}
	s.Logger.Info("the mode of this store has changed", "air-gapped", airgapped)
}
