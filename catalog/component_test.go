package catalog_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"offlinestore/catalog"
	"offlinestore/difference"
)

// TestOlderComponents imports three bundles that name different components of a revision, in all orders. The newest bundle decides which
// component the revision has, and the files of the others stay until the revision is removed.
func TestOlderComponents(t *testing.T) {
	t.Parallel()
	first, _ := open(t)
	var want *catalog.Snapshot
	for _, order := range permutations(3) {
		s := first
		if want != nil {
			s, _ = open(t)
		}
		bundles := []*catalog.Import{
			withComponent(with(imp("a", 0), "jq", []int{6}, "latest/stable/amd64=6"), "docs", 5),
			withComponent(with(imp("b", 1), "jq", []int{6}, "latest/stable/amd64=6"), "docs", 8),
			withComponent(with(imp("c", 2), "jq", []int{6}, "latest/stable/amd64=6"), "help", 2),
		}
		for _, i := range order {
			if r := apply(t, s, bundles[i]); r.IsEmpty() {
				t.Errorf("order %v: the report of bundle %d is empty", order, i)
			}
		}
		got := content(t, s)
		if want == nil {
			want = got
		}
		got.Snaps[0].History, want.Snaps[0].History = nil, nil
		diff(t, "the catalogue", got, want)
	}
	docs := func(n int) catalog.ComponentFile {
		b := blobOf("component docs", n)
		return catalog.ComponentFile{Name: "docs", Revision: n, Blob: b.Digest, Size: b.Size}
	}
	diff(t, "older components", want.Snaps[0].Revisions[0].OlderComponents, []catalog.ComponentFile{docs(5), docs(8)})
	var further []int
	for _, c := range want.Snaps[0].Revisions[0].Further {
		further = append(further, c.Revision)
	}
	diff(t, "revisions of docs for validation sets", further, []int{5, 8})
	if blobs, err := first.Blobs(t.Context()); err != nil || len(blobs) != 4 {
		t.Errorf("%d blobs are in use, %v; want the snap and three components", len(blobs), err)
	}
	remove(t, first, catalog.Item{Kind: catalog.ItemSnap, Name: "jq", Revisions: []int{6}})
	if blobs, err := first.Blobs(t.Context()); err != nil || len(blobs) != 0 {
		t.Errorf("%d blobs are in use after the removal, %v; want none", len(blobs), err)
	}
}

// TestComponentsOfOldStores runs the migration's statement on a store that does not have the files of components yet.
func TestComponentsOfOldStores(t *testing.T) {
	t.Parallel()
	s, dsn := open(t)
	in := withComponent(withComponent(with(imp("a", 0), "jq", []int{5, 6}, "latest/stable/amd64=6"), "docs", 5), "help", 2)
	apply(t, s, in)
	paths, err := filepath.Glob("migrations/*_components.sql")
	if err != nil || len(paths) != 1 {
		t.Fatalf("migrations %q, %v; want one", paths, err)
	}
	migration, err := os.ReadFile(paths[0])
	if err != nil {
		t.Fatal(err)
	}
	exec(t, dsn, `delete from snap_component`)
	exec(t, dsn, string(migration[bytes.Index(migration, []byte("insert into")):]))
	next := with(imp("b", 1), "jq", []int{6}, "latest/stable/amd64=6")
	apply(t, s, next)
	got := load(t, s).Snaps[0].Revisions[1].OlderComponents
	var names []string
	for _, c := range got {
		names = append(names, fmt.Sprint(c.Name, c.Revision))
	}
	diff(t, "older components", names, []string{"docs5", "help2"})
}

// TestFurtherComponents imports a component that a validation set pins, before and after bundles without it.
func TestFurtherComponents(t *testing.T) {
	t.Parallel()
	s, _ := open(t)
	pinned := withComponent(with(imp("a", 1), "jq", []int{6}, "latest/stable/amd64=6"), "docs", 5)
	r := &pinned.SnapRevisions[0]
	r.Revision.Further, r.FurtherBlobs = r.Revision.Resources, r.ResourceBlobs
	r.Revision.Resources, r.ResourceBlobs = nil, nil
	pinned = withComponent(pinned, "docs", 8)
	report := apply(t, s, pinned)
	want := []difference.Change{{What: difference.Component, Snap: "jq", Revision: 6, Name: "docs", Field: difference.Further, New: "5"}}
	diff(t, "updates", report.Updates, want)
	if again := apply(t, s, pinned); !again.UpToDate {
		t.Errorf("the same bundle again: %+v", again)
	}
	for day, name := range []string{"older", "", "newer"} {
		if name != "" {
			apply(t, s, withComponent(with(imp(name, day), "jq", []int{6}, "latest/stable/amd64=6"), "docs", 8))
		}
		got := load(t, s).Snaps[0].Revisions[0]
		if c, ok := got.Component("docs", 0); !ok || c.Revision != 8 {
			t.Errorf("the released component is %+v, want docs 8", c)
		}
		if c, ok := got.Component("docs", 5); !ok || c.Download.SHA3384 != r.Revision.Further[0].Download.SHA3384 {
			t.Errorf("the pinned component is %+v, want docs 5", c)
		}
	}
}
