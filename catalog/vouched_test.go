package catalog_test

import (
	"slices"
	"testing"

	"offlinestore/catalog"
	"offlinestore/snap"
)

// vouched makes an import one that only the store's assertions vouch for. Its snaps have other titles than in a bundle.
func vouched(in *catalog.Import) *catalog.Import {
	in.Signer, in.Exporter, in.Program = catalog.StoreSignatures, "", ""
	for i := range in.Snaps {
		in.Snaps[i].Snap.Title = "poor"
	}
	for i := range in.SnapRevisions {
		in.SnapRevisions[i].Revision.Version = "poor"
	}
	return in
}

// TestStoreSignatures imports a snap with its bundle, and without one, in both orders. The bundle decides the description, the time
// decides the channel, and components add up.
func TestStoreSignatures(t *testing.T) {
	t.Parallel()
	for _, order := range [][]int{{0, 1}, {1, 0}} {
		s, _ := open(t)
		list := []*catalog.Import{
			withComponent(with(imp("bundle", 0), "jq", []int{6}, "latest/stable/amd64=6"), "docs", 5),
			vouched(withComponent(with(imp("pair", 1), "jq", []int{7, 6}, "latest/stable/amd64=7"), "help", 2)),
		}
		for _, i := range order {
			apply(t, s, list[i])
		}
		c := load(t, s)
		jq := c.Snaps[0]
		if jq.Details.Title != "jq" || jq.Revisions[0].Revision.Version != "v6" || jq.Revisions[1].Revision.Version != "poor" {
			t.Errorf("order %v: title %q, versions %q and %q; want the bundle's where it has one", order, jq.Details.Title, jq.Revisions[0].Revision.Version, jq.Revisions[1].Revision.Version)
		}
		if got := rows(jq.ChannelMap); !slices.Equal(got, []string{"latest/stable/amd64=7"}) {
			t.Errorf("order %v: channels %q", order, got)
		}
		var names []string
		for _, r := range jq.Revisions[0].Revision.Resources {
			names = append(names, r.Name)
		}
		want := []string{"docs", "help"}
		if order[0] == 1 {
			want = []string{"docs"} // a bundle names all components of a revision
		}
		if !slices.Equal(names, want) || len(jq.Revisions[0].ResourceBlobs) != len(want) {
			t.Errorf("order %v: components %q, %d blobs; want %q", order, names, len(jq.Revisions[0].ResourceBlobs), want)
		}
		for _, i := range order {
			in := list[i]
			if order[0] == 1 {
				break // the pair would add its component again
			}
			if r := apply(t, s, in); !r.UpToDate {
				t.Errorf("order %v: %s again: %+v, want nothing to do", order, in.Name, r)
			}
		}
		known, err := s.KnownSnap(t.Context(), snapID("jq"))
		if err != nil || known == nil || known.DefaultTrack != "latest" || !slices.Equal(known.Rows, []snap.Release{{Architecture: "amd64", Channel: "latest/stable"}}) {
			t.Errorf("KnownSnap: %+v, %v", known, err)
		}
		if rev, b, err := s.SnapRevision(t.Context(), snapID("jq"), 6); err != nil || rev.Name != "jq" || rev.Revision.Version != "v6" || *b != blobOf("jq", 6) {
			t.Errorf("SnapRevision: %+v, %+v, %v", rev, b, err)
		}
		if rev, _, err := s.SnapRevision(t.Context(), snapID("jq"), 8); rev != nil || err != nil {
			t.Errorf("SnapRevision of another: %+v, %v", rev, err)
		}
		if known, err := s.KnownSnap(t.Context(), snapID("yq")); known != nil || err != nil {
			t.Errorf("KnownSnap of another: %+v, %v", known, err)
		}
	}
}
