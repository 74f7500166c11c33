package exporter_test

import (
	"bytes"
	"crypto/ed25519"
	"io"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"offlinestore/bundle"
	"offlinestore/exporter"
	"offlinestore/internal/upstreamtest"
	"offlinestore/upstream"
)

// recorder is a Progress that records its calls.
type recorder struct {
	mu         sync.Mutex
	downloads  []string
	warnings   []string
	total, top int64
}

func (r *recorder) Downloading(what string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.downloads = append(r.downloads, what)
}

func (r *recorder) Add(n int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.total += n
	r.top = max(r.top, r.total)
}

func (r *recorder) Warn(text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.warnings = append(r.warnings, text)
}

// demo returns a simulated store with the catalogue of the demonstration.
func demo(t *testing.T) *upstreamtest.Store {
	t.Helper()
	s, err := upstreamtest.Demo(upstreamtest.DemoOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// newExporter returns an exporter for s, with its own cache and short timeouts.
func newExporter(t *testing.T, s *upstreamtest.Store) (*exporter.Exporter, *recorder) {
	t.Helper()
	srv := httptest.NewServer(s.Handler())
	t.Cleanup(srv.Close)
	client, err := upstream.New(upstream.Config{Origin: srv.URL, Backoff: func(int) time.Duration { return time.Millisecond }})
	if err != nil {
		t.Fatal(err)
	}
	cache, err := exporter.OpenCache(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	r := &recorder{}
	return &exporter.Exporter{Client: client, Cache: cache, Trust: s.Stack.Trust(), Progress: r}, r
}

// pack packs the whole plan into a bundle, and reads its head back.
func pack(t *testing.T, e *exporter.Exporter, p *exporter.Plan) *bundle.Head {
	t.Helper()
	builder, err := e.Builder(exporter.Part{p.Snaps, p.Charms, p.Assertions, p.Stores, p.Withdrawals, p.Repositories})
	if err != nil {
		t.Fatal(err)
	}
	key := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	sealed, err := builder.Seal(t.Context(), bundle.Predicate{Created: time.Now().UTC().Truncate(time.Second), Exporter: "test@test", Program: "test"}, key)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	open := func(d digest.Digest) (io.ReadCloser, error) { return e.Cache.Blobs.OpenBlob(d) }
	if err := sealed.WriteTar(t.Context(), &b, bundle.None, open, nil); err != nil {
		t.Fatal(err)
	}
	r, err := bundle.NewReader("test", &b)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := r.VerifyUnsafe(t.Context()); err != nil {
		t.Fatal(err)
	}
	h, err := r.Head()
	if err != nil {
		t.Fatal(err)
	}
	return h
}
