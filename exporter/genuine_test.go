package exporter_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"offlinestore/charm"
	"offlinestore/exporter"
	"offlinestore/internal/upstreamtest"
	"offlinestore/upstream"
)

// realdata returns the folder of genuine data.
func realdata(t *testing.T) string {
	t.Helper()
	if dir := os.Getenv("OFFLINESTORE_REALDATA"); dir != "" {
		return dir
	}
	dir := filepath.Join("..", "..", "shared", "realdata")
	if _, err := os.Stat(dir); err != nil {
		t.Skip("no genuine data; OFFLINESTORE_REALDATA says where it is")
	}
	return dir
}

// TestGenuineCharms exports .charm files that real builds made.
func TestGenuineCharms(t *testing.T) {
	t.Parallel()
	for file, want := range map[string]struct {
		name, bases, fault string
	}{
		"charmcraft__6c86ab9f__test-charm_amd64.charm": {name: "test-charm", bases: "ubuntu@24.04 amd64"},
		"craft-store__c642adb6__test.charm":            {name: "lengau-craft-store-test", fault: "metadata.yaml"}, // everything in a folder
		"juju__df641541__wordpress.charm":              {name: "wordpress-k8s", bases: "ubuntu@20.04 amd64"},
		"python-libjuju__18fcbc60__charm.charm":        {name: "charm", bases: "ubuntu@20.04 amd64"},
		"python-libjuju__f45d0fd2__charm.charm":        {name: "charm", bases: "ubuntu@20.04 amd64"},
	} {
		path := filepath.Join(realdata(t), "charms", file)
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		s := demo(t)
		err = errors.Join(s.AddCharm(upstreamtest.Charm{Name: want.name}),
			s.AddCharmRevision(want.name, upstreamtest.CharmRev{Revision: 1, Blob: upstreamtest.Bytes(data), CharmFiles: upstreamtest.CharmFiles{
				Bases: []upstreamtest.Base{upstreamtest.Ubuntu("22.04", "all")}}}),
			s.ReleaseCharm(want.name, "stable", upstreamtest.Base{}, 1, nil))
		if err != nil {
			t.Fatal(err)
		}
		e, _ := newExporter(t, s)
		e.Charmhub = e.Client
		p, err := e.Plan(t.Context(), wanted(t, "applications: {a: {charm: "+want.name+"}}"))
		if err == nil {
			err = e.Fetch(t.Context(), p)
		}
		if want.fault != "" {
			if store := (*exporter.StoreError)(nil); !errors.As(err, &store) || !strings.Contains(err.Error(), want.fault) {
				t.Errorf("%s: got %v, want the store's fault with %q", file, err, want.fault)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		rev := pack(t, e, p).CharmRevisions[0].Revision
		var bases []string
		for _, b := range rev.Bases {
			bases = append(bases, b.String())
		}
		if got := strings.Join(bases, ", "); got != want.bases || !strings.Contains(rev.MetadataYAML, want.name) {
			t.Errorf("%s: bases %s, want %s", file, got, want.bases)
		}
	}
}

// TestGenuineBundles exports bundles with a genuine bundle.yaml and invented charms.
func TestGenuineBundles(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(filepath.Join(realdata(t), "bundles", "*bundle.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no bundles: %v", err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		f, err := charm.ParseBundle(text)
		if err != nil {
			if strings.Contains(err.Error(), "Charm Store") || strings.Contains(err.Error(), "no applications") {
				continue // nothing of it is left
			}
			t.Errorf("%s: %v", filepath.Base(file), err)
			continue
		}
		s := demo(t)
		err = errors.Join(s.AddCharm(upstreamtest.Charm{Name: "genuine", Type: "bundle"}),
			s.AddCharmRevision("genuine", upstreamtest.CharmRev{Revision: 1, CharmFiles: upstreamtest.CharmFiles{Bundle: string(text), Readme: "x"}}),
			s.ReleaseCharm("genuine", "stable", upstreamtest.Base{}, 1, nil))
		want := []string{"genuine"}
		for _, a := range f.Applications {
			if slices.Contains(want, a.Charm) {
				continue
			}
			want = append(want, a.Charm)
			ch := a.Channel
			if ch == "" {
				ch = "stable"
			}
			err = errors.Join(err, s.AddCharm(upstreamtest.Charm{Name: a.Charm}), s.AddCharmRevision(a.Charm, upstreamtest.CharmRev{Revision: 1}),
				s.ReleaseCharm(a.Charm, ch, upstreamtest.Base{}, 1, nil))
		}
		if err != nil {
			t.Fatal(err)
		}
		e, _ := newExporter(t, s)
		e.Charmhub = e.Client
		p := fetch(t, e, exporter.Request{Charms: &exporter.CharmRequest{Bundles: []exporter.CharmBundle{{Name: "genuine"}}, Architectures: []string{"amd64"}}})
		var got []string
		for _, c := range pack(t, e, p).Charms {
			got = append(got, c.Name)
		}
		slices.Sort(want)
		if diff := cmp.Diff(want, got); diff != "" || len(p.Gaps) > 0 {
			t.Errorf("%s: gaps %v, charms (-want +got):\n%s", filepath.Base(file), p.Gaps, diff)
		}
	}
}

// TestGenuineInfo plans against a genuine answer of Charmhub, byte for byte, in a simulated store.
func TestGenuineInfo(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(realdata(t), "api", "charmhub")
	recorded, err := upstreamtest.ReplayCharmhub(dir)
	s := demo(t)
	if err := errors.Join(err, s.AddRecordedCharm(filepath.Join(dir, "charmhub-lp-tools__awesome-info.json"))); err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/", s.Handler())
	mux.Handle("/v2/charms/info/", recorded)
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	e, _ := newExporter(t, s)
	if e.Charmhub, err = upstream.New(upstream.Config{Origin: srv.URL, Backoff: func(int) time.Duration { return time.Millisecond }}); err != nil {
		t.Fatal(err)
	}
	req := wanted(t, "applications: {a: {charm: awesome}, b: {charm: awesome, channel: edge}, c: {charm: awesome, channel: rocky/edge, series: bionic}}")
	req.Charms.Architectures = []string{"amd64", "s390x"}
	p := fetch(t, e, req)
	rows := charmRows(&pack(t, e, p).Charms[0].Listing)
	for _, want := range []string{
		"latest/stable ubuntu@22.04 amd64 0", "latest/stable ubuntu@20.04 amd64 39", "latest/stable ubuntu@18.04 s390x 39", "latest/edge ubuntu@22.04 amd64 93",
		"latest/edge ubuntu@22.04 s390x 94", "rocky/edge ubuntu@18.04 s390x 39", "rocky/edge ubuntu@20.04 amd64 39",
	} {
		if !slices.Contains(rows, want) {
			t.Errorf("no row %s among %q", want, rows)
		}
	}
	if len(p.Gaps)+len(p.Warnings) > 0 {
		t.Errorf("gaps %v, warnings %v", p.Gaps, p.Warnings)
	}
}
