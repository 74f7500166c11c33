package catalog_test

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"offlinestore/catalog"
)

func itoa(n int) string { return strconv.Itoa(n) }

func digestOf(content string) string { return digest.FromString(content).String() }

// TestTakeBackAtRandom takes random steps in a store and in the model: bundles are pushed, repeated, reordered and forced, imports are taken
// back, snaps and charms are held, released and promoted, revisions are pruned. After each step, devices must find the channels of the model.
func TestTakeBackAtRandom(t *testing.T) {
	t.Parallel()
	runs, steps := 12, 250
	if testing.Short() {
		runs, steps = 2, 40
	}
	base := uint64(time.Now().UnixNano())
	for run := range uint64(runs) {
		t.Run(fmt.Sprint(run), func(t *testing.T) {
			t.Parallel()
			db, _ := open(t)
			s := &randomSite{t: t, db: db, m: newSiteModel(), r: rand.New(rand.NewPCG(base, run)), seed: fmt.Sprintf("seed %d, run %d", base, run)}
			t.Log(s.seed)
			for range steps {
				s.step()
				if t.Failed() {
					t.Fatalf("%s: after the steps\n%s", s.seed, strings.Join(s.done, "\n"))
				}
			}
		})
	}
}

// randomSite is a store beside its model.
type randomSite struct {
	t       *testing.T
	db      *catalog.DB
	m       *siteModel
	r       *rand.Rand
	seed    string
	bundles []*modelBundle
	done    []string
}

// steps returns the kinds of steps, with their weights.
func (s *randomSite) steps() map[string]struct {
	weight int
	run    func() string
} {
	return map[string]struct {
		weight int
		run    func() string
	}{
		"push": {8, s.pushNew}, "repeat": {4, s.pushOld}, "several": {2, s.pushSeveral}, "rollback": {5, s.rollback}, "hold": {2, s.hold},
		"release": {2, s.release}, "promote": {2, s.promote}, "close": {1, s.closeOwn}, "prune": {2, s.prune},
	}
}

// step takes one step, and compares.
func (s *randomSite) step() {
	all, sum := s.steps(), 0
	for _, st := range all {
		sum += st.weight
	}
	n := s.r.IntN(sum)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if n -= all[name].weight; n < 0 {
			s.done = append(s.done, name+" "+all[name].run())
			break
		}
	}
	s.compare()
}

// compare compares what devices find with the model.
func (s *randomSite) compare() {
	c := load(s.t, s.db)
	got := map[string]int{}
	for i := range c.Snaps {
		for _, r := range c.Snaps[i].Served() {
			got[c.Snaps[i].Name+" "+r.Channel+"/"+r.Architecture] = r.Revision
		}
	}
	for _, ch := range c.Charms {
		for _, r := range ch.ChannelMap {
			got[ch.Name+" "+r.Channel+jammy] = r.Revision
		}
	}
	diff(s.t, "what devices see", got, s.m.seen())
}

// newBundle makes a bundle of some snaps and a charm, with random rows, of a random day.
func (s *randomSite) newBundle() *modelBundle {
	b := &modelBundle{content: fmt.Sprint("bundle ", len(s.bundles)), day: s.r.IntN(20), sequence: s.r.IntN(3), rows: map[string]int{}}
	for _, name := range []string{"jq", "yq", "pg"} {
		if s.r.IntN(3) == 0 {
			continue
		}
		b.revisions = append(b.revisions, name+" 0") // the name itself
		for range 1 + s.r.IntN(2) {
			n := 1 + s.r.IntN(6)
			place := []string{"latest/stable", "latest/edge", "2/stable"}[s.r.IntN(3)]
			row := name + " " + place + "/" + []string{"amd64", "arm64"}[s.r.IntN(2)]
			if name == "pg" {
				row = name + " " + place + jammy
			}
			if b.revisions = append(b.revisions, name+" "+itoa(n)); s.r.IntN(6) > 0 {
				b.rows[row] = n
			} else {
				b.rows[row] = 0
			}
		}
	}
	s.bundles = append(s.bundles, b)
	return b
}

// record returns a bundle as an import.
func (b *modelBundle) record(force bool) *catalog.Import {
	in := imp(b.content, b.day)
	in.Sequence, in.PushChannelMap = uint64(b.sequence), force
	rows, revisions := map[string][]string{}, map[string][]int{}
	for row, n := range b.rows {
		name, place, _ := strings.Cut(row, " ")
		rows[name] = append(rows[name], fmt.Sprintf("%s=%d", place, n))
	}
	for _, r := range b.revisions {
		name, number, _ := strings.Cut(r, " ")
		n, _ := strconv.Atoi(number)
		if list := revisions[name]; n > 0 && !slices.Contains(list, n) {
			revisions[name] = append(list, n)
		} else if list == nil {
			revisions[name] = []int{}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(revisions)) {
		slices.Sort(rows[name])
		if name == "pg" {
			withCharm(in, name, revisions[name], rows[name]...)
		} else {
			with(in, name, revisions[name], rows[name]...)
		}
	}
	return in
}

// push pushes bundles together.
func (s *randomSite) push(force bool, list ...*modelBundle) string {
	var records []*catalog.Import
	for _, b := range list {
		records = append(records, b.record(force))
	}
	out, err := s.db.ApplyAll(s.t.Context(), records)
	if err != nil {
		s.t.Fatal(err)
	}
	history, err := s.db.History(s.t.Context(), "")
	if err != nil {
		s.t.Fatal(err)
	}
	fresh := 0
	for _, o := range out {
		if o.Err != nil {
			s.t.Fatalf("%s: %v", s.seed, o.Err)
		}
		if !o.Report.UpToDate {
			fresh++
		}
	}
	text := fmt.Sprint("force ", force)
	for i, b := range list {
		id := int64(0)
		if !out[i].Report.UpToDate {
			fresh--
			id = history[fresh].ID
		}
		s.m.push(b, force, id, id > 0)
		text += fmt.Sprintf("; import %d: %s of day %d.%d %v", id, b.content, b.day, b.sequence, b.rows)
	}
	return text
}

func (s *randomSite) pushNew() string { return s.push(s.r.IntN(5) == 0, s.newBundle()) }

// pushOld pushes a bundle again, sometimes signed on another day.
func (s *randomSite) pushOld() string {
	if len(s.bundles) == 0 {
		return "nothing"
	}
	b := s.bundles[s.r.IntN(len(s.bundles))]
	if s.r.IntN(4) == 0 {
		copied := *b
		copied.day = s.r.IntN(20)
		b = &copied
	}
	return s.push(s.r.IntN(3) == 0, b)
}

func (s *randomSite) pushSeveral() string {
	return s.push(false, s.newBundle(), s.bundles[s.r.IntN(len(s.bundles))], s.newBundle())
}

// rollback takes the last import back, or all from a random one on.
func (s *randomSite) rollback() string {
	id := s.m.last()
	asked := id
	if n := len(s.m.imports); n > 0 && s.r.IntN(3) == 0 {
		im := s.m.imports[max(0, n-1-s.r.IntN(5))]
		if asked = im.id; im.takenBack {
			asked = 0
		}
		id = cmpOr(asked, id)
	}
	if asked == id && s.r.IntN(2) == 0 && id == s.m.last() {
		asked = 0 // the last one is the default
	}
	found, whole := s.m.rollback(id)
	plan, planErr := s.db.Rollback(s.t.Context(), catalog.Rollback{Import: asked, DryRun: true})
	done, err := s.db.Rollback(s.t.Context(), catalog.Rollback{Import: asked, By: "ana"})
	_, notFound := errors.AsType[*catalog.NoImportError](err)
	_, lost := errors.AsType[*catalog.LostError](err)
	if (err == nil) != (found && whole) || notFound == found || lost != (found && !whole) || (planErr == nil) != (err == nil) {
		s.t.Errorf("Rollback(%d) = %v, plan %v; the model has found %v, whole %v", asked, err, planErr, found, whole)
	}
	if err == nil {
		plan.Rollback, done.Rollback = 0, 0
		diff(s.t, "what the plan announces", done, plan)
	}
	return fmt.Sprint("from import ", id, ": ", err)
}

func cmpOr(a, b int64) int64 {
	if a != 0 {
		return a
	}
	return b
}

// name returns a name in the store, or an empty one for all of them.
func (s *randomSite) name() string {
	names := slices.Sorted(maps.Keys(s.m.names))
	if len(names) == 0 || s.r.IntN(4) == 0 {
		return ""
	}
	return names[s.r.IntN(len(names))]
}

func holdingOf(name string) catalog.Holding {
	h := catalog.Holding{Kind: catalog.ItemSnap, Name: name, By: "ana"}
	switch name {
	case "":
		h.Kind = catalog.ItemAll
	case "pg":
		h.Kind = catalog.ItemCharm
	}
	return h
}

func (s *randomSite) hold() string {
	name := s.name()
	since := load(s.t, s.db).Moment.Import
	if _, err := s.db.Hold(s.t.Context(), holdingOf(name)); err != nil {
		s.t.Error(err)
	}
	s.m.hold(name, since)
	return name
}

func (s *randomSite) release() string {
	name := s.name()
	held := s.m.holds[name] != nil || name == "" && len(s.m.holds) > 0 || name == "" && s.m.all
	_, err := s.db.Release(s.t.Context(), holdingOf(name))
	if _, not := errors.AsType[*catalog.NotHeldError](err); not == held || err != nil && !not {
		s.t.Errorf("Release(%s) = %v; held in the model: %v", name, err, held)
	}
	s.m.release(name)
	return name
}

// promote puts a revision into a channel of the operator's own.
func (s *randomSite) promote() string {
	var list []string
	for r := range s.m.here {
		if !strings.HasPrefix(r, "pg ") && !strings.HasSuffix(r, " 0") {
			list = append(list, r)
		}
	}
	if len(list) == 0 {
		return "nothing"
	}
	slices.Sort(list)
	name, number, _ := strings.Cut(list[s.r.IntN(len(list))], " ")
	n, _ := strconv.Atoi(number)
	if _, err := s.db.SetOverrides(s.t.Context(), "ana", []catalog.OverrideChange{{Name: name, Channel: "pilot/stable", Revision: n, Own: true}}); err != nil {
		s.t.Error(err)
	}
	for _, arch := range []string{"amd64", "arm64"} {
		s.m.own[name+" pilot/stable/"+arch] = n
	}
	return name + " " + number
}

func (s *randomSite) closeOwn() string {
	name := []string{"jq", "yq"}[s.r.IntN(2)]
	_, err := s.db.SetOverrides(s.t.Context(), "ana", []catalog.OverrideChange{{Name: name, Channel: "pilot/stable", Own: true}})
	if open := s.m.own[name+" pilot/stable/amd64"] > 0; open != (err == nil) {
		s.t.Errorf("close pilot/stable of %s: %v; open in the model: %v", name, err, open)
	}
	for _, arch := range []string{"amd64", "arm64"} {
		delete(s.m.own, name+" pilot/stable/"+arch)
	}
	return name
}

// prune removes revisions that nothing needs, and sometimes also the ones that only a rollback needs.
func (s *randomSite) prune() string {
	kept, err := s.db.RollbackRevisions(s.t.Context(), time.Now())
	if err != nil {
		s.t.Fatal(err)
	}
	needed := s.m.needed()
	var gone []string
	_, err = s.db.Remove(s.t.Context(), &catalog.Removal{
		Reason: catalog.ReasonPrune, By: "ana",
		Choose: func(c *catalog.Snapshot) (items []catalog.Item, err error) {
			for r := range s.m.here {
				name, number, _ := strings.Cut(r, " ")
				n, _ := strconv.Atoi(number)
				kind := holdingOf(name).Kind
				if n == 0 || needed[r] || s.r.IntN(3) == 0 {
					continue
				}
				if kept[catalog.RevisionKey{Kind: kind, Name: name, Revision: n}] {
					s.t.Errorf("a rollback of the last import would return to %s, which the model does not need", r)
				}
				gone = append(gone, r)
				items = append(items, catalog.Item{Kind: kind, Name: name, Revisions: []int{n}})
			}
			return items, nil
		},
		Approve: func(_, _ *catalog.Snapshot, _ *catalog.Removed) error { return nil },
	})
	if err != nil {
		s.t.Error(err)
	}
	for _, r := range gone {
		delete(s.m.here, r)
	}
	return fmt.Sprint(gone)
}
