package instance_test

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"offlinestore/audit"
	"offlinestore/bundle"
	"offlinestore/catalog"
	"offlinestore/importer"
	"offlinestore/instance"
	"offlinestore/internal/bundletest"
	"offlinestore/receipt"
	"offlinestore/receiver"
)

// TestWeeksAtRandom takes random steps of the life of an exporter and a site: new revisions, increments with receipts and on assumption, disks that
// are lost, repeated or pushed in another order, want codes, rollback, prune, backup and restore. After each step, devices must see the channels of
// the naive model, and a push must lack exactly the blobs that the model lacks.
func TestWeeksAtRandom(t *testing.T) {
	t.Parallel()
	runs, steps := 10, 250
	if testing.Short() {
		runs, steps = 1, 30
	}
	base := uint64(time.Now().UnixNano())
	for run := range uint64(runs) {
		t.Run(fmt.Sprint(run), func(t *testing.T) {
			t.Parallel()
			w := newWeeks(t, rand.New(rand.NewPCG(base, run)))
			t.Logf("seed %d, run %d", base, run)
			for range steps {
				w.step()
				if t.Failed() {
					t.Fatalf("seed %d, run %d: after the steps\n%s", base, run, strings.Join(w.done, "\n"))
				}
			}
		})
	}
}

// weeks is an exporter, a disk and a site beside its model.
type weeks struct {
	t *testing.T
	r *rand.Rand
	// upstream has the newest revision of each snap.
	upstream map[string]int
	key      audit.Key
	dir      *receiver.Directory
	day      int
	gaps     int // bundles of want codes
	disk     []*weeklyBundle
	site     *weeklySite
	m        *weeksModel
	backup   *weeksModel // nil before the first one
	receipts int
	done     []string
}

func newWeeks(t *testing.T, r *rand.Rand) *weeks {
	t.Helper()
	key, err := audit.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	w := &weeks{t: t, r: r, upstream: map[string]int{}, key: key, dir: receiver.Open(t.TempDir()), site: newWeeklySite(t), m: newWeeksModel()}
	for _, name := range []string{"core", "tool", "lamp", "pump"} {
		w.upstream[name] = 1
	}
	w.must(w.dir.Add(receiver.Receiver{Name: "ship-7", Key: string(key.Public().PEM())}))
	return w
}

func (w *weeks) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatalf("%v, after the steps\n%s", err, strings.Join(w.done, "\n"))
	}
}

// step takes one step, and compares.
func (w *weeks) step() {
	kinds := []struct {
		name   string
		weight int
		run    func() string
	}{
		{"change", 8, w.change}, {"export", 8, w.export}, {"push", 12, w.push}, {"lose", 2, w.lose}, {"receipt", 4, w.receipt},
		{"rollback", 2, w.rollback}, {"prune", 2, w.prune}, {"backup", 1, w.backUp}, {"restore", 1, w.restore},
	}
	sum := 0
	for _, k := range kinds {
		sum += k.weight
	}
	n := w.r.IntN(sum)
	for _, k := range kinds {
		if n -= k.weight; n < 0 {
			w.done = append(w.done, k.name+" "+k.run())
			break
		}
	}
	if got, want := w.site.seen(), w.m.seen(); !maps.Equal(got, want) {
		w.t.Errorf("devices see %v, want %v", got, want)
	}
}

// change publishes a new revision.
func (w *weeks) change() string {
	name := w.anySnap()
	w.upstream[name]++
	return fmt.Sprintf("%s %d", name, w.upstream[name])
}

func (w *weeks) anySnap() string {
	names := slices.Sorted(maps.Keys(w.upstream))
	return names[w.r.IntN(len(names))]
}

// export makes a bundle of all snaps, or of some, for the receiver.
func (w *weeks) export() string {
	w.day++
	b := &weeklyBundle{day: w.day, rows: map[string]int{}, blobs: map[string]digest.Digest{}, content: bundletest.New(w.t, w.day)}
	for _, name := range slices.Sorted(maps.Keys(w.upstream)) {
		n := w.upstream[name]
		if len(b.rows) > 0 && w.r.IntN(4) == 0 {
			continue
		}
		b.content.Add(name, n, int64(100+len(name)))
		b.rows[name], b.blobs[name] = n, b.content.Revisions[len(b.content.Revisions)-1].Blob.Digest
	}
	a := receiver.Assume{Nothing: w.r.IntN(8) == 0, Delivered: w.r.IntN(2) == 0, Overlap: w.r.IntN(3)}
	r, err := w.dir.Receiver("ship-7")
	w.must(err)
	held, err := r.Reliance(a)
	w.must(err)
	b.content.Predicate.Sequence = uint64(w.day)
	builder := b.content.Builder()
	builder.LeaveOut(held)
	w.finish(r, b, func() (*bundle.SignedBundle, error) {
		return builder.Seal(w.t.Context(), b.content.Predicate, b.content.Key)
	})
	return fmt.Sprintf("%d: %v, %+v, leaves out %d", b.day, b.rows, a, len(b.predicate.Expects))
}

// finish seals a bundle, notes it for the receiver and puts it onto the disk.
func (w *weeks) finish(r *receiver.Receiver, b *weeklyBundle, seal func() (*bundle.SignedBundle, error)) receiver.Delivery {
	sealed, err := seal()
	w.must(err)
	var out, head bytes.Buffer
	w.must(sealed.WriteHead(w.t.Context(), &head))
	w.must(sealed.WriteTar(w.t.Context(), &out, bundle.None, b.open, nil))
	b.packed = out.Bytes()
	b.predicate, err = bundle.ReadPredicate(w.t.Context(), head.Bytes())
	w.must(err)
	d := receiver.Delivery{Bundle: sealed.Digest(), Created: b.predicate.Created, Sequence: b.predicate.Sequence, File: fmt.Sprintf("week%d.tar", b.day), Blobs: []digest.Digest{}}
	for _, desc := range sealed.Payload() {
		d.Blobs = append(d.Blobs, desc.Digest)
	}
	w.must(r.KeepHead(&d, head.Bytes()))
	w.disk = append(w.disk, b)
	w.must(r.Note(w.t.Context(), d))
	return d
}

// push pushes any bundle that was ever on the disk and is not lost, mostly one of the newest.
func (w *weeks) push() string {
	if len(w.disk) == 0 {
		return "nothing"
	}
	i := w.r.IntN(len(w.disk))
	if w.r.IntN(3) > 0 {
		i = len(w.disk) - 1 - w.r.IntN(min(3, len(w.disk)))
	}
	b := w.disk[i]
	lacks := w.m.lacks(b)
	before := w.site.history()
	err := w.site.push(b.packed)
	expected, isExpected := errors.AsType[*importer.ExpectedError](err)
	switch {
	case err == nil && len(lacks) == 0:
		w.m.push(b, w.site.history() > before)
		return fmt.Sprint(b.day)
	case isExpected && len(expected.Missing) == len(lacks):
		return fmt.Sprintf("%d lacks %d; %s", b.day, len(lacks), w.fill(b, expected))
	}
	w.t.Errorf("push of %d, which lacks %d blobs: %v", b.day, len(lacks), err)
	return ""
}

// fill makes the bundle that fills the gap, for every second want code.
func (w *weeks) fill(b *weeklyBundle, e *importer.ExpectedError) string {
	if w.r.IntN(2) == 0 {
		return "nobody calls"
	}
	want := &receipt.Want{
		Exporter: e.Signer.ID(), Bundle: receipt.BundleID(e.Bundle, e.Predicate.Created, e.Predicate.Sequence), Created: time.Now(),
		Carried: e.Positions, Unknown: e.Unknown > 0,
	}
	code, err := want.Code(w.key)
	w.must(err)
	found, err := w.dir.FindWanted(code)
	if errors.Is(err, receiver.ErrUsed) {
		return "the code was used"
	}
	w.must(err)
	gap := *b
	d := w.finish(found.Receiver, &gap, func() (*bundle.SignedBundle, error) {
		first, err := bundle.ReadPredicate(w.t.Context(), found.Head)
		w.must(err)
		p := found.Predicate(first)
		w.gaps++
		p.Sequence = uint64(10_000 + w.gaps) // no other bundle has it: so want codes about both are told apart
		return bundle.Reseal(w.t.Context(), found.Head, *p, b.content.Key)
	})
	w.must(found.Use(w.t.Context(), d))
	if lacks := w.m.lacks(&gap); len(lacks) > 0 {
		w.t.Errorf("the bundle of a want code lacks %d blobs", len(lacks))
	}
	return "the gap is filled"
}

// lose loses a bundle on the way.
func (w *weeks) lose() string {
	if len(w.disk) == 0 {
		return "nothing"
	}
	i := w.r.IntN(len(w.disk))
	lost := w.disk[i]
	w.disk = slices.Delete(w.disk, i, i+1)
	return fmt.Sprint(lost.day)
}

// receipt takes a receipt outside. It is signed with the key that the exporter knows, and each is a minute newer.
func (w *weeks) receipt() string {
	w.receipts++
	_, got, err := w.site.in.Receipt(w.t.Context())
	w.must(err)
	if got.Blobs.Len() < len(w.m.held) {
		w.t.Errorf("the receipt has %d blobs, want %d", got.Blobs.Len(), len(w.m.held))
	}
	got.Created = time.Now().Add(-24 * time.Hour).Add(time.Duration(w.receipts) * time.Minute).UTC().Truncate(time.Second)
	text, err := got.Sign(w.key)
	w.must(err)
	r, err := w.dir.Receiver("ship-7")
	w.must(err)
	_, err = r.Update(w.t.Context(), text, time.Now())
	w.must(err)
	return fmt.Sprint(w.receipts)
}

func (w *weeks) rollback() string {
	possible := w.m.canRollBack()
	_, err := w.site.in.Catalog.Rollback(w.t.Context(), catalog.Rollback{By: "test"})
	switch {
	case err == nil && possible:
		w.m.rollback()
		return "done"
	case err != nil && !possible:
		return "impossible"
	}
	w.t.Errorf("rollback: %v; the model says that it is possible: %v", err, possible)
	return ""
}

// prune removes all revisions that no channel has, and their blobs.
func (w *weeks) prune() string {
	_, err := w.site.in.Prune(w.t.Context(), instance.PruneOptions{Unreleased: true, NoRollback: true, By: "test"})
	w.must(err)
	_, err = w.site.in.CollectGarbage(w.t.Context(), instance.GCOptions{All: true})
	w.must(err)
	w.m.prune()
	return ""
}

func (w *weeks) backUp() string {
	w.site.backUp()
	w.backup = w.m.clone()
	return ""
}

func (w *weeks) restore() string {
	if w.backup == nil {
		return "nothing"
	}
	w.site.restore()
	w.m = w.backup.clone()
	return ""
}
