package blob_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"syscall"
	"testing"
	"testing/iotest"

	"github.com/opencontainers/go-digest"

	"offlinestore/blob"
)

func TestStagedIsInvisible(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	d := open(t, dir)
	content := random(1, 9000)
	dg := digest.FromBytes(content)
	batch := d.NewBatch()
	s := stage(t, d, content)
	batch.AddBlob(s, dg)
	if d.Has(dg) {
		t.Error("visible before Sync")
	}
	got := make([]byte, 4000)
	if _, err := s.ReadAt(got, 5000); err != nil || !bytes.Equal(got, content[5000:]) {
		t.Errorf("ReadAt() = %v, or wrong content", err)
	}
	if batch.Len() != 1 {
		t.Errorf("Len() = %d, want 1", batch.Len())
	}
	if err := batch.Sync(t.Context()); err != nil || !d.Has(dg) || batch.Len() != 0 {
		t.Errorf("Sync() = %v, Has() = %t, Len() = %d", err, d.Has(dg), batch.Len())
	}
	if err := s.Discard(); err != nil || !d.Has(dg) {
		t.Errorf("Discard after the commit: %v, Has() = %t", err, d.Has(dg))
	}
}

func TestStageWrongSize(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	d := open(t, dir)
	s, err := d.Stage(10)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := s.Write(make([]byte, 11)); n != 0 || !errors.Is(err, blob.ErrTrailingData) {
		t.Errorf("Write of 11 bytes = %d, %v, want 0, ErrTrailingData", n, err)
	}
	if _, err := s.Write(make([]byte, 9)); err != nil {
		t.Error(err)
	}
	if err := s.Commit(digest.FromBytes(make([]byte, 9))); err == nil {
		t.Error("Commit of 9 bytes of 10: no error")
	}
	if _, err := s.Write([]byte{1}); !errors.Is(err, os.ErrClosed) {
		t.Errorf("Write after a failed commit: %v, want ErrClosed", err)
	}
	if _, err := d.Stage(-1); err == nil {
		t.Error("Stage(-1): no error")
	}
	d.Close()
	checkFiles(t, dir, "sha256/")
}

func TestBatchFailsWhole(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	d := open(t, dir)
	for name, spoil := range map[string]func(*blob.Batch){
		"no digest":  func(b *blob.Batch) { b.AddBlob(stage(t, d, []byte("x")), "sha256:no") },
		"unfinished": func(b *blob.Batch) { s, _ := d.Stage(5); b.AddBlob(s, digest.FromString("hello")) },
		"discarded":  func(b *blob.Batch) { s := stage(t, d, []byte("x")); s.Discard(); b.AddBlob(s, digest.FromString("x")) },
	} {
		b := d.NewBatch()
		b.AddBlob(stage(t, d, []byte("good")), digest.FromString("good"))
		spoil(b)
		if err := b.Sync(t.Context()); err == nil || d.Has(digest.FromString("good")) {
			t.Errorf("%s: Sync() = %v, Has() = %t, want an error and false", name, err, d.Has(digest.FromString("good")))
		}
	}
	b := d.NewBatch()
	b.AddBlob(stage(t, d, []byte("x")), digest.FromString("x"))
	if err := b.Discard(); err != nil || b.Len() != 0 {
		t.Errorf("Discard() = %v, Len() = %d", err, b.Len())
	}
	d.Close()
	checkFiles(t, dir, "sha256/")
}

func TestReadFromKeepsTheReadersError(t *testing.T) {
	t.Parallel()
	d := open(t, t.TempDir())
	for _, want := range []error{errors.New("broken"), io.ErrUnexpectedEOF} {
		s, err := d.Stage(1 << 20)
		if err != nil {
			t.Fatal(err)
		}
		n, err := io.Copy(s, io.MultiReader(bytes.NewReader(random(1, 300<<10)), iotest.ErrReader(want)))
		if n != 300<<10 || err != want {
			t.Errorf("Copy() = %d, %v, want %d, %v", n, err, 300<<10, want)
		}
		check(t, s.Discard())
	}
}

func TestNoSpace(t *testing.T) {
	t.Parallel()
	d := open(t, t.TempDir())
	_, err := d.Stage(1 << 60)
	var noSpace *blob.NoSpaceError
	if !errors.As(err, &noSpace) || !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("Stage(1 EiB) = %v, want a NoSpaceError", err)
	}
	if noSpace.Need != 1<<60 || noSpace.Have <= 0 {
		t.Errorf("%+v, want both figures", noSpace)
	}
}
