package s3_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"offlinestore/blob"
	"offlinestore/internal/blobtest"
	"offlinestore/internal/s3test"
)

// cached is a bucket with a cache in front of it.
type cached struct {
	*site
	*blob.Storage
	dir *blob.Dir
	max int64
}

func newCached(t *testing.T, max int64) *cached {
	t.Helper()
	s := newSite(t)
	dir, err := blob.Open(filepath.Join(t.TempDir(), "cache"))
	if err != nil {
		t.Fatal(err)
	}
	cache, err := blob.NewCache(dir, max)
	if err != nil {
		t.Fatal(err)
	}
	staging, err := blob.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	storage := staging.StorageIn(blob.Places{Backend: s.Bucket, Cache: cache})
	t.Cleanup(func() {
		if err := storage.Close(); err != nil {
			t.Error(err)
		}
	})
	return &cached{s, storage, dir, max}
}

// get reads a blob as a server does.
func (c *cached) get(content []byte) ([]byte, error) {
	r, err := c.OpenSized(c.t.Context(), digest.FromBytes(content), int64(len(content)))
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(r)
}

func (c *cached) gets(content []byte) {
	c.t.Helper()
	if got, err := c.get(content); err != nil || !bytes.Equal(got, content) {
		c.t.Errorf("a blob of %d bytes does not read as it was written: %v", len(content), err)
	}
}

// size waits until the copies are complete, and returns the size of all.
func (c *cached) size() (size int64) {
	c.t.Helper()
	for range 1000 {
		if _, err := os.Stat(filepath.Join(c.path(), ".staging")); errors.Is(err, os.ErrNotExist) {
			break
		}
		entries, err := os.ReadDir(filepath.Join(c.path(), ".staging"))
		left := 0
		for _, e := range entries {
			inside, _ := os.ReadDir(filepath.Join(c.path(), ".staging", e.Name()))
			left += len(inside)
		}
		if err == nil && left == 0 {
			break
		}
		time.Sleep(5 * time.Millisecond)
	}
	if err := c.dir.List(func(i blob.Info) error { size += i.Size; return nil }); err != nil {
		c.t.Error(err)
	}
	return size
}

func (c *cached) path() string {
	p, err := c.dir.Path(digest.FromString("x"))
	if err != nil {
		c.t.Fatal(err)
	}
	return filepath.Dir(filepath.Dir(p))
}

// TestCache reads blobs from S3 once, and from the disk afterwards.
func TestCache(t *testing.T) {
	t.Parallel()
	c := newCached(t, 100<<20)
	for i, size := range []int{1, 256 << 10, 256<<10 + 1, 5 << 20} {
		content := blobtest.Random(byte(i), size)
		c.mustPublish(content)
		c.gets(content)
		c.size()
		before := c.proxy.Count(http.MethodGet) + c.proxy.Count(http.MethodHead)
		c.gets(content)
		if n := c.proxy.Count(http.MethodGet) + c.proxy.Count(http.MethodHead) - before; n > 0 {
			t.Errorf("%d bytes: %d requests for a blob that was read before", size, n)
		}
	}
	r, err := c.OpenSized(t.Context(), digest.FromBytes(blobtest.Random(3, 5<<20)), 5<<20)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, ok := r.(*os.File); !ok {
		t.Errorf("a copy is a %T, want an *os.File, which sendfile sends", r)
	}
}

// TestCacheIsBounded checks that the copies never take more than their space, and that the blob whose use is the longest ago goes first.
func TestCacheIsBounded(t *testing.T) {
	t.Parallel()
	c := newCached(t, 3<<20)
	var all [][]byte
	for i := range 5 {
		all = append(all, blobtest.Random(byte(i), 1<<20))
		c.mustPublish(all[i])
	}
	old := time.Now().Add(-time.Hour)
	for i, content := range all {
		c.gets(content)
		if n := c.size(); n > c.max {
			t.Errorf("the copies take %d bytes, want at most %d", n, c.max)
		}
		if i < 3 {
			path, err := c.dir.Path(digest.FromBytes(content))
			if err != nil {
				t.Fatal(err)
			}
			if err := os.Chtimes(path, old, old.Add(time.Duration(i)*time.Second)); err != nil {
				t.Fatal(err)
			}
		}
		if i == 2 {
			c.gets(all[0]) // is used again
		}
	}
	for i, want := range []bool{true, false, false, true, true} {
		if got := c.dir.Has(digest.FromBytes(all[i])); got != want {
			t.Errorf("copy of blob %d: %t, want %t", i, got, want)
		}
	}
	huge := blobtest.Random(9, 4<<20)
	c.mustPublish(huge)
	c.gets(huge)
	if n := c.size(); n != 3<<20 {
		t.Errorf("after a blob that is larger than the cache, the copies take %d bytes", n)
	}
}

// TestCacheRefusesDamage checks that nobody gets the whole of a damaged blob, and that it is not kept.
func TestCacheRefusesDamage(t *testing.T) {
	t.Parallel()
	c := newCached(t, 100<<20)
	for _, size := range []int{1000, 3 << 20} {
		content := blobtest.Random(1, size)
		dg := c.mustPublish(content)
		c.overwrite(dg, blobtest.Random(2, size))
		got, err := c.get(content)
		var corrupt *blob.CorruptError
		if !errors.As(err, &corrupt) || len(got) >= size {
			t.Errorf("reading a damaged blob of %d bytes = %d bytes, %v, want a CorruptError before its end", size, len(got), err)
		}
		if c.size(); c.dir.Has(dg) {
			t.Errorf("a damaged blob of %d bytes was kept", size)
		}
		c.overwrite(dg, content)
		c.gets(content)
	}
}

// TestCacheIsShared lets many clients read one blob at once, some of them from the middle.
func TestCacheIsShared(t *testing.T) {
	t.Parallel()
	c := newCached(t, 100<<20)
	content := blobtest.Random(1, 20<<20)
	dg := c.mustPublish(content)
	before := c.proxy.Count(http.MethodGet)
	var wg sync.WaitGroup
	for i := range 12 {
		wg.Go(func() {
			r, err := c.OpenSized(t.Context(), dg, int64(len(content)))
			if err != nil {
				t.Error(err)
				return
			}
			defer r.Close()
			at := int64(0)
			if i%3 == 0 {
				at = 15<<20 + int64(i)
			}
			if _, err := r.Seek(at, io.SeekStart); err != nil {
				t.Error(err)
			}
			if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, content[at:]) {
				t.Errorf("reading from %d on: %v, or other content", at, err)
			}
		})
	}
	wg.Wait()
	if n := c.proxy.Count(http.MethodGet) - before; n > 25 {
		t.Errorf("%d requests for the content, want those of one reader, and a few for each one from the middle", n)
	}
	if n := c.size(); n != 20<<20 {
		t.Errorf("the copies take %d bytes, want one", n)
	}
}

// TestCacheReaderEnds checks that a reader which waits for a copy ends with its request.
func TestCacheReaderEnds(t *testing.T) {
	t.Parallel()
	c := newCached(t, 100<<20)
	content := blobtest.Random(1, 3<<20)
	dg := c.mustPublish(content)
	reached, goOn := make(chan struct{}), make(chan struct{})
	var once sync.Once
	c.proxy.SetFault(func(r *http.Request) s3test.Fault {
		if isRead(r) {
			once.Do(func() { close(reached) })
			return s3test.Fault{Wait: goOn}
		}
		return s3test.Fault{}
	})
	ctx, cancel := context.WithCancel(t.Context())
	r, err := c.OpenSized(ctx, dg, int64(len(content)))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	go func() {
		<-reached
		cancel()
	}()
	if _, err := r.Read(make([]byte, 10)); !errors.Is(err, context.Canceled) {
		t.Errorf("Read() = %v, want the end of its context", err)
	}
	close(goOn)
	c.gets(content)
}
