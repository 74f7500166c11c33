package cache_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"offlinestore/blob"
	"offlinestore/edge/cache"
)

func TestNothingIsKept(t *testing.T) {
	t.Parallel()
	content := random(1, 500_000)
	f := snap("a.snap", content)
	dir := t.TempDir()
	small := open(t, dir, quick(400_000))
	c, err := cache.Open(nil, quick(0))
	check(t, err)
	for name, c := range map[string]*cache.Cache{"no folder": c, "size 0": open(t, t.TempDir(), quick(0)), "larger than the cache": small} {
		up := serve(t, content)
		want(t, c, f, up.get, content)
		r, err := c.Get(context.Background(), f, up.get)
		check(t, err)
		for _, off := range []int64{100_000, 300_000, 499_990, 0, 499_999} {
			buf := make([]byte, 10)
			n, err := r.ReadAt(buf, off)
			if !bytes.Equal(buf[:n], content[off:min(off+10, f.Size)]) || n < 10 && err != io.EOF {
				t.Errorf("%s: ReadAt(%d) = %d, %v", name, off, n, err)
			}
		}
		for i := range 10 {
			if _, err = r.ReadAt(make([]byte, 10), int64(i%2*490_000)); err != nil {
				break
			}
		}
		if n := up.requests.Load(); err == nil || n > 6 {
			t.Errorf("%s: reading backwards: %v after %d downloads, want an error", name, err, n)
		}
		check(t, r.Close())
		if c.Has(f) {
			t.Errorf("%s: it was kept", name)
		}
		check(t, c.Close())
	}
	if left := files(t, dir); left != nil {
		t.Errorf("files are left: %v", left)
	}
	var space *blob.NoSpaceError
	if u, _ := small.Usage(); !errors.As(u.Problem, &space) {
		t.Errorf("Usage().Problem = %v, want the lack of space", u.Problem)
	}
}

func TestUnwritableFolder(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	d := openDir(t, dir)
	// Root may write anywhere, so files stand in the place of the folders.
	check(t, os.WriteFile(filepath.Join(dir, ".partial"), nil, 0o600))
	check(t, os.WriteFile(filepath.Join(dir, "records"), nil, 0o600))
	c, err := cache.Open(d, quick(1<<20))
	if err == nil {
		t.Error("Open() = nil, want an error for the operator")
	}
	content := random(1, 500_000)
	up := serve(t, content)
	want(t, c, snap("a.snap", content), up.get, content)
	check(t, c.Close())
}
