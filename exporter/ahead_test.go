package exporter_test

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"offlinestore/exporter"
	"offlinestore/internal/upstreamtest"
)

// flight counts the requests that are answered at once.
type flight struct{ now, most atomic.Int64 }

// enoughAtOnce is the number of requests that must be under way at once.
const enoughAtOnce = 8

func (f *flight) wrap(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n := f.now.Add(1)
		defer f.now.Add(-1)
		for most := f.most.Load(); n > most && !f.most.CompareAndSwap(most, n); most = f.most.Load() {
		}
		// The first ones wait for the others, which a busy machine may delay.
		for end := time.Now().Add(2 * time.Second); f.most.Load() < enoughAtOnce && time.Now().Before(end); {
			time.Sleep(time.Millisecond)
		}
		time.Sleep(5 * time.Millisecond)
		h.ServeHTTP(w, r)
	})
}

// many returns a store with so many small snaps, and their names.
func many(t *testing.T, n int) (*upstreamtest.Store, []string) {
	t.Helper()
	s := demo(t)
	var names []string
	for i := range n {
		name := fmt.Sprintf("many-%02d", i)
		names = append(names, name)
		err := errors.Join(s.AddSnap(upstreamtest.Snap{Name: name}),
			s.AddRevision(name, upstreamtest.Rev{Revision: 1, Blob: upstreamtest.Random(name, 100)}), s.Release(name, "amd64", "latest/stable", 1))
		if err != nil {
			t.Fatal(err)
		}
	}
	return s, names
}

// TestQuestionsAtOnce checks that an export asks many questions at once, and no more than its bound.
func TestQuestionsAtOnce(t *testing.T) {
	t.Parallel()
	s, names := many(t, 60)
	for _, path := range []string{"/v2/snaps/info/", "/v2/assertions/"} {
		s.Heal()
		f := &flight{}
		s.Inject(upstreamtest.Fault{Path: path, Do: f.wrap})
		e, _ := newExporter(t, s)
		fetch(t, e, request(names...))
		if most := f.most.Load(); most < enoughAtOnce || most > 24 {
			t.Errorf("%s: %d requests at once, want %d to 24", path, most, enoughAtOnce)
		}
	}
}

// TestAskedOnce checks that no question is asked twice in an export.
func TestAskedOnce(t *testing.T) {
	t.Parallel()
	s, names := many(t, 10)
	e, _ := newExporter(t, s)
	before := len(s.Requests())
	fetch(t, e, request(names...))
	seen := make(map[string]bool)
	for _, r := range s.Requests()[before:] {
		if at := r.Method + r.Path + r.Query; seen[at] && r.Method == http.MethodGet {
			t.Errorf("asked twice: %s", at)
		} else {
			seen[at] = true
		}
	}
}

// snapRevisions are the paths of snap-revision, snap-resource-revision and snap-resource-pair.
const snapRevisions = "/v2/assertions/snap-re"

// TestKeptAssertions checks that a repeated export does not ask for the assertions about downloaded revisions, unless the kept ones are
// damaged or old.
func TestKeptAssertions(t *testing.T) {
	t.Parallel()
	s := demo(t)
	e, _ := newExporter(t, s)
	dir := t.TempDir()
	cache, err := exporter.OpenCache(dir)
	if err != nil {
		t.Fatal(err)
	}
	e.Cache = cache
	first := pack(t, e, fetch(t, e, request("jq")))
	asked := s.Count(snapRevisions)
	second := pack(t, e, fetch(t, e, request("jq")))
	if got := s.Count(snapRevisions); got != asked || asked == 0 {
		t.Errorf("a repeated export asked %d times for snap-revisions", got-asked)
	}
	if !bytes.Equal(first.Revisions[0].Assertions, second.Revisions[0].Assertions) {
		t.Error("the kept assertions are others")
	}
	for name, spoil := range map[string]func(file string) error{
		"damaged": func(file string) error {
			data, err := os.ReadFile(file)
			data[len(data)/2] ^= 1
			return errors.Join(err, os.WriteFile(file, data, 0o644))
		},
		"old": func(file string) error {
			old := time.Now().Add(-31 * 24 * time.Hour)
			return os.Chtimes(file, old, old)
		},
	} {
		files, err := filepath.Glob(filepath.Join(dir, ".assertions", "*"))
		if err != nil || len(files) != asked {
			t.Fatalf("files of assertions: %q, %v, want %d", files, err, asked)
		}
		if err := spoil(files[0]); err != nil {
			t.Fatal(err)
		}
		before := s.Count(snapRevisions)
		pack(t, e, fetch(t, e, request("jq")))
		if got := s.Count(snapRevisions); got != before+1 {
			t.Errorf("%s: asked %d times, want once", name, got-before)
		}
	}
	if _, err := cache.Trim(0); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, ".assertions")); err == nil {
		t.Error("emptying the cache leaves its assertions")
	}
}
