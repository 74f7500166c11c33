package exporter_test

import (
	"errors"
	"regexp"
	"strings"
	"testing"

	"offlinestore/bundle"
	"offlinestore/exporter"
	"offlinestore/internal/assertiontest"
	"offlinestore/internal/upstreamtest"
	wantedfile "offlinestore/wanted"
)

// lockedHead returns the content of an export of snaps and charms, with an image that needs credentials.
func lockedHead(t *testing.T, h *hub) *bundle.Head {
	t.Helper()
	e, _ := h.exporter(t)
	f, err := wantedfile.Parse("wanted.yaml", []byte("snaps: [{name: jq, architectures: [amd64, arm64]}]\nbundles: [pg-bundle]"))
	if err != nil {
		t.Fatal(err)
	}
	req, err := exporter.WantedRequest(f)
	if err != nil {
		t.Fatal(err)
	}
	p := fetch(t, e, req)
	b, err := e.Builder(exporter.Part{Snaps: p.Snaps, Charms: p.Charms})
	if err != nil {
		t.Fatal(err)
	}
	c, err := b.Content()
	if err != nil {
		t.Fatal(err)
	}
	return c.Head()
}

// TestFetchLocked fetches a locked content into an empty cache after all channels have moved. Without a change of the content, nothing is
// asked the second time.
func TestFetchLocked(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	head := lockedHead(t, h)
	if err := errors.Join(h.Release("jq", "amd64", "stable", 8), h.CloseCharm("pgbouncer", "latest/stable", upstreamtest.Base{})); err != nil {
		t.Fatal(err)
	}
	e, r := h.exporter(t)
	if err := e.FetchLocked(t.Context(), head); err != nil {
		t.Fatal(err)
	}
	for _, d := range head.Payload {
		if n, err := e.Cache.Blobs.Stat(d.Digest); err != nil || n != d.Size {
			t.Errorf("%s: %d bytes in the cache, %v; want %d", d.Digest, n, err, d.Size)
		}
	}
	if r.total != head.PayloadSize() {
		t.Errorf("progress of %d bytes, want %d", r.total, head.PayloadSize())
	}
	r.downloads = nil
	if err := e.FetchLocked(t.Context(), head); err != nil || len(r.downloads) > 0 {
		t.Errorf("the second time: %v, downloads %q", err, r.downloads)
	}
	lost := head.Payload[0].Digest
	if err := e.Cache.Blobs.Remove(lost); err != nil {
		t.Fatal(err)
	}
	if err := e.RefetchLocked(t.Context(), head, lost); err != nil {
		t.Error(err)
	}
	if _, err := e.Cache.Blobs.Stat(lost); err != nil {
		t.Error(err)
	}
}

// TestFetchLockedRefuses names the locked item that a store does not offer any more, or with another file.
func TestFetchLockedRefuses(t *testing.T) {
	t.Parallel()
	for want, change := range map[string]func(h *hub){
		"jq revision 6 is locked, the cache does not have it, and the store offers it with other files": func(h *hub) { h.Announce("jq", 6, strings.Repeat("ab", 48), 7) },
		"jq revision [67] is locked, the cache does not have it, and the store does not give it: ":      func(h *hub) { h.Withdraw("jq") },
		"pgbouncer revision 5 is locked, the cache does not have it, and Charmhub offers another file":  func(h *hub) { h.AnnounceCharm("pgbouncer", 5, strings.Repeat("ab", 32), 7) },
		"resource config revision 2 of pgbouncer is locked, the cache does not have it, and Charmhub offers another file": func(h *hub) {
			h.AnnounceCharmResource("pgbouncer", "config", 2, strings.Repeat("ab", 32), strings.Repeat("ab", 48), 7)
		},
	} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			h := newHub(t)
			head := lockedHead(t, h)
			change(h)
			e, _ := h.exporter(t)
			err := e.FetchLocked(t.Context(), head)
			if _, ok := errors.AsType[*exporter.LockedError](err); !ok || !regexp.MustCompile(want).MatchString(err.Error()) {
				t.Errorf("FetchLocked = %v, want a LockedError", err)
			}
		})
	}
}

// TestWantedModels exports two models for their own architectures.
func TestWantedModels(t *testing.T) {
	t.Parallel()
	s := demo(t)
	acme := s.Brand()
	model := func(name, arch, channel string) wantedfile.Model {
		return wantedfile.Model{Assertion: string(acme.Model(name, assertiontest.Headers{"classic": nil, "base": "core24", "grade": "signed", "architecture": arch,
			"snaps": []any{map[string]any{"name": "jq", "id": upstreamtest.ID("jq"), "type": "app", "default-channel": channel}}}).Raw())}
	}
	req, err := exporter.WantedRequest(&wantedfile.File{Models: []wantedfile.Model{model("pump", "amd64", "latest/edge"), model("valve", "arm64", "latest/stable")}})
	if err != nil {
		t.Fatal(err)
	}
	e, _ := newExporter(t, s)
	p, err := e.Plan(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, sn := range p.Snaps {
		for _, r := range sn.Revisions {
			if sn.Listing.Name == "jq" {
				got = append(got, strings.Join(r.From, ", "))
			}
		}
	}
	if want := "latest/stable arm64; latest/edge amd64"; strings.Join(got, "; ") != want || len(p.Assertions) != 2 {
		t.Errorf("jq from %q with %d models, want %q", got, len(p.Assertions), want)
	}
	twice := &wantedfile.File{Path: "f", Models: []wantedfile.Model{{Position: wantedfile.Position{Line: 3, Column: 5}, Assertion: "x"}}}
	if _, err := exporter.WantedRequest(twice); err == nil || !strings.HasPrefix(err.Error(), "f:3:5: ") {
		t.Errorf("WantedRequest of a model that is none: %v", err)
	}
}
