//go:build linux

package e2e_test

import (
	"archive/zip"
	"bytes"
	"errors"
	"io"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"offlinestore/charm"
	"offlinestore/internal/upstreamtest"
)

// genuineHub is a simulated Charmhub that offers the results of real builds.
type genuineHub struct {
	*upstreamtest.Store
	t *testing.T
	// charms holds the archives, and bundles the bundle.yaml files, each by name.
	charms, bundles map[string][]byte
}

func newGenuineHub(t *testing.T) *genuineHub {
	t.Helper()
	s, err := upstreamtest.New(upstreamtest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	h := &genuineHub{s, t, map[string][]byte{}, map[string][]byte{}}
	dir := realdata(t)
	for _, file := range h.glob(filepath.Join(dir, "charms", "*.charm")) {
		h.addCharm(file)
	}
	for _, file := range h.glob(filepath.Join(dir, "bundles", "*__bundle.yaml")) {
		h.addBundle(file)
	}
	return h
}

func (h *genuineHub) glob(pattern string) []string {
	h.t.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		h.t.Fatalf("%s: nothing there (%v)", pattern, err)
	}
	return files
}

// addCharm adds a charm under the name in its metadata. It leaves out an archive that is no charm, and a second archive of
// a name, because the tests of package exporter cover them.
func (h *genuineHub) addCharm(path string) {
	h.t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		h.t.Fatal(err)
	}
	a, err := charm.OpenArchive(bytes.NewReader(data), int64(len(data)))
	if err != nil || h.charms[a.Metadata.Name] != nil {
		return
	}
	name := a.Metadata.Name
	h.charms[name] = data
	h.release(name, "charm", "stable", upstreamtest.CharmRev{Revision: 1, Blob: upstreamtest.Bytes(data),
		CharmFiles: upstreamtest.CharmFiles{Bases: []upstreamtest.Base{upstreamtest.Ubuntu("22.04", "all")}}})
}

// addBundle adds a bundle, with invented charms. It leaves out bundles of the Charm Store, which was closed.
func (h *genuineHub) addBundle(path string) {
	h.t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		h.t.Fatal(err)
	}
	f, err := charm.ParseBundle(text)
	if err != nil {
		return
	}
	name := "genuine-" + string(rune('a'+len(h.bundles)))
	h.bundles[name] = text
	h.release(name, "bundle", "stable", upstreamtest.CharmRev{Revision: 1, CharmFiles: upstreamtest.CharmFiles{Bundle: string(text)}})
	for _, a := range f.Applications {
		channel := a.Channel
		if channel == "" {
			channel = "stable"
		}
		h.release(a.Charm, "charm", channel, upstreamtest.CharmRev{Revision: 1})
	}
}

// release adds a charm with one revision, unless it is there already, and releases the revision.
func (h *genuineHub) release(name, kind, channel string, rev upstreamtest.CharmRev) {
	h.t.Helper()
	if h.AddCharm(upstreamtest.Charm{Name: name, Type: kind}) == nil {
		if err := h.AddCharmRevision(name, rev); err != nil {
			h.t.Fatal(err)
		}
	}
	if err := h.ReleaseCharm(name, channel, upstreamtest.Base{}, 1, nil); err != nil {
		h.t.Fatal(err)
	}
}

// TestGenuineCharmsAcrossTheGap takes charms and bundles of real builds through both programs, and compares every byte.
func TestGenuineCharmsAcrossTheGap(t *testing.T) {
	t.Parallel()
	needTools(t)
	h := newGenuineHub(t)
	if len(h.charms) < 3 || len(h.bundles) < 2 {
		t.Fatalf("%d charms and %d bundles can be exported, want 3 and 2 at least", len(h.charms), len(h.bundles))
	}
	srv := httptest.NewServer(h.Handler())
	t.Cleanup(srv.Close)
	o := newCharmOutside(t, h.Store, srv.URL)
	list := "applications:\n"
	for name := range h.charms {
		list += "  " + name + ": {charm: " + name + "}\n"
	}
	path := filepath.Join(o.dir, "charms.yaml")
	o.write(path, []byte(list))
	files := []string{o.exportCharms("charms", path)}
	for name := range h.bundles {
		files = append(files, o.exportCharms("bundle", name))
	}
	in := newInside(t, o)
	in.proxy(append([]string{"push-charms"}, files...)...)
	addresses, _ := in.serveOn(1)
	j := juju{t, "http://" + addresses[0]}
	for name, data := range h.charms {
		if got := j.download(j.resolve(name, "stable", "amd64").Download); !bytes.Equal(got, data) {
			t.Errorf("charm %s is served with %d other bytes, want the %d of the genuine file", name, len(got), len(data))
		}
	}
	for name, text := range h.bundles {
		if got := fileOf(t, j.download(j.resolve(name, "stable", "amd64").Download), "bundle.yaml"); !bytes.Equal(got, text) {
			t.Errorf("bundle.yaml of %s is served as %q, want %q", name, got, text)
		}
		j.deployBundle(name, "amd64")
	}
}

// fileOf returns a file in an archive.
func fileOf(t *testing.T, archive []byte, name string) []byte {
	t.Helper()
	z, err := zip.NewReader(bytes.NewReader(archive), int64(len(archive)))
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(z.File, func(f *zip.File) bool { return f.Name == name })
	if i < 0 {
		t.Fatalf("there is no %s in the archive", name)
	}
	r, err := z.File[i].Open()
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(r)
	if err := errors.Join(err, r.Close()); err != nil {
		t.Fatal(err)
	}
	return text
}
