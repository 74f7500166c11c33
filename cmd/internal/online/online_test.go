package online

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"testing"
	"time"

	"golang.org/x/time/rate"

	"offlinestore/blob"
	"offlinestore/edge/cache"
)

// TestRate fills a cache at a bounded rate, and reads a file that is there at any rate.
func TestRate(t *testing.T) {
	t.Parallel()
	dir, err := blob.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	files, err := cache.Open(dir, cache.Options{Max: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	defer files.Close()
	const perSecond = 200_000
	paced := &pacedCache{files, rate.NewLimiter(perSecond, burst(perSecond))}
	content := bytes.Repeat([]byte("snap"), 50_000)
	sum := sha256.Sum256(content)
	f := cache.File{Digest: cache.Digest("sha256:" + hex.EncodeToString(sum[:])), Size: int64(len(content)), Name: "a.snap"}
	from := func(context.Context, int64) (io.ReadCloser, int64, bool, error) {
		return io.NopCloser(bytes.NewReader(content)), f.Size, false, nil
	}
	var took [2]time.Duration
	for i := range took {
		begin := time.Now()
		r, err := paced.Get(t.Context(), f, from)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, content) {
			t.Fatalf("%d bytes, %v", len(got), err)
		}
		took[i] = time.Since(begin)
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
		(&Store{Files: files}).Settle()
	}
	// The first quarter of a second's bytes may come at once.
	if want := 700 * time.Millisecond; took[0] < want || took[1] > want {
		t.Errorf("the file took %v, and then %v, want over %v at %d bytes a second, and less from the cache", took[0], took[1], want, perSecond)
	}
}
