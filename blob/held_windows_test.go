package blob_test

import (
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"
	"golang.org/x/sys/windows"

	"offlinestore/blob"
)

// hold opens a file as a virus scanner does that lets nobody else have it, and returns a function that closes it.
func hold(path string) (release func(), err error) {
	name, err := windows.UTF16PtrFromString(path)
	if err != nil {
		return nil, err
	}
	h, err := windows.CreateFile(name, windows.GENERIC_READ, 0, nil, windows.OPEN_EXISTING, 0, 0)
	if err != nil {
		return nil, err
	}
	return func() { windows.CloseHandle(h) }, nil
}

// scan holds every new file below dir for a while, until stop is called. It returns the number of files that it held.
func scan(dir string, keep time.Duration) (stop func() int) {
	done := make(chan struct{})
	var wg sync.WaitGroup
	seen := make(map[string]bool)
	wg.Go(func() {
		for {
			select {
			case <-done:
				return
			case <-time.After(time.Millisecond):
			}
			filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
				if err != nil || e.IsDir() || seen[path] {
					return nil
				}
				if release, err := hold(path); err == nil {
					seen[path] = true
					time.AfterFunc(keep, release)
				}
				return nil
			})
		}
	})
	return func() int { close(done); wg.Wait(); return len(seen) }
}

// TestScannedFiles writes files of every kind while a virus scanner holds each new file.
func TestScannedFiles(t *testing.T) {
	dir := t.TempDir()
	d := open(t, dir)
	stop := scan(dir, 400*time.Millisecond)
	content := random(7, 300_000)
	dg := commit(t, d, content)
	check(t, d.VerifyBlob(t.Context(), dg))
	p := partial(t, d, "key")
	if _, err := p.Write(content[:1000]); err != nil {
		t.Error(err)
	}
	check(t, p.Commit(digest.FromBytes(content[:1000])))
	check(t, blob.WriteFile(filepath.Join(dir, "note"), []byte("one"), blob.WriteOptions{Mode: 0o600}))
	check(t, blob.WriteFile(filepath.Join(dir, "note"), []byte("two"), blob.WriteOptions{Mode: 0o600}))
	f, err := blob.CreateFile(filepath.Join(dir, "bundle.tar.gz"), 1000, 0o644)
	check(t, err)
	_, err = f.Write(content[:1000])
	check(t, errors.Join(err, f.Commit()))
	check(t, d.Remove(dg))
	check(t, d.Close())
	if n := stop(); n < 4 {
		t.Errorf("the scanner held %d files, want at least 4", n)
	}
	time.Sleep(500 * time.Millisecond)
	second := digest.FromBytes(content[:1000])
	checkFiles(t, dir, "bundle.tar.gz", "note", "sha256/", "sha256/"+second.Encoded())
}

// TestHeldForLong gives up replacing a file that another program holds, and leaves nothing else.
func TestHeldForLong(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "note")
	check(t, blob.WriteFile(name, []byte("one"), blob.WriteOptions{Mode: 0o600}))
	release, err := hold(name)
	check(t, err)
	began := time.Now()
	if err := blob.WriteFile(name, []byte("two"), blob.WriteOptions{Mode: 0o600}); err == nil || time.Since(began) > 10*time.Second {
		t.Errorf("WriteFile over a held file = %v after %s", err, time.Since(began))
	}
	release()
	checkFiles(t, dir, "note")
	if text, err := os.ReadFile(name); string(text) != "one" {
		t.Errorf("the held file has %q, %v", text, err)
	}
}
