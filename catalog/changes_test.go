package catalog_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"offlinestore/assertion"
	"offlinestore/catalog"
	"offlinestore/snap"
)

// mirror is a catalogue that is kept up to date with the changes.
type mirror struct {
	t          *testing.T
	r          *catalog.Reader
	at         catalog.Position
	mu         sync.Mutex
	snaps      map[string]*catalog.Snap
	outlines   map[string]*catalog.Snap
	charms     map[string]catalog.Charm
	assertions map[string][]catalog.Assertion
	last       *catalog.Snapshot
	// changes is the last answer, and read the number of snaps in it.
	changes *catalog.Changes
	read    int
}

func newMirror(t *testing.T, dsn string) *mirror {
	return &mirror{t: t, r: openReader(t, dsn)}
}

// follow loads the changes since the last call.
func (m *mirror) follow() {
	m.t.Helper()
	var outliner catalog.Outliner
	m.read = 0
	c, err := m.r.Load(m.t.Context(), m.at, catalog.Sink{Start: m.start, Snap: func(raw *catalog.RawSnap) error {
		m.mu.Lock()
		defer m.mu.Unlock()
		packed, err := catalog.UnpackSnap(raw.AppendTo(nil))
		if err != nil {
			return err
		}
		if m.snaps[raw.SnapID], err = packed.Decode(); err != nil {
			return err
		}
		m.read++
		m.outlines[raw.SnapID], err = outliner.Outline(packed)
		return err
	}, Assertion: func(a *catalog.Assertion) error {
		m.mu.Lock()
		defer m.mu.Unlock()
		key := assertion.Ref{Type: a.Type, PrimaryKey: a.PrimaryKey}.Key()
		one := *a
		one.Raw = slices.Clone(a.Raw)
		m.assertions[key] = append(m.assertions[key], one)
		return nil
	}})
	if err != nil {
		m.t.Fatal(err)
	}
	for _, ch := range c.Snapshot.Charms {
		m.charms[ch.ID] = ch
	}
	if !c.HasImages {
		c.Snapshot.Images, c.Snapshot.ImageTags, c.Snapshot.Repositories = m.last.Images, m.last.ImageTags, m.last.Repositories
	}
	m.at, m.last, m.changes = c.Position, c.Snapshot, c
}

func (m *mirror) start(c *catalog.Changes) error {
	if c.IsWhole {
		m.snaps, m.outlines = make(map[string]*catalog.Snap), make(map[string]*catalog.Snap)
		m.charms, m.assertions = make(map[string]catalog.Charm), make(map[string][]catalog.Assertion)
	}
	for _, id := range c.SnapIDs {
		delete(m.snaps, id)
		delete(m.outlines, id)
	}
	for _, id := range c.CharmIDs {
		delete(m.charms, id)
	}
	for _, ref := range c.Assertions {
		delete(m.assertions, ref.Key())
	}
	return nil
}

// compare compares the mirror with a catalogue that is read as a whole.
func (m *mirror) compare() {
	m.t.Helper()
	want, err := m.r.LoadSnapshot(m.t.Context())
	if err != nil {
		m.t.Fatal(err)
	}
	got := *m.last
	got.Snaps, got.Charms, got.Assertions = nil, nil, nil
	for _, s := range m.snaps {
		got.Snaps = append(got.Snaps, *s)
	}
	slices.SortFunc(got.Snaps, func(a, b catalog.Snap) int { return strings.Compare(a.Name, b.Name) })
	got.Charms = slices.SortedFunc(maps.Values(m.charms), func(a, b catalog.Charm) int { return strings.Compare(a.Name, b.Name) })
	for _, list := range m.assertions {
		got.Assertions = append(got.Assertions, list...)
	}
	for _, c := range []*catalog.Snapshot{&got, want} {
		slices.SortFunc(c.Assertions, func(a, b catalog.Assertion) int {
			return strings.Compare(fmt.Sprint(a.Type, a.PrimaryKey, a.Format), fmt.Sprint(b.Type, b.PrimaryKey, b.Format))
		})
		c.Holds, c.HoldEnds = nil, 0
	}
	diff(m.t, "the catalogue from its changes", got, *want)
	for i := range want.Snaps {
		diff(m.t, "the outline", m.outlines[want.Snaps[i].SnapID], outlineOf(&want.Snaps[i]))
	}
}

// outlineOf returns a snap without what its outline leaves out.
func outlineOf(s *catalog.Snap) *catalog.Snap {
	out, d := *s, s.Details
	out.Revisions, out.History, out.Imported, out.Overridden = nil, nil, nil, nil
	out.Details = snap.Details{Title: d.Title, Summary: d.Summary, Description: d.Description, Publisher: d.Publisher, Categories: d.Categories, Private: d.Private}
	for _, r := range s.Revisions {
		var o catalog.SnapRevision
		o.Number, o.Architectures, o.Epoch, o.Confinement, o.Type, o.CommonIDs = r.Number, r.Architectures, r.Epoch, r.Confinement, r.Type, r.CommonIDs
		out.Revisions = append(out.Revisions, o)
	}
	return &out
}

// TestLoadChangesAtRandom takes random steps in a store, and follows its changes, sometimes after several steps.
func TestLoadChangesAtRandom(t *testing.T) {
	t.Parallel()
	runs, steps := 6, 150
	if testing.Short() {
		runs, steps = 2, 40
	}
	base := uint64(time.Now().UnixNano())
	for run := range uint64(runs) {
		t.Run(fmt.Sprint(run), func(t *testing.T) {
			t.Parallel()
			db, dsn := open(t)
			s := &randomSite{t: t, db: db, m: newSiteModel(), r: rand.New(rand.NewPCG(base, run)), seed: fmt.Sprintf("seed %d, run %d", base, run)}
			m := newMirror(t, dsn)
			t.Log(s.seed)
			whole := 0
			for i := range steps {
				name := slices.Sorted(maps.Keys(s.steps()))[s.r.IntN(len(s.steps()))]
				if run%2 == 1 && (name == "rollback" || name == "prune") { // the model of rollbacks does not know the other content
					s.done = append(s.done, changeOther(t, db, dsn, s.r, i))
				} else {
					s.done = append(s.done, name+" "+s.steps()[name].run())
				}
				if s.r.IntN(3) > 0 {
					m.follow()
					m.compare()
					if m.changes.IsWhole {
						whole++
					}
				}
				if t.Failed() {
					t.Fatalf("%s: after the steps\n%s", s.seed, strings.Join(s.done, "\n"))
				}
			}
			if whole > 2 { // of the empty catalogue, and of the first import
				t.Errorf("the whole catalogue was read %d times", whole)
			}
		})
	}
}

// changeOther changes something that the steps of a randomSite do not.
func changeOther(t *testing.T, db *catalog.DB, dsn string, r *rand.Rand, i int) string {
	in := imp(fmt.Sprint("other ", i), r.IntN(20))
	switch n := r.IntN(5); n {
	case 0:
		in.Assertions = []catalog.Assertion{{Type: "model", PrimaryKey: []string{"16", "acme", `a "{,} name`}, Revision: i, Raw: fmt.Appendf(nil, "a model %d", i)},
			{Type: "account", PrimaryKey: []string{fmt.Sprint(r.IntN(5))}, Revision: i, Raw: fmt.Appendf(nil, "an account %d", i)}}
	case 1:
		in = withStore(in, "acme", "", "tool", fmt.Sprint("tool-", r.IntN(4)))
	case 2:
		in = with(in, fmt.Sprint("tool-", r.IntN(4)), []int{1}, "latest/stable/amd64=1")
		in.Snaps[0].Store = []string{"acme", ""}[r.IntN(2)]
	case 3:
		exec(t, dsn, `delete from assertion where type = 'account' and primary_key = '{3}'; update generation set number = number + 1`)
		return "deletion of an assertion"
	case 4:
		in = with(in, "over", []int{1, 2}, "latest/stable/amd64=1")
		apply(t, db, in)
		if _, err := db.SetOverrides(t.Context(), "me", []catalog.OverrideChange{{Name: "over", Channel: "latest/stable", Revision: r.IntN(3)}}); err != nil {
			return err.Error() // there was none to delete
		}
		return "override"
	}
	_, err := db.Apply(t.Context(), in)
	return fmt.Sprint(in.Name, err)
}

// TestLoadWhole loads the catalogue after states that the database does not know any more.
func TestLoadWhole(t *testing.T) {
	t.Parallel()
	db, dsn := open(t)
	apply(t, db, with(imp("a", 0), "jq", []int{1}, "latest/stable/amd64=1"))
	m := newMirror(t, dsn)
	m.follow()
	requireWhole := func(name string, want bool) {
		t.Helper()
		m.follow()
		m.compare()
		if m.changes.IsWhole != want {
			t.Errorf("%s: the whole catalogue is read: %v, want %v", name, m.changes.IsWhole, want)
		}
	}
	bumps := func(n int) {
		exec(t, dsn, fmt.Sprintf(`do $$ begin for i in 1..%d loop update generation set number = number + 1; end loop; end $$`, n))
	}
	requireWhole("no change", false)
	bumps(99)
	requireWhole("99 changes", false)
	bumps(101)
	requireWhole("101 changes", true)
	exec(t, dsn, `begin; insert into changed_item select pg_current_xact_id(), 'snap', n::text from generate_series(1, 100001) n; update generation set number = number + 1; commit`)
	requireWhole("too many items", true)
	exec(t, dsn, `update generation_change set token = gen_random_uuid()`)
	requireWhole("a restored backup", true)
	exec(t, dsn, `update import set imported_at = imported_at - interval '1 day'; update generation set number = number + 1`)
	requireWhole("another store", true)
	exec(t, dsn, `update generation set number = number - 10`)
	requireWhole("an older generation", true)
	apply(t, db, with(imp("b", 1), "jq", []int{2}, "latest/stable/amd64=2"))
	requireWhole("a push", false)
	if m.read != 1 {
		t.Errorf("%d snaps are read, want 1", m.read)
	}
}

// TestLoadEndedHold loads the snap whose hold has ended, although there is no new generation.
func TestLoadEndedHold(t *testing.T) {
	t.Parallel()
	db, dsn := open(t)
	apply(t, db, with(with(imp("a", 0), "jq", []int{1}, "latest/stable/amd64=1"), "yq", []int{1}, "latest/stable/amd64=1"))
	end := time.Now().Add(2 * time.Second)
	if _, err := db.Hold(t.Context(), catalog.Holding{Kind: catalog.ItemSnap, Name: "jq", Until: &end}); err != nil {
		t.Fatal(err)
	}
	apply(t, db, with(imp("b", 1), "jq", []int{2}, "latest/stable/amd64=2"))
	m := newMirror(t, dsn)
	m.follow()
	if !m.snaps[snapID("jq")].Held || m.last.HoldEnds <= 0 || m.last.HoldEnds > 2*time.Second {
		t.Fatalf("the hold is not in force, or ends in %v", m.last.HoldEnds)
	}
	time.Sleep(time.Until(end) + 100*time.Millisecond)
	m.follow()
	m.compare()
	if m.read != 1 || m.changes.IsWhole || m.snaps[snapID("jq")].Held {
		t.Errorf("%d snaps are read, want jq, which is not held any more", m.read)
	}
}
