package offline_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"offlinestore/blob"
	"offlinestore/catalog"
	"offlinestore/cmd/internal/offline"
	"offlinestore/cmd/internal/online"
	"offlinestore/exporter"
	"offlinestore/instance"
	"offlinestore/instance/settings"
	"offlinestore/internal/bundletest"
	"offlinestore/internal/pgtest"
	"offlinestore/internal/upstreamtest"
)

// site is an online store in front of a simulated one.
type site struct {
	*testing.T
	*upstreamtest.Store
	in *instance.Instance
	// down cuts the line upstream.
	down atomic.Bool
}

func newSite(t *testing.T) *site {
	t.Helper()
	up, err := upstreamtest.Demo(upstreamtest.DemoOptions{})
	if err != nil {
		t.Fatal(err)
	}
	s := &site{T: t, Store: up}
	h := up.Handler()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.down.Load() {
			http.Error(w, "the line is cut", http.StatusBadGateway)
			return
		}
		h.ServeHTTP(w, r)
	}))
	t.Cleanup(srv.Close)
	dir := instance.Dir(filepath.Join(t.TempDir(), "data"))
	s.must(os.MkdirAll(string(dir), 0o700))
	set, err := dir.Settings()
	s.must(err)
	dsn := pgtest.NewFrom(t, bundletest.Migrate)
	s.must(set.Set(map[string]string{settings.DBConnection: dsn, settings.Upstream: srv.URL, settings.DeviceAuthSecret: "secret"}))
	_, err = dir.Trust().AddRoot(up.Stack.RootStream())
	s.must(err)
	blobs, err := blob.Open(filepath.Join(string(dir), "blobs"))
	s.must(err)
	db, err := catalog.Open(t.Context(), dsn)
	s.must(err)
	t.Cleanup(db.Close)
	s.in = &instance.Instance{Dir: dir, Settings: set, Trust: dir.Trust(), Catalog: db, Blobs: blobs.Storage()}
	return s
}

func (s *site) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

// give gives a device a snap by way of the edge, with its assertions.
func (s *site) give(packages ...exporter.Package) {
	s.Helper()
	store, err := online.Open(s.Context(), s.in, online.Options{})
	s.must(err)
	defer store.Close()
	trust, err := s.in.Trust.Assertions()
	s.must(err)
	e := &exporter.Exporter{Trust: trust, Progress: quiet{}}
	e.Client, err = store.Client("")
	s.must(err)
	e.Cache, err = exporter.OpenCache(s.TempDir())
	s.must(err)
	defer e.Cache.Close()
	plan, err := e.Plan(s.Context(), exporter.Request{Packages: packages, Architectures: []string{"amd64"}, NoDeps: true, NoIcons: true})
	s.must(err)
	s.must(e.Fetch(s.Context(), plan))
	s.must(store.SaveReleases(s.Context()))
	store.Settle()
}

// plan returns the plan of the step to air-gapped mode.
func (s *site) plan() offline.Plan {
	s.Helper()
	step, err := offline.Prepare(s.Context(), s.in, false)
	s.must(err)
	s.must(step.Close())
	return step.Plan
}

// take takes the step.
func (s *site) take() (*offline.Result, error) {
	s.Helper()
	step, err := offline.Prepare(s.Context(), s.in, true)
	s.must(err)
	defer step.Close()
	return step.Take(context.Background(), "ada", func(int64) {})
}

type quiet struct{}

func (quiet) Downloading(string) {}
func (quiet) Add(int64)          {}
func (quiet) Warn(string)        {}
