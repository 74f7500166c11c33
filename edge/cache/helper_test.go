package cache_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/sha3"
	"crypto/sha512"
	"encoding/hex"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"offlinestore/blob"
	"offlinestore/edge/cache"
)

// random returns content that is the same in every run.
func random(seed uint64, size int) []byte {
	b := make([]byte, size)
	rand.NewChaCha8(sha256.Sum256([]byte{byte(seed), byte(seed >> 8), byte(seed >> 16)})).Read(b)
	return b
}

func snap(name string, content []byte) cache.File {
	sum := sha3.Sum384(content)
	return cache.File{Digest: cache.Digest("sha3-384:" + hex.EncodeToString(sum[:])), Size: int64(len(content)), Name: name}
}

func charm(name string, content []byte) cache.File {
	sum := sha256.Sum256(content)
	return cache.File{Digest: cache.Digest("sha256:" + hex.EncodeToString(sum[:])), Size: int64(len(content)), Name: name}
}

func resource(name string, content []byte) cache.File {
	sum := sha512.Sum384(content)
	return cache.File{Digest: cache.Digest("sha384:" + hex.EncodeToString(sum[:])), Size: int64(len(content)), Name: name}
}

// quick returns options for tests.
func quick(max int64) cache.Options {
	return cache.Options{Max: max, Backoff: time.Millisecond, Stall: 5 * time.Second}
}

func openDir(t testing.TB, dir string) *blob.Dir {
	t.Helper()
	d, err := blob.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func open(t testing.TB, dir string, o cache.Options) *cache.Cache {
	t.Helper()
	c, err := cache.Open(openDir(t, dir), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { check(t, c.Close()) })
	return c
}

// origin is a store upstream with one file, which it serves with faults.
type origin struct {
	content []byte
	url     string
	// fault answers the nth request, counted from 0, or returns false.
	fault    func(n int, w http.ResponseWriter, r *http.Request) bool
	requests atomic.Int64
	sent     atomic.Int64
	mu       sync.Mutex
	ranges   []string
}

func serve(t testing.TB, content []byte) *origin {
	t.Helper()
	o := &origin{content: content}
	s := httptest.NewServer(o)
	o.url = s.URL
	t.Cleanup(s.Close)
	return o
}

func (o *origin) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	n := int(o.requests.Add(1) - 1)
	o.mu.Lock()
	o.ranges = append(o.ranges, r.Header.Get("Range"))
	o.mu.Unlock()
	if o.fault != nil && o.fault(n, w, r) {
		return
	}
	http.ServeContent(&counter{w, &o.sent}, r, "", time.Time{}, bytes.NewReader(o.content))
}

// from returns the offset that a request asks for.
func from(r *http.Request) int {
	n, _ := strconv.Atoi(strings.TrimSuffix(strings.TrimPrefix(r.Header.Get("Range"), "bytes="), "-"))
	return n
}

// cut sends the content from the requested offset to end, and breaks the connection.
func (o *origin) cut(w http.ResponseWriter, r *http.Request, end int) bool {
	at := from(r)
	if at > 0 {
		w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", at, len(o.content)-1, len(o.content)))
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(o.content)-at))
	if at > 0 {
		w.WriteHeader(http.StatusPartialContent)
	}
	w.Write(o.content[at:max(at, end)])
	w.(http.Flusher).Flush()
	panic(http.ErrAbortHandler)
}

type counter struct {
	http.ResponseWriter
	n *atomic.Int64
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.ResponseWriter.Write(p)
	c.n.Add(int64(n))
	return n, err
}

// get implements [cache.Source].
func (o *origin) get(ctx context.Context, offset int64) (io.ReadCloser, int64, bool, error) {
	return download(ctx, o.url, offset)
}

func download(ctx context.Context, url string, offset int64) (io.ReadCloser, int64, bool, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, 0, false, err
	}
	if offset > 0 {
		req.Header.Set("Range", fmt.Sprintf("bytes=%d-", offset))
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, 0, false, err
	}
	switch resp.StatusCode {
	case http.StatusOK:
		return resp.Body, resp.ContentLength, false, nil
	case http.StatusPartialContent:
		_, total, _ := strings.Cut(resp.Header.Get("Content-Range"), "/")
		n, err := strconv.ParseInt(total, 10, 64)
		return resp.Body, n, true, err
	}
	resp.Body.Close()
	return nil, 0, false, fmt.Errorf("status %d", resp.StatusCode)
}

// read reads a file to its end.
func read(c *cache.Cache, f cache.File, from cache.Source) ([]byte, error) {
	r, err := c.Get(context.Background(), f, from)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(r)
}

// want reads a file and compares it.
func want(t testing.TB, c *cache.Cache, f cache.File, from cache.Source, content []byte) {
	t.Helper()
	got, err := read(c, f, from)
	if err != nil || !bytes.Equal(got, content) {
		t.Fatalf("%s: %d bytes, %v, want the %d of upstream", f.Name, len(got), err, len(content))
	}
}

// settle waits until nothing is downloaded any more.
func settle(t testing.TB, c *cache.Cache) cache.Usage {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(time.Millisecond) {
		u, err := c.Usage()
		if err != nil {
			t.Fatal(err)
		}
		if u.Filling == 0 {
			return u
		}
		if time.Now().After(end) {
			t.Fatalf("%d downloads go on", u.Filling)
		}
	}
}

// files returns the paths of all files below dir.
func files(t testing.TB, dir string) (names []string) {
	if _, err := os.Stat(dir); err != nil {
		return nil
	}
	t.Helper()
	check(t, filepath.Walk(dir, func(path string, fi os.FileInfo, err error) error {
		if err == nil && !fi.IsDir() && fi.Name() != ".lock" {
			names = append(names, filepath.ToSlash(strings.TrimPrefix(path, dir+string(filepath.Separator))))
		}
		return err
	}))
	return names
}

// none returns a Source that must not be asked.
func none(t testing.TB) cache.Source {
	return func(context.Context, int64) (io.ReadCloser, int64, bool, error) {
		t.Error("upstream was asked")
		return nil, 0, false, io.ErrUnexpectedEOF
	}
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func serveShop(t testing.TB, s http.Handler) string {
	t.Helper()
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	return server.URL
}
