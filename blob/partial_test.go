package blob_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"offlinestore/blob"
)

func partial(t *testing.T, d *blob.Dir, key string) *blob.Partial {
	t.Helper()
	p, err := d.Partial(key)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestPartialResumes(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	d := open(t, dir)
	content := random(5, 20<<20)
	p := partial(t, d, "sha3-1")
	for _, cut := range []int{0, 700_001, 9 << 20, len(content)} {
		if _, err := p.Write(content[p.Size():cut]); err != nil {
			t.Fatal(err)
		}
		if err := p.Close(); err != nil {
			t.Fatal(err)
		}
		p = partial(t, open(t, dir), "sha3-1")
		sum := blob.NewSums(blob.SHA256)
		if n, err := p.WriteTo(sum); n != int64(cut) || err != nil || sum.Digest() != digest.FromBytes(content[:cut]) {
			t.Fatalf("after %d bytes: WriteTo() = %d, %v, or other bytes", cut, n, err)
		}
	}
	if err := p.Truncate(100); err != nil || p.Size() != 100 {
		t.Errorf("Truncate(100) = %v, Size() = %d", err, p.Size())
	}
	if err := p.Truncate(101); err == nil {
		t.Error("Truncate(101) of 100 bytes: no error")
	}
	if _, err := p.Write(content[100:]); err != nil {
		t.Fatal(err)
	}
	dg := digest.FromBytes(content)
	if err := p.Commit(dg); err != nil {
		t.Fatal(err)
	}
	if err := d.VerifyBlob(t.Context(), dg); err != nil {
		t.Error(err)
	}
	checkFiles(t, dir, "sha256/", "sha256/"+dg.Encoded())
}

// TestPartialWithoutName keeps a complete download if its rename fails, and commits it later.
func TestPartialWithoutName(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	d := open(t, dir)
	content := random(5, 1000)
	dg := digest.FromBytes(content)
	obstacle := filepath.Join(dir, "sha256", dg.Encoded())
	check(t, os.Mkdir(obstacle, 0o755))
	p := partial(t, d, "p")
	_, err := p.Write(content)
	check(t, err)
	if err := p.Commit(dg); err == nil {
		t.Fatal("Commit over a folder: no error")
	}
	check(t, os.Remove(obstacle))
	p = partial(t, d, "p")
	if p.Size() != int64(len(content)) {
		t.Fatalf("the download has %d bytes after a failed Commit, want %d", p.Size(), len(content))
	}
	check(t, p.Commit(dg))
	check(t, d.VerifyBlob(t.Context(), dg))
	checkFiles(t, dir, "sha256/", "sha256/"+dg.Encoded())
}

func TestPartialDiscardAndClean(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	d := open(t, dir)
	p, kept, old, busy := partial(t, d, "p"), partial(t, d, "kept"), partial(t, d, "old"), partial(t, d, "busy")
	if err := p.Discard(); err != nil {
		t.Error(err)
	}
	kept.Close()
	old.Close()
	defer busy.Close()
	hourAgo := time.Now().Add(-time.Hour)
	for _, key := range []string{"old", "busy"} {
		check(t, os.Chtimes(filepath.Join(dir, ".partial", key), hourAgo, hourAgo))
	}
	if err := d.CleanPartial(time.Now().Add(-time.Minute)); err != nil {
		t.Error(err)
	}
	checkFiles(t, dir, ".partial/", ".partial/busy", ".partial/kept", "sha256/")
	if err := busy.Commit("sha256:no"); !errors.Is(err, blob.ErrInvalidDigest) {
		t.Errorf("Commit() = %v, want ErrInvalidDigest", err)
	}
}

func TestPartialKeys(t *testing.T) {
	t.Parallel()
	d := open(t, t.TempDir())
	for _, key := range []string{"", ".", "..", ".x", "a/b", "../x", `a\b`, "a:b", "a\x00", "ä", strings.Repeat("x", 129)} {
		if p, err := d.Partial(key); err == nil {
			p.Close()
			t.Errorf("Partial(%q): no error", key)
		}
	}
	partial(t, d, "Az09-_."+strings.Repeat("x", 121)).Close()
}

// TestPartialIsReadAfterwards reads a download through a second file, which does not end with the download.
func TestPartialIsReadAfterwards(t *testing.T) {
	t.Parallel()
	d := open(t, t.TempDir())
	content := random(1, 1000)
	for end, how := range map[string]func(*blob.Partial) error{
		"committed": func(p *blob.Partial) error { return p.Commit(digest.FromBytes(content)) },
		"discarded": (*blob.Partial).Discard,
		"closed":    (*blob.Partial).Close,
	} {
		p := partial(t, d, end)
		again, err := p.Reopen()
		check(t, err)
		defer again.Close()
		_, err = p.Write(content)
		check(t, err)
		isNamed := func(i blob.PartialInfo) bool { return i.Key == end && i.Size == 1000 }
		if all, err := d.Partials(); err != nil || !slices.ContainsFunc(all, isNamed) {
			t.Errorf("Partials() = %v, %v, want %s with 1000 bytes", all, err, end)
		}
		check(t, how(p))
		got := make([]byte, 1000)
		if _, err := again.ReadAt(got, 0); err != nil || !bytes.Equal(got, content) {
			t.Errorf("%s: ReadAt() = %v, want its content", end, err)
		}
	}
	if all, err := d.Partials(); err != nil || len(all) != 1 || all[0].Key != "closed" {
		t.Errorf("Partials() = %v, %v, want the one that was closed", all, err)
	}
}
