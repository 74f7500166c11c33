package catalog_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"
	"golang.org/x/sync/errgroup"

	"offlinestore/catalog"
	"offlinestore/difference"
	"offlinestore/snap"
)

// content returns the whole catalogue except its generation, in a comparable order.
func content(tb testing.TB, s *catalog.DB) *catalog.Snapshot {
	tb.Helper()
	c := load(tb, s)
	c.Generation, c.Imports, c.LastImport, c.Moment = 0, 0, time.Time{}, catalog.Moment{}
	slices.SortFunc(c.Assertions, func(a, b catalog.Assertion) int {
		return strings.Compare(fmt.Sprint(a.Type, a.PrimaryKey, a.Format), fmt.Sprint(b.Type, b.PrimaryKey, b.Format))
	})
	return c
}

func TestApply(t *testing.T) {
	t.Parallel()
	s, _ := open(t)
	in := with(imp("a", 0), "jq", []int{6, 7}, "latest/stable/amd64=6", "latest/stable/arm64=7", "latest/edge/amd64=0")
	icon := catalog.Blob{Digest: digest.FromString("icon"), Size: 99}
	in.Blobs = append(in.Blobs, icon)
	in.Snaps[0].Icon = &catalog.Icon{Blob: icon.Digest, MediaType: "image/png", Size: 99}
	withComponent(in, "docs", 1)
	component := blobOf("component docs", 1)
	in.Assertions = []catalog.Assertion{{Type: "snap-declaration", PrimaryKey: []string{"16", snapID("jq")}, Format: 1, Revision: 3, Raw: []byte("raw\x00\xff")}}
	with(in, "hello", []int{38}, "2.0/stable/amd64=38")

	report := apply(t, s, in)
	diff(t, "report", report, &catalog.Report{
		SnapRevisions: []catalog.SnapRevisionRef{{Snap: "jq", Revision: 6, Size: 1006}, {Snap: "jq", Revision: 7, Size: 1007}, {Snap: "hello", Revision: 38, Size: 1038}},
		SnapMoves:     []catalog.SnapMove{{"jq", "amd64", "latest/stable", -1, 6, ""}, {"jq", "arm64", "latest/stable", -1, 7, ""}, {"jq", "amd64", "latest/edge", -1, 0, ""}, {"hello", "amd64", "2.0/stable", -1, 38, ""}},
		Assertions:    1,
	})
	c := load(t, s)
	if len(c.Snaps) != 2 || c.Snaps[0].Name != "hello" || c.Generation != 2 {
		t.Fatalf("LoadSnapshot = generation %d with %d snaps, want 2 with hello and jq", c.Generation, len(c.Snaps))
	}
	jq := c.Snaps[1]
	diff(t, "channel map", rows(jq.ChannelMap), []string{"latest/edge/amd64=0", "latest/stable/amd64=6", "latest/stable/arm64=7"})
	diff(t, "icon", jq.Icon, in.Snaps[0].Icon)
	diff(t, "details", jq.Details, in.Snaps[0].Snap)
	diff(t, "default track", jq.DefaultTrack, "latest")
	in.SnapRevisions[1].Revision.Contents = &snap.Contents{}
	diff(t, "revision", jq.Revisions[1], catalog.SnapRevision{Revision: in.SnapRevisions[1].Revision, Blob: in.SnapRevisions[1].Blob, ResourceBlobs: []digest.Digest{component.Digest}})
	diff(t, "assertions", c.Assertions, in.Assertions)
}

// TestPlan shows that the report of Plan equals the report of Apply, and that Plan changes nothing.
func TestPlan(t *testing.T) {
	t.Parallel()
	s, _ := open(t)
	apply(t, s, with(imp("a", 1), "jq", []int{6}, "latest/stable/amd64=6", "latest/edge/amd64=6"))
	before := load(t, s)
	next := with(imp("b", 0), "jq", []int{7}, "latest/stable/amd64=7", "latest/beta/amd64=7")
	next.Assertions = []catalog.Assertion{{Type: "account", PrimaryKey: []string{"x"}, Raw: []byte("x")}}
	plan, err := planOne(t.Context(), s, next)
	if err != nil {
		t.Fatal(err)
	}
	diff(t, "the catalogue after Plan", load(t, s), before)
	if h, err := s.History(t.Context(), ""); err != nil || len(h) != 1 {
		t.Errorf("History after Plan = %d lines, %v; want 1", len(h), err)
	}
	diff(t, "plan", plan, &catalog.Report{
		SnapRevisions: []catalog.SnapRevisionRef{{Snap: "jq", Revision: 7, Size: 1007}}, SnapMoves: []catalog.SnapMove{{"jq", "amd64", "latest/beta", -1, 7, ""}},
		Kept: []catalog.SnapMove{{"jq", "amd64", "latest/stable", 6, 7, ""}}, Assertions: 1,
	})
	diff(t, "what Apply did", apply(t, s, next), plan)
}

// TestPreview shows that PlanAll returns the state after applying all imports in turn, and changes nothing.
func TestPreview(t *testing.T) {
	t.Parallel()
	s, _ := open(t)
	apply(t, s, with(imp("a", 1), "jq", []int{6}, "latest/stable/amd64=6"))
	before := load(t, s)
	next := []*catalog.Import{with(imp("b", 2), "jq", []int{7}, "latest/stable/amd64=7"), with(imp("c", 0), "jq", []int{5}, "latest/stable/amd64=5"),
		with(imp("d", 0), "hello", []int{38}, "latest/stable/amd64=38")}
	_, preview, err := s.PlanAll(t.Context(), next)
	if err != nil {
		t.Fatal(err)
	}
	diff(t, "the catalogue after PlanAll", load(t, s), before)
	for _, in := range next {
		apply(t, s, in)
	}
	after := load(t, s)
	for _, c := range []*catalog.Snapshot{after, preview} { // a rolled back import leaves out an ID
		c.Generation, c.LastImport, c.Moment = 0, time.Time{}, catalog.Moment{}
		for i := range c.Snaps {
			c.Snaps[i].Imported = nil
		}
	}
	diff(t, "preview", preview, after)
	out, preview, err := s.PlanAll(t.Context(), []*catalog.Import{with(imp("e", 3), "jq", nil, "latest/edge/amd64=99"), next[0]})
	if err != nil || out[0].Err == nil || preview != nil {
		t.Errorf("plan of a row without its revision = %v, %v, %v, want its error, and no preview where nothing else changes", out, preview, err)
	}
}

func TestApplyTwice(t *testing.T) {
	t.Parallel()
	s, _ := open(t)
	in := with(imp("a", 0), "jq", []int{6}, "latest/stable/amd64=6")
	in.Assertions = []catalog.Assertion{{Type: "account", PrimaryKey: []string{"x"}, Raw: []byte("x")}}
	apply(t, s, in)
	before := content(t, s)
	diff(t, "second report", apply(t, s, in), &catalog.Report{AlreadyImported: true, UpToDate: true})
	diff(t, "the catalogue", content(t, s), before)
}

// TestOrderOfPushing shows that the order in which bundles are pushed never matters. Each order is tried on a snap of its own.
func TestOrderOfPushing(t *testing.T) {
	t.Parallel()
	s, _ := open(t)
	orders := permutations(4)
	for n, order := range orders {
		name := fmt.Sprintf("snap-%02d", n)
		bundles := []*catalog.Import{
			with(imp("mon"+name, 0), name, []int{1}, "latest/stable/amd64=1", "latest/edge/amd64=1", "latest/stable/arm64=1"),
			with(imp("tue"+name, 1), name, []int{2}, "latest/stable/amd64=2"),
			with(imp("wed"+name, 2), name, []int{3, 1}, "latest/edge/amd64=0", "latest/stable/amd64=1", "2/stable/amd64=3"),
			with(imp("thu"+name, 3), name, []int{2, 4}, "latest/edge/amd64=4", "latest/beta/amd64=2"),
		}
		for i, in := range bundles {
			in.Assertions = []catalog.Assertion{{Type: "account", PrimaryKey: []string{name}, Revision: i % 3, Raw: fmt.Append(nil, i%3)}}
		}
		for _, i := range order {
			apply(t, s, bundles[i])
		}
	}
	c := content(t, s)
	for n, order := range orders {
		sn, a := c.Snaps[n], c.Assertions[n]
		what := fmt.Sprintf("pushed in order %v: ", order)
		diff(t, what+"channel map", rows(sn.ChannelMap),
			[]string{"2/stable/amd64=3", "latest/beta/amd64=2", "latest/edge/amd64=4", "latest/stable/amd64=1", "latest/stable/arm64=1"})
		diff(t, what+"details", sn.Details.Summary, "of thu"+sn.Name+".tar.gz")
		diff(t, what+"assertion", string(a.Raw), "2")
		if len(sn.Revisions) != 4 {
			t.Errorf("%s%d revisions, want 4", what, len(sn.Revisions))
		}
	}
}

// TestOrderWithinASecond shows that two bundles of one second are ordered by their signer's count, or by their digests.
func TestOrderWithinASecond(t *testing.T) {
	t.Parallel()
	s, _ := open(t)
	var want string
	for n, order := range permutations(3) {
		name := fmt.Sprintf("snap-%02d", n)
		counted := []*catalog.Import{with(imp("x"+name, 0), name, []int{1}, "latest/stable/amd64=1"), with(imp("y"+name, 0), name, []int{2}, "latest/stable/amd64=2"),
			with(imp("z"+name, 0), name, []int{3}, "latest/stable/amd64=3")}
		// The digests of the uncounted bundles do not depend on the snap, so that each order has the same result.
		uncounted := "none" + name[4:]
		others := []*catalog.Import{with(imp("a", 0), uncounted, []int{1}, "latest/stable/amd64=1"), with(imp("b", 0), uncounted, []int{2}, "latest/stable/amd64=2"),
			with(imp("c", 0), uncounted, []int{3}, "latest/stable/amd64=3")}
		for i, in := range counted {
			in.Sequence = uint64(7 - i)
			others[i].Sequence = 0
		}
		for _, i := range order {
			apply(t, s, counted[i])
			apply(t, s, others[i])
		}
		for _, sn := range content(t, s).Snaps {
			got := rows(sn.ChannelMap)[0]
			switch sn.Name {
			case name:
				diff(t, fmt.Sprintf("counted bundles pushed in order %v", order), got, "latest/stable/amd64=1")
			case uncounted:
				if want == "" {
					want = got
				}
				diff(t, fmt.Sprintf("uncounted bundles pushed in order %v", order), got, want)
			}
		}
	}
}

// permutations returns all permutations of 0 to n-1, for small n.
func permutations(n int) [][]int {
	if n == 0 {
		return [][]int{nil}
	}
	var out [][]int
	for _, p := range permutations(n - 1) {
		for i := range n {
			out = append(out, slices.Insert(slices.Clone(p), i, n-1))
		}
	}
	return out
}

func TestPushChannelMap(t *testing.T) {
	t.Parallel()
	s, _ := open(t)
	apply(t, s, with(imp("new", 5), "jq", []int{7}, "latest/stable/amd64=7", "latest/edge/amd64=7"))
	old := with(imp("old", 1), "jq", []int{6}, "latest/stable/amd64=6")
	old.PushChannelMap = true
	diff(t, "report", apply(t, s, old), &catalog.Report{
		SnapRevisions: []catalog.SnapRevisionRef{{Snap: "jq", Revision: 6, Size: 1006}}, SnapMoves: []catalog.SnapMove{{"jq", "amd64", "latest/stable", 7, 6, ""}},
		Updates: []difference.Change{{What: difference.Snap, Snap: "jq", Field: "summary", Old: "of new.tar.gz", New: "of old.tar.gz"}},
	})
	diff(t, "channel map", rows(load(t, s).Snaps[0].ChannelMap), []string{"latest/edge/amd64=7", "latest/stable/amd64=6"})
	// A row that was set by hand yields to the next bundle that is newer than the one set by hand.
	apply(t, s, with(imp("middle", 3), "jq", []int{5}, "latest/stable/amd64=5", "latest/edge/amd64=5"))
	diff(t, "channel map", rows(load(t, s).Snaps[0].ChannelMap), []string{"latest/edge/amd64=7", "latest/stable/amd64=5"})
}

// TestClosedChannel shows that the history keeps the revision of a row that closes, and that rows which were not asked for stay.
func TestClosedChannel(t *testing.T) {
	t.Parallel()
	s, _ := open(t)
	apply(t, s, with(imp("a", 0), "jq", []int{6}, "latest/stable/amd64=6", "latest/beta/amd64=6"))
	r := apply(t, s, with(imp("b", 1), "jq", nil, "latest/beta/amd64=0"))
	diff(t, "moves", r.SnapMoves, []catalog.SnapMove{{"jq", "amd64", "latest/beta", 6, 0, ""}})
	apply(t, s, with(imp("c", 2), "jq", []int{8}, "latest/beta/amd64=8"))
	jq := load(t, s).Snaps[0]
	diff(t, "channel map", rows(jq.ChannelMap), []string{"latest/beta/amd64=8", "latest/stable/amd64=6"})
	diff(t, "history", rows(jq.History), []string{"latest/beta/amd64=8", "latest/beta/amd64=0", "latest/beta/amd64=6", "latest/stable/amd64=6"})
}

// TestUnchangedRowIsRenewed shows that a newer bundle with the same release makes no new release, and that a bundle between the
// two then changes nothing.
func TestUnchangedRowIsRenewed(t *testing.T) {
	t.Parallel()
	s, _ := open(t)
	apply(t, s, with(imp("a", 0), "jq", []int{6}, "latest/stable/amd64=6"))
	r := apply(t, s, with(imp("c", 4), "jq", []int{6}, "latest/stable/amd64=6"))
	diff(t, "report", r, &catalog.Report{Updates: []difference.Change{{What: difference.Snap, Snap: "jq", Field: "summary", Old: "of a.tar.gz", New: "of c.tar.gz"}}})
	r = apply(t, s, with(imp("b", 2), "jq", []int{5}, "latest/stable/amd64=5"))
	diff(t, "kept", r.Kept, []catalog.SnapMove{{"jq", "amd64", "latest/stable", 6, 5, ""}})
	diff(t, "history", rows(load(t, s).Snaps[0].History), []string{"latest/stable/amd64=6"})
}

func TestAssertionRevisions(t *testing.T) {
	t.Parallel()
	s, _ := open(t)
	for i, a := range []struct {
		format, revision int
		raw              string
		kept             int
	}{
		{0, 5, "f0r5", 1}, {0, 4, "f0r4", 0}, {0, 5, "other", 0}, {1, 2, "f1r2", 1}, {1, 6, "f1r6", 1},
	} {
		in := imp(fmt.Sprint(i), i)
		in.Assertions = []catalog.Assertion{{Type: "snap-declaration", PrimaryKey: []string{"16", "id"}, Format: a.format, Revision: a.revision, Raw: []byte(a.raw)}}
		if got := apply(t, s, in).Assertions; got != a.kept {
			t.Errorf("Apply(%s) counts %d assertions, want %d", a.raw, got, a.kept)
		}
	}
	var got []string
	for _, a := range content(t, s).Assertions {
		got = append(got, string(a.Raw))
	}
	diff(t, "assertions", got, []string{"f0r5", "f1r6"})
}

// TestConflict tries imports that contradict a fixed property. None of them changes anything.
func TestConflict(t *testing.T) {
	t.Parallel()
	s, _ := open(t)
	apply(t, s, with(imp("a", 0), "jq", []int{6}, "latest/stable/amd64=6"))
	before := load(t, s)

	otherBlob := with(imp("b", 1), "jq", []int{7, 6}, "latest/stable/amd64=7")
	otherBlob.SnapRevisions[1].Blob = otherBlob.SnapRevisions[0].Blob
	otherID := with(imp("c", 1), "jq", []int{7})
	otherID.Snaps[0].SnapID, otherID.SnapRevisions[0].SnapID = snapID("x"), snapID("x")
	twoIDs := with(with(imp("d", 1), "hello", nil), "hello", nil)
	twoIDs.Snaps[1].SnapID = snapID("x")
	for name, in := range map[string]*catalog.Import{"snap jq revision 6": otherBlob, "snap jq": otherID, "snap hello": twoIDs} {
		_, err := s.Apply(t.Context(), in)
		var conflict *catalog.ConflictError
		if !errors.As(err, &conflict) || conflict.What != name || errors.Is(err, catalog.ErrUnavailable) {
			t.Errorf("Apply of another %s = %v, want a ConflictError", name, err)
		}
		if _, err := planOne(t.Context(), s, in); !errors.As(err, &conflict) {
			t.Errorf("Plan of another %s = %v, want a ConflictError", name, err)
		}
	}
	if _, err := s.Apply(t.Context(), with(imp("e", 1), "jq", nil, "latest/stable/amd64=9")); err == nil || !strings.Contains(err.Error(), "revision 9") {
		t.Errorf("Apply of a release of a revision that is not here = %v, want an error that names it", err)
	}
	diff(t, "the catalogue", load(t, s), before)
}

// TestRename shows that a renamed snap is still the same snap.
func TestRename(t *testing.T) {
	t.Parallel()
	s, _ := open(t)
	apply(t, s, with(imp("a", 0), "old", []int{6}, "latest/stable/amd64=6"))
	in := with(imp("b", 1), "new", nil)
	in.Snaps[0].SnapID = snapID("old")
	apply(t, s, in)
	c := load(t, s)
	if len(c.Snaps) != 1 || c.Snaps[0].Name != "new" || len(c.Snaps[0].Revisions) != 1 {
		t.Errorf("LoadSnapshot = %+v, want the one snap under its new name", c.Snaps)
	}
}

// TestHostileText shows that text which PostgreSQL can't hold does not fail a verified import.
func TestHostileText(t *testing.T) {
	t.Parallel()
	s, _ := open(t)
	in := with(imp("a", 0), "jq", []int{6}, "latest/stable/amd64=6")
	in.Name, in.Exporter, in.Program = "\xff\x00.tar", "op\x00@\xc3", "\x00"
	in.Snaps[0].Snap.Description = "zero \x00, \u2028 and \U0001F600"
	in.SnapRevisions[0].Revision.Version = "1\x00'; drop table snap; --"
	apply(t, s, in)
	jq := load(t, s).Snaps[0]
	diff(t, "description", jq.Details.Description, in.Snaps[0].Snap.Description)
	diff(t, "version", jq.Revisions[0].Version, in.SnapRevisions[0].Revision.Version)
	h, err := s.History(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	diff(t, "name in the history", h[0].Name, "\uFFFD\uFFFD.tar")
	diff(t, "exporter in the history", h[0].Exporter, "op\uFFFD@\uFFFD")
}

// TestConcurrentApply shows that several pushes of the same snaps, each in another order, all succeed and are all counted.
func TestConcurrentApply(t *testing.T) {
	t.Parallel()
	s, dsn := open(t)
	const pushes = 16
	stores := []*catalog.DB{s, reopen(t, dsn)}
	var g errgroup.Group
	for i := range pushes {
		g.Go(func() error {
			in := imp(fmt.Sprint("bundle", i), i)
			for _, n := range rand.Perm(10) {
				with(in, fmt.Sprint("snap-", n), []int{i + 1, 100}, fmt.Sprintf("latest/stable/amd64=%d", i+1))
				in.Assertions = append(in.Assertions, catalog.Assertion{Type: "account", PrimaryKey: []string{fmt.Sprint(n)}, Revision: i, Raw: fmt.Append(nil, i)})
			}
			_, err := stores[i%2].Apply(t.Context(), in)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	c := load(t, s)
	if c.Generation != 1+pushes {
		t.Errorf("Generation = %d after %d imports, want %d", c.Generation, pushes, 1+pushes)
	}
	for _, sn := range c.Snaps {
		if len(sn.Revisions) != pushes+1 || sn.ChannelMap[0].Revision != pushes {
			t.Errorf("%s has %d revisions and %v, want %d and the newest bundle's", sn.Name, len(sn.Revisions), rows(sn.ChannelMap), pushes+1)
		}
	}
}
