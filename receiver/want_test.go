package receiver_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/opencontainers/go-digest"

	"offlinestore/audit"
	"offlinestore/bundle"
	"offlinestore/receipt"
	"offlinestore/receiver"
)

// TestGap makes random increments, lets a site lack random bundles, and fills the gaps. Afterwards the site lacks nothing.
func TestGap(t *testing.T) {
	t.Parallel()
	k, err := audit.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(7, 8))
	for n := range 200 {
		d := receiver.Open(t.TempDir())
		if err := d.Add(receiver.Receiver{Name: "ship-7", Key: string(k.Public().PEM())}); err != nil {
			t.Fatal(err)
		}
		site, err := d.Receiver("ship-7")
		if err != nil {
			t.Fatal(err)
		}
		first := randomIncrement(r)
		v := receiver.Delivery{Bundle: digest.FromString("content"), Created: start, Sequence: 7, File: "week7.tar", Blobs: []digest.Digest{}}
		if err := site.Note(t.Context(), v); err != nil {
			t.Fatal(err)
		}
		if err := site.KeepHead(&v, []byte("head")); err != nil {
			t.Fatal(err)
		}
		w := receipt.Want{Exporter: digest.FromString("key").String(), Bundle: v.ID(), Created: start, Unknown: r.IntN(2) == 0}
		for i := range first.Increment.Carried {
			if r.IntN(2) == 0 {
				w.Carried = append(w.Carried, i)
			}
		}
		code, err := w.Code(k)
		if err != nil {
			t.Fatal(err)
		}
		found, err := d.FindWanted(code)
		if err != nil {
			t.Fatal(err)
		}
		checkGap(t, n, first, found.Predicate(first), &w)
		if err := found.Use(t.Context(), v); err != nil {
			t.Fatal(err)
		}
		if _, err := d.FindWanted(code); err == nil {
			t.Fatal("the code can be used twice")
		}
	}
}

// randomIncrement returns the statement of an increment: each expected blob was in one of a few bundles, or in none that is known.
func randomIncrement(r *rand.Rand) *bundle.Predicate {
	p := &bundle.Predicate{Created: start, Increment: &bundle.Increment{Receiver: "ship-7", Basis: bundle.Assumption}}
	for i := range r.IntN(30) {
		p.Expects = append(p.Expects, digest.FromString(fmt.Sprint("blob", i)))
	}
	slices.Sort(p.Expects)
	bundles := make([]bundle.Carried, 1+r.IntN(6))
	for i := range p.Expects {
		if n := r.IntN(len(bundles) + 1); n > 0 {
			bundles[n-1].Blobs = append(bundles[n-1].Blobs, i)
		}
	}
	for i, c := range bundles {
		if len(c.Blobs) > 0 {
			c.Sequence = uint64(i)
			p.Increment.Carried = append(p.Increment.Carried, c)
		}
	}
	return p
}

// checkGap checks that the second statement leaves out exactly the blobs that were not wanted, and still knows the bundles of the rest.
func checkGap(t *testing.T, n int, first, second *bundle.Predicate, w *receipt.Want) {
	t.Helper()
	carrier := func(p *bundle.Predicate, i int) int {
		for at, c := range p.Increment.Carried {
			if slices.Contains(c.Blobs, i) {
				return at
			}
		}
		return -1
	}
	var left []digest.Digest
	for i, d := range first.Expects {
		at := carrier(first, i)
		if wanted := at >= 0 && slices.Contains(w.Carried, at) || at < 0 && w.Unknown; !wanted {
			left = append(left, d)
		}
	}
	if !slices.Equal(second.Expects, left) {
		t.Fatalf("try %d: %d blobs are left out, want %d", n, len(second.Expects), len(left))
	}
	for i, d := range second.Expects {
		was, is := carrier(first, slices.Index(first.Expects, d)), carrier(second, i)
		if (was < 0) != (is < 0) || was >= 0 && first.Increment.Carried[was].Sequence != second.Increment.Carried[is].Sequence {
			t.Fatalf("try %d: blob %d is of another bundle", n, i)
		}
	}
	if (second.Increment.Basis != "") != (len(left) > 0) || !second.Created.Equal(first.Created) {
		t.Fatalf("try %d: basis %q, %s", n, second.Increment.Basis, second.Created)
	}
}
