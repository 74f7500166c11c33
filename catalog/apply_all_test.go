package catalog_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/opencontainers/go-digest"
	"golang.org/x/sync/errgroup"

	"offlinestore/catalog"
	"offlinestore/snap"
)

// applyAll applies imports together, and fails the test if one of them fails.
func applyAll(tb testing.TB, s *catalog.DB, list ...*catalog.Import) []*catalog.Report {
	tb.Helper()
	out, err := s.ApplyAll(tb.Context(), list)
	if err != nil {
		tb.Fatal(err)
	}
	reports := make([]*catalog.Report, len(out))
	for i, o := range out {
		if o.Err != nil {
			tb.Fatalf("ApplyAll: %s: %v", list[i].Name, o.Err)
		}
		reports[i] = o.Report
	}
	return reports
}

func forced(in *catalog.Import) *catalog.Import {
	in.PushChannelMap = true
	return in
}

// histories returns the number of lines in the history.
func histories(tb testing.TB, s *catalog.DB) int {
	tb.Helper()
	h, err := s.History(tb.Context(), "")
	if err != nil {
		tb.Fatal(err)
	}
	return len(h)
}

// withComponent adds a component to the last revision of an import.
func withComponent(in *catalog.Import, name string, revision int) *catalog.Import {
	b := blobOf("component "+name, revision)
	in.Blobs = append(in.Blobs, b)
	r := &in.SnapRevisions[len(in.SnapRevisions)-1]
	r.ResourceBlobs = append(r.ResourceBlobs, b.Digest)
	r.Revision.Resources = append(r.Revision.Resources, snap.Resource{Name: name, Revision: revision, Type: "component/standard", Download: snap.Download{SHA3384: b.SHA3384, Size: b.Size}})
	return in
}

// TestForcedTwice forces the same list several times. Only the first time may change the catalogue, even if a newer bundle was pushed
// before.
func TestForcedTwice(t *testing.T) {
	t.Parallel()
	for _, signer := range []string{"sha256:aa", catalog.Unsigned} {
		t.Run(signer, func(t *testing.T) {
			t.Parallel()
			forceTwice(t, signer)
		})
	}
}

func forceTwice(t *testing.T, signer string) {
	s, _ := open(t)
	apply(t, s, with(withCharm(imp("newest", 9), "app", []int{9}, "latest/stable"+jammy+"=9"), "jq", []int{9}, "latest/stable/amd64=9", "latest/edge/amd64=9"))
	list := []*catalog.Import{
		forced(with(withCharm(imp("old", 1), "app", []int{6}, "latest/stable"+jammy+"=6"), "jq", []int{6}, "latest/stable/amd64=6", "latest/edge/amd64=6")),
		forced(with(withCharm(imp("new", 2), "app", []int{8}, "latest/stable"+jammy+"=8"), "jq", []int{8}, "latest/stable/amd64=8")),
	}
	list[0].Signer, list[1].Signer = signer, signer
	first := applyAll(t, s, list...)
	diff(t, "moves of the old bundle", first[0].SnapMoves, []catalog.SnapMove{{"jq", "amd64", "latest/edge", 9, 6, ""}})
	diff(t, "moves of the new bundle", first[1].SnapMoves, []catalog.SnapMove{{"jq", "amd64", "latest/stable", 9, 8, ""}})
	if n := len(first[0].Kept) + len(first[0].KeptCharms) + len(first[0].CharmMoves); n > 0 {
		t.Errorf("report of the old bundle = %+v, want nothing about the rows of the new one", first[0])
	}
	before := load(t, s)
	diff(t, "channel map", rows(before.Snaps[0].ChannelMap), []string{"latest/edge/amd64=6", "latest/stable/amd64=8"})
	diff(t, "charm", charmRows(before.Charms[0].ChannelMap), charmRows(list[1].Charms[0].ChannelMap))
	diff(t, "summary", before.Snaps[0].Details.Summary, "of new.tar.gz")
	for range 2 {
		for i, r := range applyAll(t, s, list...) {
			diff(t, fmt.Sprintf("report %d of the same list", i), r, &catalog.Report{AlreadyImported: true, UpToDate: true})
		}
	}
	diff(t, "the catalogue", load(t, s), before)
	if n := histories(t, s); n != 3 {
		t.Errorf("%d lines in the history, want 3", n)
	}
}

// TestForcedWithout forces a list of which the newest import fails. The one before it then decides.
func TestForcedWithout(t *testing.T) {
	t.Parallel()
	s, _ := open(t)
	apply(t, s, with(imp("newest", 9), "jq", []int{9}, "latest/stable/amd64=9"))
	bad := forced(with(imp("bad", 3), "jq", []int{9}, "latest/stable/amd64=9"))
	bad.SnapRevisions[0].Blob = blobOf("jq", 8).Digest
	list := []*catalog.Import{forced(with(imp("old", 1), "jq", []int{7}, "latest/stable/amd64=7")), forced(with(imp("new", 2), "jq", []int{8}, "latest/stable/amd64=8")), bad}
	out, err := s.ApplyAll(t.Context(), list)
	if err != nil {
		t.Fatal(err)
	}
	var conflict *catalog.ConflictError
	if out[0].Err != nil || out[1].Err != nil || !errors.As(out[2].Err, &conflict) {
		t.Errorf("errors %v, %v, %v; want only a ConflictError for the last", out[0].Err, out[1].Err, out[2].Err)
	}
	diff(t, "channel map", rows(load(t, s).Snaps[0].ChannelMap), []string{"latest/stable/amd64=8"})
}

// TestForcedFailures forces a list in which every second import fails. The time must not grow with the square of the list: each import
// is tried twice, and not once for each failure.
func TestForcedFailures(t *testing.T) {
	t.Parallel()
	s, _ := open(t)
	apply(t, s, with(imp("newest", 99), "jq", []int{9}, "latest/stable/amd64=9"))
	var list []*catalog.Import
	for i := range 20 {
		in := forced(with(imp(fmt.Sprint("import ", i), i), "jq", []int{9 + i%2*100 + i}, fmt.Sprintf("latest/stable/amd64=%d", 9+i%2*100+i)))
		if i%2 == 0 {
			in = forced(with(imp(fmt.Sprint("bad ", i), i), "jq", []int{9}, "latest/stable/amd64=9"))
			in.SnapRevisions[0].Blob = blobOf("jq", 8).Digest
		}
		list = append(list, in)
	}
	before := newestImport(t, s)
	out, err := s.ApplyAll(t.Context(), list)
	if err != nil {
		t.Fatal(err)
	}
	for i, o := range out {
		if failed := o.Err != nil; failed != (i%2 == 0) {
			t.Errorf("import %d: %v", i, o.Err)
		}
	}
	diff(t, "channel map", rows(load(t, s).Snaps[0].ChannelMap), []string{"latest/stable/amd64=128"})
	// The IDs of the history show how often an import was tried, because a sequence is never rolled back.
	if n := newestImport(t, s) - before; n > 2*int64(len(list)) {
		t.Errorf("%d imports were tried %d times, want at most twice", len(list), n)
	}
}

// newestImport returns the ID of the newest line of the history.
func newestImport(tb testing.TB, s *catalog.DB) int64 {
	tb.Helper()
	return load(tb, s).Moment.Import
}

// TestForcedBack forces an older bundle over a newer one. Everything that the newest bundle decides must be the older one's again:
// channels, components, the names of images, titles.
func TestForcedBack(t *testing.T) {
	t.Parallel()
	s, _ := open(t)
	make := func(name string, day int) *catalog.Import {
		in := withImage(withCharm(imp(name, day), "app", []int{1}, "latest/stable"+jammy+"=1,image:1"), "app", "image", 1, "local/"+name)
		return withComponent(with(in, "jq", []int{6}, "latest/stable/amd64=6"), "docs", day)
	}
	apply(t, s, make("old", 1))
	before := content(t, s)
	apply(t, s, make("new", 2))
	if got := content(t, s).Charms[0].Resources[0].Image.Name; got != "local/new" {
		t.Fatalf("image %s after the newer bundle, want local/new", got)
	}
	if r := apply(t, s, make("old", 1)); !r.UpToDate {
		t.Errorf("report %+v of the older bundle without force, want nothing to do", r)
	}
	r := apply(t, s, forced(make("old", 1)))
	if r.UpToDate || !r.AlreadyImported {
		t.Errorf("report = %+v, want a change of a known bundle", r)
	}
	older := &before.Snaps[0].Revisions[0].OlderComponents
	*older = content(t, s).Snaps[0].Revisions[0].OlderComponents
	before.Snaps[0].Revisions[0].Further = content(t, s).Snaps[0].Revisions[0].Further
	if len(*older) != 1 || (*older)[0].Revision != 2 {
		t.Errorf("older components %+v, want revision 2 of the newer bundle", *older)
	}
	diff(t, "image moves", r.ImageMoves, []catalog.ImageMove{{"app", "image", 1, "local/new", "local/old"}})
	diff(t, "the catalogue", content(t, s), before)
	if r := apply(t, s, forced(make("old", 1))); !r.UpToDate {
		t.Errorf("second report = %+v, want nothing to do", r)
	}
}

// TestSameBundleAtOnce applies one import from many connections at once. The history must have one line for it.
func TestSameBundleAtOnce(t *testing.T) {
	t.Parallel()
	s, dsn := open(t)
	stores := []*catalog.DB{s, reopen(t, dsn), reopen(t, dsn)}
	var g errgroup.Group
	for i := range 12 {
		g.Go(func() error {
			_, err := stores[i%3].Apply(t.Context(), with(imp("a", 0), "jq", []int{6}, "latest/stable/amd64=6"))
			return err
		})
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	if n, g := histories(t, s), load(t, s).Generation; n != 1 || g != 2 {
		t.Errorf("%d lines in the history and generation %d, want 1 and 2", n, g)
	}
	later := with(imp("a", 1), "jq", []int{6}, "latest/stable/amd64=6")
	later.Bundle = digest.FromString("a")
	if r := apply(t, s, later); r.AlreadyImported || r.UpToDate {
		t.Errorf("report of the same content signed later = %+v, want another bundle", r)
	}
}

// TestForcedIcons forces two bundles, of which only the older one knows the icon. That icon must replace the icon of the newest bundle.
func TestForcedIcons(t *testing.T) {
	t.Parallel()
	s, _ := open(t)
	withIcon := func(in *catalog.Import, icon string) *catalog.Import {
		b := catalog.Blob{Digest: digest.FromString(icon), Size: 4}
		in.Blobs, in.Snaps[0].Icon = append(in.Blobs, b), &catalog.Icon{Blob: b.Digest, MediaType: "image/png", Size: 4}
		return in
	}
	apply(t, s, withIcon(with(imp("newest", 9), "jq", nil), "icon 9"))
	unknown := forced(with(imp("new", 2), "jq", nil))
	unknown.Snaps[0].Unknown = []string{snap.UnknownIcon}
	list := []*catalog.Import{forced(withIcon(with(imp("old", 1), "jq", nil), "icon 1")), unknown}
	applyAll(t, s, list...)
	got := content(t, s).Snaps[0]
	if got.Icon == nil || got.Icon.Blob != digest.FromString("icon 1") || got.Details.Summary != "of new.tar.gz" {
		t.Errorf("icon %+v and summary %q, want the icon of the older bundle and the summary of the newer one", got.Icon, got.Details.Summary)
	}
	for _, r := range applyAll(t, s, list...) {
		if !r.UpToDate {
			t.Errorf("report of the same list = %+v, want nothing to do", r)
		}
	}
}

// TestApplyAllRefused applies imports that the database refuses while it reads, and while it writes, between good ones.
func TestApplyAllRefused(t *testing.T) {
	t.Parallel()
	s, _ := open(t)
	read, write := with(imp("read", 1), "a\x00b", []int{1}), with(imp("write", 2), "yq", []int{0})
	list := []*catalog.Import{with(imp("one", 0), "jq", []int{5}, "latest/stable/amd64=5"), read, write, with(imp("two", 3), "xq", []int{7}, "latest/stable/amd64=7")}
	for range 2 {
		out, err := s.ApplyAll(t.Context(), list)
		if err != nil {
			t.Fatal(err)
		}
		if out[0].Err != nil || out[1].Err == nil || out[2].Err == nil || out[3].Err != nil {
			t.Errorf("outcomes %v, %v, %v, %v; want errors in the middle", out[0].Err, out[1].Err, out[2].Err, out[3].Err)
		}
	}
	if n := histories(t, s); n != 2 {
		t.Errorf("%d lines in the history, want the 2 of the good imports", n)
	}
}
