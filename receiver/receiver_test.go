package receiver_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"

	"offlinestore/bundle"
	"offlinestore/receiver"
)

var start = time.Date(2026, 11, 29, 20, 0, 0, 0, time.UTC)

func newReceiver(t testing.TB) (*receiver.Receiver, string) {
	t.Helper()
	dir := t.TempDir()
	d := receiver.Open(dir)
	if err := d.Add(receiver.Receiver{Name: "ship-7", Added: start}); err != nil {
		t.Fatal(err)
	}
	r, err := d.Receiver("ship-7")
	if err != nil {
		t.Fatal(err)
	}
	return r, filepath.Join(dir, "ship-7", "ledger.jsonl")
}

func blobs(names ...string) []digest.Digest {
	list := []digest.Digest{}
	for _, n := range names {
		list = append(list, digest.FromString(n))
	}
	return list
}

func note(t testing.TB, r *receiver.Receiver, n int, names ...string) {
	t.Helper()
	d := receiver.Delivery{Bundle: digest.FromString(fmt.Sprint("bundle ", n)), Created: start.AddDate(0, 0, 7*n), Sequence: uint64(n), File: fmt.Sprintf("week%d.tar", n), Blobs: blobs(names...)}
	if err := r.Note(t.Context(), d); err != nil {
		t.Fatal(err)
	}
}

// TestReliance relies on earlier bundles, but for the last ones. A blob that two bundles carried belongs to the newer one.
func TestReliance(t *testing.T) {
	t.Parallel()
	r, _ := newReceiver(t)
	note(t, r, 1, "a", "b")
	note(t, r, 2, "c")
	note(t, r, 3, "b", "d")
	for _, c := range []struct {
		assume receiver.Assume
		has    []digest.Digest
	}{
		{receiver.Assume{}, nil},
		{receiver.Assume{Delivered: true}, blobs("a", "b", "c", "d")},
		{receiver.Assume{Delivered: true, Overlap: 1}, blobs("a", "b", "c")},
		{receiver.Assume{Delivered: true, Overlap: 2}, blobs("a", "b")},
		{receiver.Assume{Delivered: true, Overlap: 9}, nil},
	} {
		got, err := r.Reliance(c.assume)
		if err != nil {
			t.Fatal(err)
		}
		var has []digest.Digest
		for _, d := range blobs("a", "b", "c", "d", "e") {
			if got.Has(d) {
				has = append(has, d)
			}
		}
		if diff := cmp.Diff(has, c.has); diff != "" || got.Len() != len(c.has) {
			t.Errorf("%+v: %d blobs (-got +want):\n%s", c.assume, got.Len(), diff)
		}
	}
	all, err := r.Reliance(receiver.Assume{Delivered: true})
	if err != nil {
		t.Fatal(err)
	}
	expects := blobs("a", "b", "c")
	slices.Sort(expects)
	in := all.Increment(expects)
	at := func(n string) int { return slices.Index(expects, digest.FromString(n)) }
	want := &bundle.Increment{Receiver: "ship-7", Basis: bundle.Assumption, Previous: carried(3), Carried: []bundle.Carried{*carried(1, at("a")), *carried(2, at("c")), *carried(3, at("b"))}}
	if diff := cmp.Diff(in, want); diff != "" {
		t.Errorf("increment (-got +want):\n%s", diff)
	}
	if diff := cmp.Diff(all.Increment(nil), &bundle.Increment{Receiver: "ship-7", Previous: carried(3)}); diff != "" {
		t.Errorf("increment that leaves nothing out (-got +want):\n%s", diff)
	}
}

func carried(n int, positions ...int) *bundle.Carried {
	return &bundle.Carried{Bundle: digest.FromString(fmt.Sprint("bundle ", n)), Created: start.AddDate(0, 0, 7*n), Sequence: uint64(n), File: fmt.Sprintf("week%d.tar", n), Blobs: positions}
}

// TestTornLedger cuts the ledger off at each byte of its last line, as if a program was killed. The whole lines count, and the next one is good.
func TestTornLedger(t *testing.T) {
	t.Parallel()
	r, path := newReceiver(t)
	note(t, r, 1, "a")
	one, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	note(t, r, 2, "b")
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for n := len(one); n < len(whole); n++ {
		if err := os.WriteFile(path, whole[:n], 0o600); err != nil {
			t.Fatal(err)
		}
		if list, err := r.Deliveries(); err != nil || len(list) != 1 {
			t.Fatalf("cut off at %d: %d bundles, %v; want one", n, len(list), err)
		}
		note(t, r, 3, "c")
		list, err := r.Deliveries()
		if err != nil || len(list) != 2 || list[1].Sequence != 3 {
			t.Fatalf("cut off at %d: %+v, %v; want the first and the third bundle", n, list, err)
		}
	}
}

func TestDamagedLedger(t *testing.T) {
	t.Parallel()
	for name, line := range map[string]string{"no JSON": "x", "no digest": `{"bundle":"sha256:0"}`, "a blob that is no digest": `{"bundle":"` + digest.FromString("x").String() + `","blobs":["x"]}`} {
		r, path := newReceiver(t)
		note(t, r, 1, "a")
		f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.WriteString(line + "\n"); err != nil {
			t.Fatal(err)
		}
		f.Close()
		if _, err := r.Reliance(receiver.Assume{Delivered: true}); err == nil {
			t.Errorf("%s: no error", name)
		} else if e, ok := errors.AsType[*receiver.DamageError](err); !ok || e.Line != 2 {
			t.Errorf("%s: %v, want damage in line 2", name, err)
		}
	}
}

// TestNotesAtOnce notes bundles from many goroutines. None is lost.
func TestNotesAtOnce(t *testing.T) {
	t.Parallel()
	r, _ := newReceiver(t)
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() { note(t, r, i, fmt.Sprint("blob ", i)) })
	}
	wg.Wait()
	if list, err := r.Deliveries(); err != nil || len(list) != 20 {
		t.Errorf("%d bundles, %v; want 20", len(list), err)
	}
}

// TestLargeDelivery notes a bundle with more blobs than a line has.
func TestLargeDelivery(t *testing.T) {
	t.Parallel()
	r, _ := newReceiver(t)
	d := receiver.Delivery{Bundle: digest.FromString("x"), Created: start, Sequence: 1, File: "x.tar"}
	for i := range 130_000 {
		d.Blobs = append(d.Blobs, digest.Digest(fmt.Sprintf("sha256:%064x", i)))
	}
	if err := r.Note(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	note(t, r, 2, "a")
	list, err := r.Deliveries()
	if err != nil || len(list) != 2 || !slices.Equal(list[0].Blobs, d.Blobs) || len(list[1].Blobs) != 1 {
		t.Errorf("%d bundles, %v", len(list), err)
	}
}

func TestDirectory(t *testing.T) {
	t.Parallel()
	d := receiver.Open(filepath.Join(t.TempDir(), "receivers"))
	if names, err := d.Names(); err != nil || len(names) != 0 {
		t.Errorf("names %v, %v; want none", names, err)
	}
	for _, bad := range []string{"", ".", "..", "a/b", "ä", "-x", "nul"} {
		if err := d.Add(receiver.Receiver{Name: bad}); !errors.Is(err, bundle.ErrReceiver) {
			t.Errorf("Add(%q) = %v, want ErrReceiver", bad, err)
		}
		if _, err := d.Receiver(bad); !errors.Is(err, receiver.ErrUnknown) {
			t.Errorf("Receiver(%q) = %v, want ErrUnknown", bad, err)
		}
	}
	for _, name := range []string{"b", "a"} {
		if err := d.Add(receiver.Receiver{Name: name}); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.Add(receiver.Receiver{Name: "a"}); !errors.Is(err, receiver.ErrExists) {
		t.Errorf("Add twice = %v, want ErrExists", err)
	}
	if err := d.Remove("b"); err != nil {
		t.Error(err)
	}
	if names, err := d.Names(); err != nil || !slices.Equal(names, []string{"a"}) {
		t.Errorf("names %v, %v; want a", names, err)
	}
	if err := d.Remove("b"); !errors.Is(err, receiver.ErrUnknown) {
		t.Errorf("Remove twice = %v, want ErrUnknown", err)
	}
}

// BenchmarkReliance reads a ledger of 200,000 blobs in 1,000 bundles.
func BenchmarkReliance(b *testing.B) {
	r, _ := newReceiver(b)
	var list []receiver.Delivery
	for i := range 1000 {
		d := receiver.Delivery{Bundle: digest.FromString(fmt.Sprint(i)), Created: start, Sequence: uint64(i), File: "x.tar"}
		for j := range 200 {
			d.Blobs = append(d.Blobs, digest.FromString(fmt.Sprint(i, j)))
		}
		list = append(list, d)
	}
	if err := r.Note(b.Context(), list...); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		got, err := r.Reliance(receiver.Assume{Delivered: true})
		if err != nil || got.Len() != 200_000 {
			b.Fatal(got.Len(), err)
		}
	}
}
