package exporter_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"offlinestore/assertion"
	"offlinestore/exporter"
	"offlinestore/internal/upstreamtest"
)

func request(names ...string) exporter.Request {
	return exporter.Request{Names: names, Channels: []string{"stable"}, Architectures: []string{"amd64"}, NoDeps: true}
}

// fetch plans and fetches.
func fetch(t *testing.T, e *exporter.Exporter, req exporter.Request) *exporter.Plan {
	t.Helper()
	p, err := e.Plan(t.Context(), req)
	if err == nil {
		err = e.Fetch(t.Context(), p)
	}
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestDeclarations checks that the snap-declaration is packed in each format, byte for byte as the store sent it.
func TestDeclarations(t *testing.T) {
	t.Parallel()
	s := demo(t)
	e, _ := newExporter(t, s)
	h := pack(t, e, fetch(t, e, request("jq")))
	for _, format := range []int{0, 3, 5} {
		sent := declaration(t, s, "jq", format)
		for name, stream := range map[string][]byte{"jq": h.Snaps[0].Assertions, "jq_6": h.Revisions[0].Assertions} {
			if !bytes.Contains(stream, bytes.TrimSuffix(sent, []byte("\n"))) {
				t.Errorf("%s has no declaration of format %d as the store sent it", name, format)
			}
		}
	}
	as, err := assertion.DecodeAll(h.Snaps[0].Assertions)
	if err != nil || len(as) < 5 {
		t.Errorf("%d assertions of jq (%v), want three declarations, an account and an account-key", len(as), err)
	}
}

// declaration returns the store's answer for a format of the snap-declaration.
func declaration(t *testing.T, s *upstreamtest.Store, name string, format int) []byte {
	t.Helper()
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, fmt.Sprintf("/v2/assertions/snap-declaration/16/%s?max-format=%d", upstreamtest.ID(name), format), nil))
	if !bytes.Contains(w.Body.Bytes(), []byte("type: snap-declaration\n")) || format > 0 && !bytes.Contains(w.Body.Bytes(), fmt.Appendf(nil, "format: %d\n", format)) {
		t.Fatalf("the store answered %d without a declaration of format %d", w.Code, format)
	}
	return w.Body.Bytes()
}

// TestSharedComponent checks that a component of several revisions is fetched and counted once.
func TestSharedComponent(t *testing.T) {
	t.Parallel()
	s := demo(t)
	if err := s.AddSnap(upstreamtest.Snap{Name: "shared", Base: "core24"}); err != nil {
		t.Fatal(err)
	}
	docs := upstreamtest.Component{Name: "docs", Revision: 3, Blob: upstreamtest.Random("docs", 5000)}
	for i, channel := range []string{"stable", "edge"} {
		rev := upstreamtest.Rev{Revision: 1 + i, Blob: upstreamtest.Random(channel, 1000), Components: []upstreamtest.Component{docs}}
		if err := errors.Join(s.AddRevision("shared", rev), s.Release("shared", "", channel, 1+i)); err != nil {
			t.Fatal(err)
		}
	}
	e, progress := newExporter(t, s)
	req := request("shared")
	req.Channels = []string{"stable", "edge"}
	p := fetch(t, e, req)
	if got := s.Count("/download-origin/"); got != 3 {
		t.Errorf("%d downloads, want 3", got)
	}
	if p.Size() != 7000 || progress.total != 7000 {
		t.Errorf("size %d, progress %d, want 7000", p.Size(), progress.total)
	}
	h := pack(t, e, p)
	if len(h.Revisions) != 2 || h.Revisions[0].Components[0] != h.Revisions[1].Components[0] || len(h.Payload) != 3 {
		t.Errorf("%d revisions with %d blobs, want 2 that share a component among 3", len(h.Revisions), len(h.Payload))
	}
	for _, r := range h.Revisions {
		if len(r.Revision.Resources) != 1 || !bytes.Contains(r.Assertions, []byte("type: snap-resource-pair\n")) {
			t.Errorf("revision %d lacks its component or the assertions about it", r.Revision.Number)
		}
	}
}

// TestProgressComesOut checks that progress ends at the size of the plan and never exceeds it, despite faults in between.
func TestProgressComesOut(t *testing.T) {
	t.Parallel()
	s := demo(t)
	s.Inject(upstreamtest.Fault{Path: "/download-origin/", Times: 2, Do: upstreamtest.Cut(30_000)})
	s.Inject(upstreamtest.Fault{Path: "/download-origin/", Skip: 2, Times: 1, Do: upstreamtest.Corrupt(100)})
	s.Inject(upstreamtest.Fault{Path: "/download-origin/", Skip: 3, Do: upstreamtest.NoRange})
	e, progress := newExporter(t, s)
	p := fetch(t, e, request("jq", "hello", "core24"))
	if progress.total != p.Size() || progress.top > p.Size() {
		t.Errorf("progress ended at %d and reached %d, want %d", progress.total, progress.top, p.Size())
	}
	again := &recorder{}
	e.Progress = again
	fetch(t, e, request("jq", "hello", "core24"))
	if again.total != p.Size() || len(again.downloads) > 0 {
		t.Errorf("from the cache: progress %d, downloads %q", again.total, again.downloads)
	}
}

// TestRefetch checks that a cached blob that was damaged or lost is fetched again.
func TestRefetch(t *testing.T) {
	t.Parallel()
	s := demo(t)
	e, _ := newExporter(t, s)
	p := fetch(t, e, request("hello"))
	h := pack(t, e, p)
	d := h.Payload[0].Digest
	path, err := e.Cache.Blobs.Path(d)
	if err != nil {
		t.Fatal(err)
	}
	before := s.Count("/download-origin/")
	if err := errors.Join(os.WriteFile(path, make([]byte, h.Payload[0].Size), 0o644), e.Refetch(t.Context(), p, d)); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(e.Cache.Blobs.VerifyBlob(t.Context(), d), os.Remove(path), e.Refetch(t.Context(), p, "")); err != nil {
		t.Fatal(err)
	}
	if got := s.Count("/download-origin/") - before; got != 2 {
		t.Errorf("%d downloads, want 2", got)
	}
	pack(t, e, p)
}

// TestDamagedNote checks that an altered note is not believed.
func TestDamagedNote(t *testing.T) {
	t.Parallel()
	s := demo(t)
	dir := t.TempDir()
	e, _ := newExporter(t, s)
	var err error
	if e.Cache, err = exporter.OpenCache(dir); err != nil {
		t.Fatal(err)
	}
	fetch(t, e, request("hello", "core24"))
	notes, err := os.ReadDir(dir + "/.sha3-384")
	if err != nil || len(notes) != 2 {
		t.Fatalf("%d notes, %v", len(notes), err)
	}
	a, b := dir+"/.sha3-384/"+notes[0].Name(), dir+"/.sha3-384/"+notes[1].Name()
	if err := errors.Join(os.Rename(a, a+"x"), os.Rename(b, a), os.Rename(a+"x", b)); err != nil {
		t.Fatal(err)
	}
	before := s.Count("/download-origin/")
	p := fetch(t, e, request("hello", "core24"))
	if got := s.Count("/download-origin/") - before; got != 2 {
		t.Errorf("%d downloads after the notes were swapped, want 2", got)
	}
	pack(t, e, p)
}

// TestTime checks that keys are verified for the time at which the bundle is signed, as the receiver will.
func TestTime(t *testing.T) {
	t.Parallel()
	s := demo(t)
	s.ExpireKey()
	e, _ := newExporter(t, s)
	e.Time = time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)
	p := fetch(t, e, request("hello"))
	e.Time = time.Time{}
	err := e.Fetch(t.Context(), p)
	var unverified *assertion.VerifyError
	if !errors.As(err, &unverified) || !errors.Is(err, assertion.ErrExpiredKey) {
		t.Errorf("today: got %v, want the expired key", err)
	}
}

func TestFetchStops(t *testing.T) {
	t.Parallel()
	s := demo(t)
	e, _ := newExporter(t, s)
	p, err := e.Plan(t.Context(), request("hello", "jq"))
	if err != nil {
		t.Fatal(err)
	}
	s.Inject(upstreamtest.Fault{Path: "/download-origin/", Do: upstreamtest.Stall(1000)})
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if err := e.Fetch(ctx, p); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want that the time is over", err)
	}
	for _, url := range []string{"/v2/assertions/", "/site_media/"} {
		s.Heal()
		s.Inject(upstreamtest.Fault{Path: url, Do: upstreamtest.Stall(0)})
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		if err := e.Fetch(ctx, p); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: got %v, want that the time is over", url, err)
		}
		cancel()
	}
}

func TestParseSize(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]int64{"0": 0, "17": 17, "50GB": 50e9, "1.5GB": -1, "1 GiB": 1 << 30, "4kb": 4000, "9B": 9, "": -1, "GB": -1, "-1": -1,
		"1XB": -1, "99999999999TB": -1, "5TiB": 5 << 40} {
		got, err := exporter.ParseSize(s)
		if err != nil {
			got = -1
		}
		if got != want {
			t.Errorf("ParseSize(%q) = %d (%v), want %d", s, got, err, want)
		}
	}
}

// TestValidate tries requests that are refused before the store is asked.
func TestValidate(t *testing.T) {
	t.Parallel()
	for want, edit := range map[string]func(*exporter.Request){
		"no snaps":         func(r *exporter.Request) { r.Names = nil },
		"snap name":        func(r *exporter.Request) { r.Names = []string{"../x"} },
		"channel":          func(r *exporter.Request) { r.Channels = []string{"a/b/c/d"} },
		"architecture":     func(r *exporter.Request) { r.Architectures = []string{"AMD64"} },
		"architecture all": func(r *exporter.Request) { r.Architectures = []string{"all"} },
		"out of range":     func(r *exporter.Request) { r.Packages = []exporter.Package{{Name: "jq", Revision: -1}} },
		"push_channel": func(r *exporter.Request) {
			r.Packages = []exporter.Package{{Name: "jq", Revision: 1, PushChannel: "/"}}
		},
		"Name a revision": func(r *exporter.Request) {
			r.Channels, r.Packages = []string{"stable", "edge"}, []exporter.Package{{Name: "jq", PushChannel: "x"}}
		},
		"20000 snaps in one": func(r *exporter.Request) { r.Names = strings.Fields(strings.Repeat("jq ", 20000)) },
	} {
		req := request("jq")
		edit(&req)
		if err := req.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want an error with %q", err, want)
		}
	}
	req := request("jq")
	if err := req.Validate(); err != nil {
		t.Error(err)
	}
}
