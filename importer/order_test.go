package importer_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"offlinestore/bundle"
	"offlinestore/catalog"
	"offlinestore/internal/bundletest"
	"offlinestore/snap"
)

// generations returns bundles of one snap, each newer than the one before. Channels move forth and back, are closed, and appear.
func generations(t *testing.T) [][]byte {
	t.Helper()
	row := func(channel string, revision int) snap.Release {
		return snap.Release{Architecture: "amd64", Channel: channel, Revision: revision, ReleasedAt: fmt.Sprintf("2024-01-%02dT00:00:00Z", revision+1)}
	}
	var out [][]byte
	for i, rows := range [][]snap.Release{
		{row("latest/stable", 1), row("latest/edge", 2)},
		{row("latest/stable", 2)},
		{row("latest/edge", 0), row("2.0/stable", 3)},
		{row("latest/stable", 1), row("latest/candidate", 4)},
		{row("2.0/stable", 0), row("latest/edge", 5)},
	} {
		b := bundletest.New(t, i)
		s := b.AddSnap("jq", rows...)
		s.Snap.Summary = fmt.Sprintf("as of bundle %d", i)
		for n := range 5 {
			if strings.Contains(fmt.Sprint(rows), fmt.Sprintf(" %d}", n+1)) {
				b.AddRevision("jq", n+1, b.Blob(fmt.Sprint("jq", n+1), 100))
			}
		}
		out = append(out, b.Tar(bundle.None))
	}
	return out
}

// TestOrder pushes the same bundles in many orders, some of them twice. Each order must lead to the same catalogue.
func TestOrder(t *testing.T) {
	t.Parallel()
	bundles := generations(t)
	var want []catalog.Snap
	r := rand.New(rand.NewPCG(3, 4))
	tries := 16
	if testing.Short() {
		tries = 5
	}
	for try := range tries {
		s := newSite(t)
		order := r.Perm(len(bundles))
		if try == 0 {
			order = []int{0, 1, 2, 3, 4}
		}
		if try%3 == 1 {
			order = append(order, r.IntN(len(bundles)), order[0])
		}
		for _, i := range order {
			s.mustPush(bundles[i])
		}
		got := s.served().Snaps
		for i := range got {
			got[i].History, got[i].Imported = nil, nil // holds the order of the imports
		}
		if try == 0 {
			want = got
			wantMap := map[string]int{"latest/stable": 1, "latest/edge": 5, "latest/candidate": 4, "2.0/stable": 0}
			if diff := cmp.Diff(wantMap, channelMap(s.served(), "jq")); diff != "" {
				t.Fatalf("channel map in the order of signing (-want +got):\n%s", diff)
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("pushed in the order %v (-in the order of signing +got):\n%s", order, diff)
		}
	}
}

func TestOlderBundle(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	older := bundletest.New(t, 1).Add("jq", 5, 100).Tar(bundle.None)
	s.mustPush(bundletest.New(t, 2).Add("jq", 6, 100).Tar(bundle.None))
	got := s.mustPush(older)
	row := catalog.SnapMove{Snap: "jq", Architecture: "amd64", Channel: "latest/stable", From: 6, To: 5}
	want := &catalog.Report{SnapRevisions: []catalog.SnapRevisionRef{{Snap: "jq", Revision: 5, Size: 100}}, SnapMoves: []catalog.SnapMove{}, Kept: []catalog.SnapMove{row}, Assertions: 1}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("push of an older bundle (-want +got):\n%s", diff)
	}
	if got := channelMap(s.served(), "jq")["latest/stable"]; got != 6 {
		t.Errorf("latest/stable is %d after an older bundle, want 6", got)
	}
	s.PushChannelMap = true
	if got := s.mustPush(older); !cmp.Equal(got.SnapMoves, []catalog.SnapMove{row}) {
		t.Errorf("push of an older bundle with PushChannelMap: moves %+v, want %+v", got.SnapMoves, row)
	}
	if got := channelMap(s.served(), "jq")["latest/stable"]; got != 5 {
		t.Errorf("latest/stable is %d after PushChannelMap, want 5", got)
	}
}

// TestBackAgain exports the same content a second time after another one: the same bundle index with a later signature.
func TestBackAgain(t *testing.T) {
	t.Parallel()
	first, second := bundletest.New(t, 1).Add("jq", 5, 100).Tar(bundle.None), bundletest.New(t, 2).Add("jq", 6, 100).Tar(bundle.None)
	again := bundletest.New(t, 3).Add("jq", 5, 100).Tar(bundle.None)
	for name, order := range map[string][][]byte{"in order": {first, second, again}, "the middle one last": {first, again, second}} {
		s := newSite(t)
		for _, packed := range order {
			if s.upToDate(packed) {
				t.Errorf("%s: UpToDate = true before this bundle was pushed", name)
			}
			s.mustPush(packed)
		}
		if got := channelMap(s.served(), "jq")["latest/stable"]; got != 5 {
			t.Errorf("%s: latest/stable is %d, want 5: the newest bundle says so", name, got)
		}
	}
}

// TestLaterComponent releases a component anew for a revision that is here. The newest bundle decides which one is right.
func TestLaterComponent(t *testing.T) {
	t.Parallel()
	make := func(days int, seed string) ([]byte, bundle.Blob) {
		b := bundletest.New(t, days)
		b.AddSnap("jq", snap.Release{Architecture: "amd64", Channel: "latest/stable", Revision: 6})
		comp := b.Blob(seed, 300)
		b.AddRevision("jq", 6, b.Blob("jq_6", 1000), comp)
		return b.Tar(bundle.None), comp
	}
	older, _ := make(1, "old component")
	newer, want := make(2, "new component")
	for name, order := range map[string][][]byte{"in order": {older, newer, older}, "the newer one first": {newer, older}} {
		s := newSite(t)
		for _, packed := range order {
			s.mustPush(packed)
		}
		r := s.served().Snaps[0].Revisions
		if len(r) != 1 || r[0].ResourceBlobs[0] != want.Digest || r[0].Resources[0].Download.SHA3384 != digestOf(want) {
			t.Errorf("%s: revisions %+v, want one with the component %s", name, r, want.Digest)
		}
	}
}

// TestContradiction tries a bundle by a trusted signer that contradicts the store about a revision.
func TestContradiction(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.mustPush(bundletest.New(t, 1).Add("jq", 6, 100).Tar(bundle.None))
	before := s.served()
	b := bundletest.New(t, 2)
	b.AddSnap("jq")
	b.AddRevision("jq", 6, b.Blob("another", 100))
	var conflict *catalog.ConflictError
	if _, err := s.push(b.Tar(bundle.None)); !errors.As(err, &conflict) || !strings.Contains(err.Error(), "jq revision 6") {
		t.Errorf("push of another jq 6 = %v, want a ConflictError that names it", err)
	}
	s.serves(before)
}
