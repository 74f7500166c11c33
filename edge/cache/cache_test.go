package cache_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"offlinestore/edge/cache"
)

func TestMissThenHit(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	c := open(t, dir, quick(10<<20))
	for _, size := range []int{0, 1, 64 << 10, 64<<10 + 1, 1_000_000} {
		content := random(uint64(size), size)
		for _, f := range []cache.File{snap("a.snap", content), charm("a.charm", content), resource("a.bin", content)} {
			up := serve(t, content)
			if c.Has(f) {
				t.Errorf("Has(%s) = true, want false before it is asked for", f.Digest)
			}
			want(t, c, f, up.get, content)
			settle(t, c)
			if !c.Has(f) {
				t.Errorf("%d bytes: Has(%s) = false after a download", size, f.Digest)
			}
			want(t, c, f, none(t), content)
			r, err := c.Get(context.Background(), f, none(t))
			check(t, err)
			if _, ok := r.(interface{ Fd() uintptr }); !ok {
				t.Errorf("a hit is a %T, want a file, so that sendfile works", r)
			}
			check(t, r.Close())
		}
	}
	check(t, c.Close())
	c = open(t, dir, quick(10<<20))
	content := random(1_000_000, 1_000_000)
	want(t, c, snap("a.snap", content), none(t), content) // verified once more
	want(t, c, snap("a.snap", content), none(t), content)
	if u := settle(t, c); u.Files != 15 || u.Bytes != 1_000_000+64<<10+64<<10+1+1 {
		t.Errorf("%d files with %d bytes, want 15, of which each three share a blob", u.Files, u.Bytes)
	}
}

func TestUnknownSize(t *testing.T) {
	t.Parallel()
	c := open(t, t.TempDir(), quick(1<<20))
	content := random(1, 300_000)
	f := resource("a.bin", content)
	f.Size = -1
	up := serve(t, content)
	want(t, c, f, up.get, content)
	settle(t, c)
	want(t, c, f, none(t), content)

	// Without a length in the answer, the size is known at the end.
	content = random(2, 300_000)
	f = resource("b.bin", content)
	f.Size = -1
	chunked := func(ctx context.Context, _ int64) (io.ReadCloser, int64, bool, error) {
		return io.NopCloser(bytes.NewReader(content)), -1, false, nil
	}
	want(t, c, f, chunked, content)

	content = random(3, 2_000_000)
	f = resource("large.bin", content)
	f.Size = -1
	if _, err := read(c, f, chunked); err == nil {
		t.Error("a file that is larger than the cache and has no length was sent")
	}
	up = serve(t, content)
	want(t, c, f, up.get, content)
}

// TestManyReaders lets a thousand clients read one file while it arrives.
func TestManyReaders(t *testing.T) {
	t.Parallel()
	const clients = 1000
	size := 16 << 20
	if testing.Short() {
		size = 1 << 20
	}
	c := open(t, t.TempDir(), quick(100<<20))
	content := random(1, size)
	f, up := snap("large.snap", content), serve(t, content)
	var before, peak runtime.MemStats
	runtime.ReadMemStats(&before)
	var wg sync.WaitGroup
	var once sync.Once
	for range clients {
		wg.Go(func() {
			r, err := c.Get(context.Background(), f, up.get)
			if err != nil {
				t.Error(err)
				return
			}
			defer r.Close()
			same := &comparer{want: content}
			if _, err := io.CopyBuffer(same, struct{ io.Reader }{r}, make([]byte, 4<<10)); err != nil || same.n != size {
				t.Errorf("a client got %d bytes: %v", same.n, err)
			}
			once.Do(func() { runtime.ReadMemStats(&peak) })
		})
	}
	wg.Wait()
	if n := up.requests.Load(); n != 1 {
		t.Errorf("%d requests upstream, want 1", n)
	}
	if grown := int64(peak.HeapAlloc) - int64(before.HeapAlloc); grown > 64<<20 {
		t.Errorf("the memory grew by %d MiB for %d clients", grown>>20, clients)
	}
}

// comparer is a writer that compares.
type comparer struct {
	want []byte
	n    int
}

func (c *comparer) Write(p []byte) (int, error) {
	if c.n+len(p) > len(c.want) || !bytes.Equal(p, c.want[c.n:c.n+len(p)]) {
		return 0, errors.New("other bytes")
	}
	c.n += len(p)
	return len(p), nil
}

// TestRangesDuringTheFill reads at random places while the file arrives slowly.
func TestRangesDuringTheFill(t *testing.T) {
	t.Parallel()
	c := open(t, t.TempDir(), quick(100<<20))
	content := random(1, 3_000_000)
	f, up := snap("slow.snap", content), serve(t, content)
	slow := func(ctx context.Context, off int64) (io.ReadCloser, int64, bool, error) {
		body, total, resumed, err := up.get(ctx, off)
		return &slowBody{body}, total, resumed, err
	}
	var wg sync.WaitGroup
	for seed := range uint64(30) {
		wg.Go(func() {
			r, err := c.Get(context.Background(), f, slow)
			if err != nil {
				t.Error(err)
				return
			}
			defer r.Close()
			random := rand.New(rand.NewPCG(seed, 1))
			for range 20 {
				off := random.Int64N(f.Size)
				buf := make([]byte, random.IntN(100_000))
				n, err := r.ReadAt(buf, off)
				if end := min(off+int64(len(buf)), f.Size); !bytes.Equal(buf[:n], content[off:end]) || err != nil && err != io.EOF {
					t.Errorf("ReadAt(%d, %d) = %d, %v", len(buf), off, n, err)
				}
			}
		})
	}
	wg.Wait()
	if n := up.requests.Load(); n != 1 {
		t.Errorf("%d requests upstream, want 1", n)
	}
}

type slowBody struct{ io.ReadCloser }

func (b *slowBody) Read(p []byte) (int, error) {
	time.Sleep(time.Millisecond)
	return b.ReadCloser.Read(p[:min(len(p), 20_000)])
}

// TestReaderGivesUp ends a reader that waits for a place far ahead. The fill goes on.
func TestReaderGivesUp(t *testing.T) {
	t.Parallel()
	c := open(t, t.TempDir(), quick(100<<20))
	content := random(1, 1_000_000)
	f, up := snap("a.snap", content), serve(t, content)
	goOn := make(chan struct{})
	gated := func(ctx context.Context, off int64) (io.ReadCloser, int64, bool, error) {
		body, total, resumed, err := up.get(ctx, off)
		return &gate{body, goOn}, total, resumed, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	r, err := c.Get(ctx, f, gated)
	check(t, err)
	time.AfterFunc(20*time.Millisecond, cancel)
	if _, err := r.ReadAt(make([]byte, 10), 900_000); !errors.Is(err, context.Canceled) {
		t.Errorf("ReadAt() = %v, want the end of the context", err)
	}
	check(t, r.Close())
	close(goOn)
	settle(t, c)
	want(t, c, f, none(t), content)
}

type gate struct {
	io.ReadCloser
	open chan struct{}
}

func (g *gate) Read(p []byte) (int, error) {
	<-g.open
	return g.ReadCloser.Read(p)
}

func TestInvalidDigests(t *testing.T) {
	t.Parallel()
	c := open(t, t.TempDir(), quick(1<<20))
	for _, d := range []cache.Digest{"", "sha256:", "md5:d41d8cd98f00b204e9800998ecf8427e", cache.Digest("sha256:" + strings.Repeat("A", 64)),
		cache.Digest("sha3-384:" + strings.Repeat("a", 95)), cache.Digest("sha3-384:../" + strings.Repeat("a", 93)), cache.Digest("sha256:" + strings.Repeat("a", 64) + "\n")} {
		if _, err := c.Get(context.Background(), cache.File{Digest: d, Size: 1}, none(t)); !errors.Is(err, cache.ErrInvalidDigest) {
			t.Errorf("Get(%q) = %v, want ErrInvalidDigest", d, err)
		}
		if c.Has(cache.File{Digest: d}) || !errors.Is(c.Pin(d, true), cache.ErrInvalidDigest) || !errors.Is(c.Drop(d), cache.ErrInvalidDigest) {
			t.Errorf("%q is taken for a digest", d)
		}
	}
}

// TestClose ends a fill in progress, whose beginning the next cache continues.
func TestClose(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	c := open(t, dir, quick(100<<20))
	content := random(1, 1_000_000)
	f, up := snap("a.snap", content), serve(t, content)
	stuck := func(ctx context.Context, off int64) (io.ReadCloser, int64, bool, error) {
		return io.NopCloser(io.MultiReader(bytes.NewReader(content[:500_000]), until(ctx))), f.Size, false, nil
	}
	r, err := c.Get(context.Background(), f, stuck)
	check(t, err)
	_, err = io.ReadFull(r, make([]byte, 400_000))
	check(t, err)
	check(t, c.Close())
	if _, err := io.ReadAll(r); err == nil {
		t.Error("the reader ends without an error after Close")
	}
	check(t, r.Close())
	if _, err := c.Get(context.Background(), f, up.get); err == nil {
		t.Error("a closed cache takes requests")
	}
	c = open(t, dir, quick(100<<20))
	want(t, c, f, up.get, content)
	if got := up.ranges; len(got) != 1 || got[0] != "bytes=500000-" {
		t.Errorf("requests for %q, want the rest", got)
	}
}

// until returns a reader that has nothing until ctx ends.
func until(ctx context.Context) io.Reader {
	r, w := io.Pipe()
	context.AfterFunc(ctx, func() { w.CloseWithError(context.Cause(ctx)) })
	return r
}
