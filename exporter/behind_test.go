package exporter_test

import (
	"os"
	"strings"
	"testing"

	"offlinestore/exporter"
)

// TestBehind checks that an export into a layout takes blobs from the cache, but no damaged ones.
func TestBehind(t *testing.T) {
	t.Parallel()
	s := demo(t)
	e, _ := newExporter(t, s)
	behind := e.Cache
	p := fetch(t, e, request("jq"))
	head := pack(t, e, p)
	into := func() (downloads int) {
		layout, err := exporter.OpenLayout(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		defer layout.Close()
		layout.Behind = behind
		e.Cache = layout
		progress := &recorder{}
		e.Progress = progress
		p := fetch(t, e, request("jq"))
		if progress.total != p.Size() {
			t.Errorf("progress of %d bytes, want %d", progress.total, p.Size())
		}
		if got := pack(t, e, p); got.Revisions[0].Blob != head.Revisions[0].Blob {
			t.Errorf("the blob is %v, want %v", got.Revisions[0].Blob, head.Revisions[0].Blob)
		}
		return len(progress.downloads)
	}
	if n := into(); n != 0 {
		t.Errorf("%d downloads of blobs that the cache has", n)
	}
	path, err := behind.Blobs.Path(head.Revisions[0].Blob.Digest)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(strings.Repeat("x", int(head.Revisions[0].Blob.Size))), 0o644); err != nil {
		t.Fatal(err)
	}
	if n := into(); n != 1 {
		t.Errorf("%d downloads where the cache is damaged, want 1", n)
	}
	if behind.Blobs.Has(head.Revisions[0].Blob.Digest) {
		t.Error("the cache keeps a damaged blob")
	}
}
