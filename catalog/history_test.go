package catalog_test

import (
	"cmp"
	"slices"
	"testing"

	"github.com/opencontainers/go-digest"

	"offlinestore/catalog"
)

func TestHistory(t *testing.T) {
	t.Parallel()
	s, _ := open(t)
	first := with(imp("a", 1), "jq", []int{6}, "latest/stable/amd64=6")
	first.Sequence = 1<<63 + 5 // exceeds PostgreSQL's bigint
	report := apply(t, s, first)
	apply(t, s, with(imp("b", 0), "jq", []int{5}, "latest/stable/amd64=5"))
	all, err := s.History(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	if len(all) != 2 || all[0].Name != "b.tar.gz" || all[1].Name != "a.tar.gz" {
		t.Fatalf("History = %+v, want b and then a", all)
	}
	got := all[1]
	if got.ImportedAt.IsZero() || !got.SignedAt.Equal(first.SignedAt) {
		t.Errorf("imported at %v, signed at %v; want now and %v", got.ImportedAt, got.SignedAt, first.SignedAt)
	}
	want := catalog.Record{ID: 1, Bundle: first.Bundle, Name: first.Name, Signer: first.Signer, SignedAt: got.SignedAt, Sequence: first.Sequence,
		Exporter: first.Exporter, Program: first.Program, ImportedAt: got.ImportedAt, Report: *report}
	diff(t, "record", got, want)
	diff(t, "what the older bundle left alone", all[0].Report.Kept, []catalog.SnapMove{{"jq", "amd64", "latest/stable", 6, 5, ""}})

	one, err := s.History(t.Context(), first.Bundle)
	if err != nil || len(one) != 1 || one[0].Name != "a.tar.gz" {
		t.Errorf("History(a) = %+v, %v; want a", one, err)
	}
	if none, err := s.History(t.Context(), digest.FromString("x")); err != nil || len(none) != 0 {
		t.Errorf("History of another bundle = %+v, %v; want none", none, err)
	}
}

// TestBlobs shows that a blob is in use while a revision, a component or an icon refers to it.
func TestBlobs(t *testing.T) {
	t.Parallel()
	s, _ := open(t)
	in := with(imp("a", 0), "jq", []int{6}, "latest/stable/amd64=6")
	component := blobOf("docs", 1)
	icon := catalog.Blob{Digest: digest.FromString("icon"), Size: 3}
	in.Blobs = append(in.Blobs, component, icon)
	in.SnapRevisions[0].ResourceBlobs = []digest.Digest{component.Digest}
	in.Snaps[0].Icon = &catalog.Icon{Blob: icon.Digest, MediaType: "image/png", Size: 3}
	apply(t, s, in)
	used := func() []catalog.Blob {
		t.Helper()
		blobs, err := s.Blobs(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return blobs
	}
	want := slices.SortedFunc(slices.Values(in.Blobs), func(a, b catalog.Blob) int { return cmp.Compare(a.Digest, b.Digest) })
	diff(t, "blobs", used(), want)

	// After a new icon, the old one is unused.
	next := with(imp("b", 1), "jq", nil)
	newIcon := catalog.Blob{Digest: digest.FromString("new icon"), Size: 4}
	next.Blobs = append(next.Blobs, newIcon)
	next.Snaps[0].Icon = &catalog.Icon{Blob: newIcon.Digest, MediaType: "image/png", Size: 4}
	apply(t, s, next)
	if slices.Contains(used(), icon) || !slices.Contains(used(), newIcon) {
		t.Errorf("Blobs = %v after a new icon, want that and not the old one", used())
	}
	if err := s.ForgetBlobs(t.Context()); err != nil {
		t.Fatal(err)
	}
	sums, err := s.BlobSums(t.Context(), append(in.Blobs, newIcon, catalog.Blob{Digest: digest.FromString("unknown")}))
	if err != nil {
		t.Fatal(err)
	}
	diff(t, "sums", sums, map[digest.Digest]string{in.Blobs[0].Digest: in.Blobs[0].SHA3384, component.Digest: component.SHA3384})

	// In a store without icons, the nulls of their columns must not make every blob look used, or none.
	bare, _ := open(t)
	in.Blobs, in.Snaps[0].Icon = in.Blobs[:2], nil
	unused := catalog.Blob{Digest: digest.FromString("unused"), Size: 1, SHA3384: component.SHA3384}
	in.Blobs = append(in.Blobs, unused)
	apply(t, bare, in)
	if err := bare.ForgetBlobs(t.Context()); err != nil {
		t.Fatal(err)
	}
	if sums, err := bare.BlobSums(t.Context(), []catalog.Blob{unused, component}); err != nil || len(sums) != 1 {
		t.Errorf("BlobSums after ForgetBlobs = %v, %v; want the component's alone", sums, err)
	}
}
