package blob_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"

	"offlinestore/blob"
)

func TestCommitAndRead(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "some", "folder")
	d := open(t, dir)
	for _, size := range []int{0, 1, 4096, 256<<10 + 1, 9 << 20} {
		content := random(uint64(size), size)
		dg := commit(t, d, content)
		f, err := d.OpenBlob(dg)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(f)
		f.Close()
		if err != nil || !bytes.Equal(got, content) {
			t.Errorf("size %d: the blob does not read as it was written: %v", size, err)
		}
		if n, err := d.Stat(dg); n != int64(size) || err != nil {
			t.Errorf("Stat() = %d, %v, want %d", n, err, size)
		}
		if err := d.VerifyBlob(context.Background(), dg); err != nil || !d.Has(dg) {
			t.Errorf("size %d: Verify() = %v, Has() = %t", size, err, d.Has(dg))
		}
	}
	if err := d.Close(); err != nil {
		t.Error(err)
	}
	for _, name := range files(t, dir) {
		if name[0] == '.' {
			t.Errorf("%s is left", name)
		}
	}
}

// TestOpenSized checks that a blob of another size is not opened.
func TestOpenSized(t *testing.T) {
	t.Parallel()
	d := open(t, t.TempDir())
	dg := commit(t, d, []byte("content"))
	f, err := d.OpenSized(dg, 7)
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
	for _, size := range []int64{0, 6, 8} {
		if _, err := d.OpenSized(dg, size); err == nil || errors.Is(err, blob.ErrNotFound) {
			t.Errorf("OpenSized(%d) of 7 bytes = %v, want another error than ErrNotFound", size, err)
		}
	}
	if _, err := d.OpenSized(digest.FromString("absent"), 0); !errors.Is(err, blob.ErrNotFound) {
		t.Errorf("OpenSized() of no blob = %v, want ErrNotFound", err)
	}
}

func TestNotFound(t *testing.T) {
	t.Parallel()
	d := open(t, t.TempDir())
	dg := digest.FromString("absent")
	_, statErr := d.Stat(dg)
	_, openErr := d.OpenBlob(dg)
	_, quarantineErr := d.Quarantine(dg)
	for name, err := range map[string]error{
		"Stat": statErr, "OpenBlob": openErr, "Quarantine": quarantineErr, "Remove": d.Remove(dg),
		"Verify": d.VerifyBlob(context.Background(), dg),
	} {
		if !errors.Is(err, blob.ErrNotFound) || !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: %v, want ErrNotFound", name, err)
		}
	}
	if d.Has(dg) {
		t.Error("Has() = true")
	}
	if _, err := d.OpenBlob("sha256:../../../etc/passwd"); !errors.Is(err, blob.ErrInvalidDigest) {
		t.Errorf("OpenBlob of a path: %v, want ErrInvalidDigest", err)
	}
}

func TestOpenReadOnly(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	commit(t, open(t, dir), []byte("x"))
	before := files(t, dir)
	if _, err := blob.Open(dir); err != nil {
		t.Fatal(err)
	}
	checkFiles(t, dir, before...)
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := blob.Open(file); err == nil {
		t.Error("Open of a file: no error")
	}
}

func TestVerifyFindsEveryFlippedBit(t *testing.T) {
	t.Parallel()
	d := open(t, t.TempDir())
	content := random(7, 64)
	dg := commit(t, d, content)
	for bit := range len(content) * 8 {
		bad := bytes.Clone(content)
		bad[bit/8] ^= 1 << (bit % 8)
		if err := os.WriteFile(path(t, d, dg), bad, 0o600); err != nil {
			t.Fatal(err)
		}
		var corrupt *blob.CorruptError
		if err := d.VerifyBlob(context.Background(), dg); !errors.As(err, &corrupt) {
			t.Fatalf("bit %d: Verify() = %v, want a CorruptError", bit, err)
		}
		want := &blob.CorruptError{Digest: dg, Got: digest.FromBytes(bad), Path: path(t, d, dg), Err: blob.ErrWrongDigest}
		if *corrupt != *want {
			t.Fatalf("bit %d: %+v, want %+v", bit, corrupt, want)
		}
	}
	where, err := d.Quarantine(dg)
	if err != nil || d.Has(dg) {
		t.Fatalf("Quarantine() = %v, Has() = %t", err, d.Has(dg))
	}
	if _, err := os.Stat(where); err != nil {
		t.Error(err)
	}
	commit(t, d, content)
	if err := d.VerifyBlob(context.Background(), dg); err != nil {
		t.Errorf("Verify after bringing it again: %v", err)
	}
}

func TestCommitHeals(t *testing.T) {
	t.Parallel()
	d := open(t, t.TempDir())
	content := []byte("content")
	dg := commit(t, d, content)
	if err := os.WriteFile(path(t, d, dg), []byte("damage!"), 0o600); err != nil {
		t.Fatal(err)
	}
	commit(t, d, content)
	if err := d.VerifyBlob(context.Background(), dg); err != nil {
		t.Error(err)
	}
}

func TestConcurrentCommitsOfOneBlob(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	content := random(3, 300000)
	dg := digest.FromBytes(content)
	var wg sync.WaitGroup
	for i := range 8 {
		d := open(t, dir)
		wg.Go(func() {
			for range 5 {
				s, err := d.Stage(int64(len(content)))
				if err != nil {
					t.Error(err)
					return
				}
				if _, err := s.Write(content); err != nil {
					t.Error(err)
				}
				if err := s.Commit(dg); err != nil {
					t.Error(err)
				}
				if err := d.VerifyBlob(context.Background(), dg); err != nil {
					t.Error(err)
				}
				if i%2 == 0 { // the last session removes .staging while others begin
					if err := d.Close(); err != nil {
						t.Error(err)
					}
				}
				if err := d.CleanStaging(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	d := open(t, dir)
	n := 0
	if err := d.List(func(blob.Info) error { n++; return nil }); n != 1 || err != nil {
		t.Errorf("%d blobs, %v, want 1", n, err)
	}
}

func TestList(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	d := open(t, dir)
	a, b := commit(t, d, []byte("a")), commit(t, d, []byte("bb"))
	for _, junk := range []string{"junk", ".hidden", a.Encoded()[1:]} {
		if err := os.WriteFile(filepath.Join(dir, "sha256", junk), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	old := time.Now().Add(-time.Hour)
	if err := os.Chtimes(path(t, d, a), old, old); err != nil {
		t.Fatal(err)
	}
	got := map[blob.Digest]int64{}
	err := d.List(func(i blob.Info) error {
		got[i.Digest] = i.Size
		if recent := time.Since(i.Time) < time.Minute; recent != (i.Digest == b) {
			t.Errorf("time of %s is %s", i.Digest, i.Time)
		}
		return nil
	})
	if diff := cmp.Diff(map[blob.Digest]int64{a: 1, b: 2}, got); diff != "" || err != nil {
		t.Errorf("List() = %v (-want +got):\n%s", err, diff)
	}
	stop := errors.New("stop")
	if err := d.List(func(blob.Info) error { return stop }); err != stop {
		t.Errorf("List() = %v, want the callback's error", err)
	}
}
