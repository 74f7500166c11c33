package catalog_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"

	"offlinestore/catalog"
	"offlinestore/internal/mutate"
)

// reported returns an import with one item of each kind, in which no member is empty.
func reported(day int) *catalog.Import {
	in := withComponent(with(imp(fmt.Sprint("day", day), day), "jq", []int{6}, "latest/stable/amd64=6"), "docs", 5)
	withImage(withFile(withCharm(in, "app", []int{1}, "latest/stable"+jammy+"=1,file:1,image:1"), "app", "file", 1), "app", "image", 1, "local/app")
	withIndex(withManifest(in, "manifest", "layer"), "index", "manifest")
	icon := catalog.Blob{Digest: digest.FromString("icon"), Size: 4}
	in.Blobs = append(in.Blobs, icon, catalog.Blob{Digest: digest.FromString("other icon"), Size: 4})
	in.Snaps[0].Icon = &catalog.Icon{Blob: icon.Digest, MediaType: "image/png", Size: 4}
	in.Charms[0].Icon = &catalog.Icon{Blob: icon.Digest, MediaType: "image/png", Size: 4}
	in.Assertions = []catalog.Assertion{{Type: "account", PrimaryKey: []string{"x"}, Raw: []byte("x")}}
	mutate.Fill(&in.Snaps[0].Snap)
	mutate.Fill(&in.SnapRevisions[0].Revision)
	mutate.Fill(&in.Charms[0].Result)
	mutate.Fill(&in.CharmRevisions[0].Item)
	for i := range in.CharmResources {
		mutate.Fill(&in.CharmResources[i].Resource)
	}
	return in
}

// reportedItems returns the items of an import.
func reportedItems(in *catalog.Import) []any {
	items := []any{&in.Snaps[0], &in.SnapRevisions[0], &in.Charms[0], &in.CharmRevisions[0], &in.Assertions[0]}
	for i := range in.CharmResources {
		items = append(items, &in.CharmResources[i])
	}
	for i := range in.Images {
		items = append(items, &in.Images[i])
	}
	return items
}

// TestReportSeesEveryMember pushes a bundle in which one member of one item has changed, and then one in which it is as before. Each
// report must be empty if nothing has changed for readers, and only then.
func TestReportSeesEveryMember(t *testing.T) {
	t.Parallel()
	s, _ := open(t)
	apply(t, s, reported(0))
	day, changes, seen := 0, 0, 0
	push := func(what string, edit func(*catalog.Import)) {
		t.Helper()
		day++
		in, before := reported(day), content(t, s)
		edit(in)
		report, err := s.Apply(t.Context(), in)
		if err != nil {
			return // the member identifies something
		}
		changed := !cmp.Equal(before, content(t, s))
		if changed == report.IsEmpty() {
			t.Errorf("%s: changed = %v, report %+v", what, changed, report)
		}
		if changed {
			changes++
		}
	}
	first := reported(0)
	for i, item := range reportedItems(first) {
		mutate.Each(item, func(path string) bool {
			if strings.Contains(path, "Blobs") {
				return false // follows from the components
			}
			if seen++; testing.Short() && seen%12 != 1 {
				return false
			}
			push(fmt.Sprintf("%T%s", item, path), func(in *catalog.Import) {
				mutate.Each(reportedItems(in)[i], func(p string) bool { return p == path })
			})
			push(fmt.Sprintf("%T%s undone", item, path), func(*catalog.Import) {})
			return false
		})
	}
	if want := map[bool]int{false: 150, true: 10}[testing.Short()]; changes < want {
		t.Errorf("%d changes, want at least %d", changes, want)
	}
}
