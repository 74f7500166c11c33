//go:build unix

package offline_test

import (
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"

	"offlinestore/charm"
	"offlinestore/cmd/internal/offline"
	"offlinestore/cmd/internal/online"
	"offlinestore/edge/cache"
	"offlinestore/exporter"
	"offlinestore/instance/settings"
	"offlinestore/internal/upstreamtest"
)

// giveCharms gives Juju charms by way of the edge, with their resources and images.
func (s *site) giveCharms(apps ...charm.Application) {
	s.Helper()
	registry := upstreamtest.DemoRegistry()
	images := httptest.NewServer(registry.Handler())
	s.Cleanup(images.Close)
	s.must(upstreamtest.DemoCharms(s.Store, upstreamtest.DemoCharmsOptions{Registry: registry, Host: images.Listener.Addr().String()}))
	s.must(s.in.Settings.Set(map[string]string{settings.CharmhubUpstream: s.in.Settings.Values().Upstream}))
	store, err := online.Open(s.Context(), s.in, online.Options{})
	s.must(err)
	defer store.Close()
	trust, err := s.in.Trust.Assertions()
	s.must(err)
	e := &exporter.Exporter{Trust: trust, Progress: quiet{}, Registry: store.Registry()}
	e.Client, err = store.Client("")
	s.must(err)
	e.Charmhub = e.Client
	e.Cache, err = exporter.OpenCache(s.TempDir())
	s.must(err)
	defer e.Cache.Close()
	archs := []string{"amd64"}
	plan, err := e.Plan(s.Context(), exporter.Request{NoIcons: true, Charms: &exporter.CharmRequest{Applications: apps, Architectures: archs, ImageArchitectures: archs}})
	s.must(err)
	s.must(e.Fetch(s.Context(), plan))
	s.must(store.SaveReleases(s.Context()))
	store.Settle()
}

func app(name, channel string) charm.Application {
	base := charm.Base{Name: charm.Ubuntu, Channel: "22.04"}
	if name == "postgresql" {
		base.Channel = "24.04"
	}
	return charm.Application{Name: name, Charm: name, Channel: channel, Base: base}
}

// spoil changes the files in the cache that have one of the texts in their names.
func (s *site) spoil(change func(c *cache.Cache, e cache.Entry, path string), names ...string) {
	s.Helper()
	files, dir, err := online.OpenCache(s.in.Dir, s.in.Settings, false)
	s.must(err)
	list, err := files.List()
	s.must(err)
	changed := 0
	for _, e := range list {
		if slices.ContainsFunc(names, func(n string) bool { return strings.Contains(e.Name, n) }) {
			path, err := dir.Path(e.SHA256)
			s.must(err)
			change(files, e, path)
			changed++
		}
	}
	s.must(files.Close())
	if changed == 0 {
		s.Fatalf("no file of %q is in the cache: %+v", names, list)
	}
}

// TestCharmsAreKept takes charms over with the line cut, and then again from the catalogue alone.
func TestCharmsAreKept(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.give(jq("stable"))
	s.giveCharms(app("postgresql-k8s", "14/stable"), app("traefik-k8s", "latest/stable"), app("postgresql", "14/stable"))
	s.down.Store(true)
	// An export asks for postgresql for two bases.
	want := []string{"jq latest/stable amd64 6 false ", "postgresql 14/stable amd64 553 false ", "postgresql 14/stable amd64 553 false ", "postgresql-k8s 14/stable amd64 20 false ", "traefik-k8s latest/stable amd64 176 false "}
	if got := describe(s.plan().Kept); !slices.Equal(got, want) {
		t.Fatalf("Kept = %q, want %q", got, want)
	}
	done, err := s.take()
	s.must(err)
	if n := len(done.Report.CharmRevisions); n != 3 {
		t.Errorf("%d charms were imported, want 3", n)
	}
	cat, err := s.in.Catalog.LoadSnapshot(t.Context())
	s.must(err)
	if len(cat.Charms) != 3 || len(cat.Images) == 0 {
		t.Errorf("the catalogue has %d charms and %d images", len(cat.Charms), len(cat.Images))
	}
	s.spoil(func(c *cache.Cache, e cache.Entry, _ string) { s.must(c.Drop(e.Digest)) }, ".charm", "traefik", "postgresql")
	if got := describe(s.plan().Kept); !slices.Equal(got, want) {
		t.Errorf("once more, from the catalogue: Kept = %q, want %q", got, want)
	}
}

// TestLostCharms plans with charms whose archive, resource or image is gone or damaged.
func TestLostCharms(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.giveCharms(app("postgresql-k8s", "14/stable"), app("traefik-k8s", "latest/stable"), app("postgresql", "14/stable"))
	s.down.Store(true)
	damage := func(_ *cache.Cache, e cache.Entry, path string) {
		s.must(os.Truncate(path, e.Size/2))
		s.must(os.Truncate(path, e.Size))
	}
	reasons := func() (list []string) {
		for _, i := range s.plan().Lost {
			list = append(list, i.Kind+" "+i.Name+": "+i.Reason)
		}
		return list
	}
	s.spoil(damage, "_20.charm")
	want := []string{offline.KindCharm + " postgresql-k8s: its file in the cache is damaged"}
	if got := reasons(); !slices.Equal(got, want) {
		t.Errorf("Lost = %q, want %q", got, want)
	}
	s.spoil(func(c *cache.Cache, e cache.Entry, _ string) { s.must(c.Drop(e.Digest)) }, "traefik-image")
	want = append(want, "charm traefik-k8s: a resource or an image of it is not in the cache any more, or nobody has fetched it")
	if got := reasons(); !slices.Equal(got, want) {
		t.Errorf("Lost = %q, want %q", got, want)
	}
	done, err := s.take()
	s.must(err)
	if n := len(done.Report.CharmRevisions); n != 1 {
		t.Errorf("%d charms were imported, want postgresql alone", n)
	}
}
