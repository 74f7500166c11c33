package cache_test

import (
	"context"
	"io"
	"path/filepath"
	"sync"
	"testing"

	"golang.org/x/sys/unix"
)

// TestDiskFull fills a file system of four MiB, before a file arrives and while it does. Clients get their files.
func TestDiskFull(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=4m"); err != nil {
		t.Skipf("mount a tmpfs: %v", err)
	}
	t.Cleanup(func() { check(t, unix.Unmount(dir, unix.MNT_DETACH)) })
	c := open(t, filepath.Join(dir, "cache"), quick(100*mib))
	all := items(6)
	add(t, c, all[:5]...)
	if u := settle(t, c); u.Files == 0 || u.Files > 4 {
		t.Errorf("%d files of 1 MiB on a disk of 4 MiB, want some", u.Files)
	}
	check(t, c.SetMax(0))
	check(t, c.SetMax(100*mib))

	// Somebody else fills the disk in the middle of a file.
	large := random(9, 3*mib)
	f, up := snap("large.snap", large), serve(t, large)
	half, goOn := make(chan struct{}), make(chan struct{})
	var once sync.Once
	from := func(ctx context.Context, off int64) (io.ReadCloser, int64, bool, error) {
		body, total, resumed, err := up.get(ctx, off)
		return &halting{ReadCloser: body, left: mib, halt: func() { once.Do(func() { close(half); <-goOn }) }}, total, resumed, err
	}
	var wg sync.WaitGroup
	for range 5 {
		wg.Go(func() { want(t, c, f, from, large) })
	}
	<-half
	d := openDir(t, filepath.Join(dir, "other"))
	p, err := d.Partial("x")
	check(t, err)
	for ; err == nil; _, err = p.Write(make([]byte, 64<<10)) {
	}
	close(goOn)
	wg.Wait()
	settle(t, c)
	if c.Has(f) {
		t.Error("a file was kept on a full disk")
	}
	if left := files(t, filepath.Join(dir, "cache")); left != nil {
		t.Errorf("files are left: %v", left)
	}
	check(t, p.Discard())

	// Files of the cache make room for the rest of another one.
	old := item{File: snap("old.snap", large[:mib*3/2]), content: large[:mib*3/2]}
	add(t, c, old)
	half, goOn, once = make(chan struct{}), make(chan struct{}), sync.Once{}
	content := random(10, 2*mib)
	up.content = content
	wg.Go(func() { want(t, c, charm("a.charm", content), from, content) })
	<-half
	p, err = d.Partial("x")
	check(t, err)
	for ; err == nil; _, err = p.Write(make([]byte, 64<<10)) {
	}
	close(goOn)
	wg.Wait()
	settle(t, c)
	if got := names(t, c); got != "a.charm" {
		t.Errorf("the cache has %s, want a.charm", got)
	}
	check(t, p.Discard())
	up.content = large
	want(t, c, f, from, large)
	settle(t, c)
	want(t, c, f, nil, large)
}

// halting calls halt after some bytes.
type halting struct {
	io.ReadCloser
	left int
	halt func()
}

func (h *halting) Read(p []byte) (int, error) {
	n, err := h.ReadCloser.Read(p)
	if h.left -= n; h.left <= 0 {
		h.halt()
	}
	return n, err
}
