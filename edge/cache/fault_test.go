package cache_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"offlinestore/edge/cache"
)

const mib = 1 << 20

// TestResume breaks the connection several times. No byte comes twice.
func TestResume(t *testing.T) {
	t.Parallel()
	content := random(1, 5*mib)
	for name, c := range map[string]*cache.Cache{"kept": open(t, t.TempDir(), quick(100*mib)), "not kept": open(t, t.TempDir(), quick(0))} {
		up := serve(t, content)
		up.fault = func(n int, w http.ResponseWriter, r *http.Request) bool {
			return n < 9 && up.cut(w, r, (n+1)*mib/2)
		}
		want(t, c, snap("a.snap", content), up.get, content)
		if n := up.requests.Load(); n != 10 {
			t.Errorf("%s: %d requests, want 10", name, n)
		}
		if got := up.ranges[9]; got != fmt.Sprintf("bytes=%d-", 9*mib/2) {
			t.Errorf("%s: the last request is for %q", name, got)
		}
	}
}

// TestNoRangeSupport breaks the connection to a server that begins again each time. It may send other bytes the second time.
func TestNoRangeSupport(t *testing.T) {
	t.Parallel()
	content, other := random(1, 2*mib), random(2, 2*mib)
	for name, max := range map[string]int64{"kept": 100 * mib, "not kept": 0} {
		c := open(t, t.TempDir(), quick(max))
		up := serve(t, content)
		up.fault = func(n int, w http.ResponseWriter, r *http.Request) bool {
			r.Header.Del("Range")
			return n == 0 && up.cut(w, r, mib)
		}
		want(t, c, snap("a.snap", content), up.get, content)

		up = serve(t, other)
		up.fault = func(n int, w http.ResponseWriter, r *http.Request) bool {
			r.Header.Del("Range")
			if n == 0 {
				return up.cut(w, r, mib)
			}
			up.content = content
			return false
		}
		f := charm("b.charm", content)
		got, err := read(c, f, up.get)
		if err == nil || len(got) > len(content)-64<<10 {
			t.Errorf("%s: two files made of halves: %d bytes, %v, want an error before the last 64 KiB", name, len(got), err)
		}
		if c.Has(f) {
			t.Errorf("%s: a wrong file was kept", name)
		}
		if max > 0 && !strings.Contains(fmt.Sprint(err), "other bytes than before") {
			t.Errorf("%s: %v, want to know why", name, err)
		}
	}
}

// TestLies lets upstream send wrong content in several ways. No client gets a whole file, and nothing is kept.
func TestLies(t *testing.T) {
	t.Parallel()
	content := random(1, mib)
	wrong := bytes.Clone(content)
	wrong[5] ^= 1
	page := []byte("<html>" + strings.Repeat("log in here ", 1000))
	length := func(w http.ResponseWriter, n int) { w.Header().Set("Content-Length", fmt.Sprint(n)) }
	for name, fault := range map[string]func(w http.ResponseWriter, r *http.Request){
		"wrong byte":      func(w http.ResponseWriter, _ *http.Request) { length(w, mib); w.Write(wrong) },
		"wrong last byte": func(w http.ResponseWriter, _ *http.Request) { w.Write(append(content[:mib-1:mib-1], content[mib-1]^1)) },
		"too short":       func(w http.ResponseWriter, _ *http.Request) { length(w, mib-1); w.Write(content[:mib-1]) },
		"too long":        func(w http.ResponseWriter, _ *http.Request) { length(w, mib+1); w.Write(append(content[:mib:mib], 0)) },
		"short stream":    func(w http.ResponseWriter, _ *http.Request) { w.Write(content[:mib-1]); w.(http.Flusher).Flush() },
		"a page":          func(w http.ResponseWriter, _ *http.Request) { length(w, len(page)); w.Write(page) },
		"a page's stream": func(w http.ResponseWriter, _ *http.Request) { w.(http.Flusher).Flush(); w.Write(page) },
		"a status":        func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) },
		"nothing":         func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"another range": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Range", "bytes 1-2/3")
			w.WriteHeader(http.StatusPartialContent)
			w.Write([]byte("xx"))
		},
	} {
		for _, max := range []int64{100 * mib, 0} {
			dir := t.TempDir()
			c := open(t, dir, quick(max))
			up := serve(t, content)
			var honest atomic.Bool
			up.fault = func(_ int, w http.ResponseWriter, r *http.Request) bool {
				if honest.Load() {
					return false
				}
				fault(w, r)
				return true
			}
			f := snap("a.snap", content)
			got, err := read(c, f, up.get)
			if err == nil || len(got) > mib-64<<10 {
				t.Errorf("%s, cache of %d: %d bytes, %v, want an error before the last 64 KiB", name, max, len(got), err)
			}
			var size *cache.SizeError
			if told := name == "too short" || name == "too long" || name == "a page"; told && (!errors.As(err, &size) || len(got) > 0) {
				t.Errorf("%s, cache of %d: %d bytes, %v, want a *SizeError before any", name, max, len(got), err)
			}
			settle(t, c)
			if left := files(t, dir); c.Has(f) || left != nil {
				t.Errorf("%s, cache of %d: files are left: %v", name, max, left)
			}
			honest.Store(true)
			want(t, c, f, up.get, content)
			check(t, c.Close())
		}
	}
}

// TestEndless cuts a body that does not end at the size of the file.
func TestEndless(t *testing.T) {
	t.Parallel()
	content := random(1, mib)
	for _, max := range []int64{100 * mib, 0} {
		c := open(t, t.TempDir(), quick(max))
		var sent int64
		endless := func(context.Context, int64) (io.ReadCloser, int64, bool, error) {
			return io.NopCloser(io.MultiReader(bytes.NewReader(content), &zeros{n: &sent})), -1, false, nil
		}
		want(t, c, snap("a.snap", content), endless, content)
		if sent > mib {
			t.Errorf("%d bytes too many were read", sent)
		}
		f := snap("b.bin", content)
		f.Size = -1
		if _, err := read(c, resource("b.bin", append(content, 1)), endless); err == nil {
			t.Error("an endless body of another file was taken")
		}
		f = resource("c.bin", random(2, 10))
		f.Size = -1
		if _, err := read(c, f, endless); err == nil || sent > 200*mib {
			t.Errorf("an endless body without a size: %v after %d bytes", err, sent)
		}
	}
}

type zeros struct{ n *int64 }

func (z *zeros) Read(p []byte) (int, error) {
	clear(p)
	*z.n += int64(len(p))
	return len(p), nil
}

// TestStall gives up a body that says nothing, and resumes.
func TestStall(t *testing.T) {
	t.Parallel()
	o := quick(100 * mib)
	o.Stall = 500 * time.Millisecond
	content := random(1, mib)
	for _, o.Max = range []int64{100 * mib, 0} {
		c := open(t, t.TempDir(), o)
		up := serve(t, content)
		up.fault = func(n int, w http.ResponseWriter, r *http.Request) bool {
			if n > 0 {
				return false
			}
			w.Header().Set("Content-Length", fmt.Sprint(mib))
			w.Write(content[:mib/2])
			w.(http.Flusher).Flush()
			<-r.Context().Done()
			return true
		}
		want(t, c, snap("a.snap", content), up.get, content)
		up = serve(t, content)
		up.fault = func(_ int, _ http.ResponseWriter, r *http.Request) bool { <-r.Context().Done(); return true }
		if _, err := read(c, charm("b.charm", random(3, mib)), up.get); err == nil || up.requests.Load() != 1 {
			t.Errorf("a silent upstream: %v after %d requests, want an error after 1", err, up.requests.Load())
		}
	}
}

// TestRetry asks again for a first answer that the caller calls a short failure.
func TestRetry(t *testing.T) {
	t.Parallel()
	o := quick(100 * mib)
	o.Retry = func(err error) bool { return strings.Contains(err.Error(), "status 503") }
	content := random(1, mib)
	c := open(t, t.TempDir(), o)
	up := serve(t, content)
	up.fault = func(n int, w http.ResponseWriter, _ *http.Request) bool {
		if n < 3 {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		return n < 3
	}
	want(t, c, snap("a.snap", content), up.get, content)
	up = serve(t, content)
	up.fault = func(n int, w http.ResponseWriter, r *http.Request) bool { return n == 0 && up.cut(w, r, mib/2) }
	want(t, c, resource("a.bin", content), up.get, content) // a body that ends early is resumed anyway
	up = serve(t, content)
	up.fault = func(_ int, w http.ResponseWriter, _ *http.Request) bool {
		w.WriteHeader(http.StatusNotFound)
		return true
	}
	if _, err := read(c, charm("a.charm", content), up.get); err == nil || up.requests.Load() != 1 {
		t.Errorf("a status 404: %v after %d requests, want an error after 1", err, up.requests.Load())
	}
	up = serve(t, content)
	up.fault = func(_ int, w http.ResponseWriter, _ *http.Request) bool {
		w.WriteHeader(http.StatusServiceUnavailable)
		return true
	}
	if _, err := read(c, charm("a.charm", content), up.get); err == nil || up.requests.Load() != 5 {
		t.Errorf("a status 503: %v after %d requests, want an error after 5", err, up.requests.Load())
	}
}

// TestOthersSource lets a client ask with its own Source after the one of another client failed.
func TestOthersSource(t *testing.T) {
	t.Parallel()
	c := open(t, t.TempDir(), quick(100*mib))
	content := random(1, mib)
	f, up := snap("a.snap", content), serve(t, content)
	begun, fail := make(chan struct{}), make(chan struct{})
	expired := func(context.Context, int64) (io.ReadCloser, int64, bool, error) {
		close(begun)
		<-fail
		return nil, 0, false, errors.New("the URL has expired")
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		if _, err := read(c, f, expired); err == nil || !strings.Contains(err.Error(), "expired") {
			t.Errorf("the first client gets %v, want its own error", err)
		}
	})
	<-begun
	for range 20 {
		wg.Go(func() { want(t, c, f, up.get, content) })
	}
	time.Sleep(10 * time.Millisecond)
	close(fail)
	wg.Wait()
	if n := up.requests.Load(); n != 1 {
		t.Errorf("%d requests, want 1", n)
	}
}

// TestDamagedBeginning finds other bytes in the beginning that an earlier process has left. Nobody was given any of a whole one.
func TestDamagedBeginning(t *testing.T) {
	t.Parallel()
	content := random(1, mib)
	f := snap("a.snap", content)
	for name, begin := range map[string][]byte{"whole": random(2, mib), "too long": random(2, 2*mib), "right and whole": content, "half": random(2, mib/2)} {
		dir := t.TempDir()
		d := openDir(t, dir)
		p, err := d.Partial(strings.Replace(string(f.Digest), ":", "-", 1))
		check(t, err)
		_, err = p.Write(begin)
		check(t, err)
		check(t, p.Close())
		c := open(t, dir, quick(100*mib))
		up := serve(t, content)
		if name == "half" {
			if got, err := read(c, f, up.get); err == nil || len(got) > mib-64<<10 {
				t.Errorf("half of another file: %d bytes, %v, want an error", len(got), err)
			}
		}
		want(t, c, f, up.get, content)
		settle(t, c)
		if left := files(t, filepath.Join(dir, ".partial")); left != nil {
			t.Errorf("%s: left: %v", name, left)
		}
		if n := up.requests.Load(); name == "right and whole" && n != 0 {
			t.Errorf("%d requests for a whole file", n)
		}
	}
}
