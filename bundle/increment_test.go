package bundle_test

import (
	"bytes"
	"errors"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"

	"offlinestore/bundle"
)

// increment leaves all blobs of the sample out but the largest one.
func increment(tb testing.TB) (c *content, left []digest.Digest) {
	tb.Helper()
	c = sample(tb)
	all := slices.Sorted(maps.Keys(c.blobs))
	here := slices.MaxFunc(all, func(a, b digest.Digest) int { return len(c.blobs[a]) - len(c.blobs[b]) })
	left = slices.DeleteFunc(all, func(d digest.Digest) bool { return d == here })
	c.predicate.Expects = left
	earlier := bundle.Carried{Bundle: digest.FromString("week 1"), Created: time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC), Sequence: 6, File: "week1.tar.gz", Blobs: []int{0, 1}}
	c.predicate.Increment = &bundle.Increment{Receiver: "ship-7", Basis: bundle.Assumption, Previous: &earlier, Carried: []bundle.Carried{earlier}}
	c.predicate.Increment.Previous = &bundle.Carried{Bundle: earlier.Bundle, Created: earlier.Created, Sequence: 6, File: earlier.File}
	return c, left
}

// TestIncrement writes and reads a bundle that leaves blobs out. It has the digest of the whole bundle, and only the other blobs.
func TestIncrement(t *testing.T) {
	t.Parallel()
	whole := sample(t)
	want := whole.seal(t).Digest()
	c, left := increment(t)
	s := c.seal(t)
	if s.Digest() != want {
		t.Errorf("the increment is %s, want the digest of the whole bundle, %s", s.Digest(), want)
	}
	packed := c.pack(t, s, bundle.None)
	if int64(len(packed)) != s.TarSize() {
		t.Errorf("%d bytes, want %d", len(packed), s.TarSize())
	}
	got, err := receiveBytes(t, packed)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(got.predicate, &c.predicate); diff != "" {
		t.Errorf("predicate (-got +want):\n%s", diff)
	}
	var expected []digest.Digest
	for _, d := range got.head.Expected {
		expected = append(expected, d.Digest)
	}
	slices.Sort(expected)
	if diff := cmp.Diff(expected, left); diff != "" {
		t.Errorf("expected blobs (-got +want):\n%s", diff)
	}
	if len(got.blobs) != 1 || len(got.head.Payload) != 1 {
		t.Errorf("%d blobs of %d, want one", len(got.blobs), len(got.head.Payload))
	}
	dir := filepath.Join(t.TempDir(), "layout")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if got, err = receivePath(t, unpack(t, packed)); err != nil || len(got.blobs) != 1 {
		t.Errorf("layout: %v", err)
	}
}

// TestIncrementHasNoMore refuses a blob that the statement leaves out and that is there nevertheless: nobody needs it, and nothing would verify it.
func TestIncrementHasNoMore(t *testing.T) {
	t.Parallel()
	c, left := increment(t)
	dir := unpack(t, c.pack(t, c.seal(t), bundle.None))
	if err := os.WriteFile(filepath.Join(dir, "blobs/sha256", left[0].Encoded()), c.blobs[left[0]], 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := receivePath(t, dir); !errors.Is(err, bundle.ErrCorrupt) || !strings.Contains(err.Error(), "is extra") {
		t.Errorf("got %v, want that a file is extra", err)
	}
}

func TestIncrementRefuses(t *testing.T) {
	t.Parallel()
	for name, edit := range map[string]func(p *bundle.Predicate){
		"no receiver":          func(p *bundle.Predicate) { p.Increment.Receiver = "" },
		"no increment":         func(p *bundle.Predicate) { p.Increment = nil },
		"no basis":             func(p *bundle.Predicate) { p.Increment.Basis = "" },
		"another basis":        func(p *bundle.Predicate) { p.Increment.Basis = "hope" },
		"a basis and no blobs": func(p *bundle.Predicate) { p.Expects, p.Increment.Carried = nil, nil },
		"out of order":         func(p *bundle.Predicate) { slices.Reverse(p.Expects) },
		"twice":                func(p *bundle.Predicate) { p.Expects = append(p.Expects, p.Expects[len(p.Expects)-1]) },
		"no digest":            func(p *bundle.Predicate) { p.Expects[0] = "sha256:0" },
		"a blob of another bundle": func(p *bundle.Predicate) {
			p.Expects = append(p.Expects, "sha256:"+digest.Digest(strings.Repeat("f", 64)))
		},
		"a receipt that is no digest":  func(p *bundle.Predicate) { p.Increment.Receipt = "receipt 7" },
		"carried a blob too many":      func(p *bundle.Predicate) { p.Increment.Carried[0].Blobs = []int{len(p.Expects)} },
		"carried a blob twice":         func(p *bundle.Predicate) { p.Increment.Carried[0].Blobs = []int{0, 0} },
		"carried without a digest":     func(p *bundle.Predicate) { p.Increment.Carried[0].Bundle = "" },
		"carried without a time":       func(p *bundle.Predicate) { p.Increment.Carried[0].Created = time.Time{} },
		"previous with blobs":          func(p *bundle.Predicate) { p.Increment.Previous.Blobs = []int{0} },
		"a long name of the receiver":  func(p *bundle.Predicate) { p.Increment.Receiver = strings.Repeat("x", 65) },
		"a long name of a file":        func(p *bundle.Predicate) { p.Increment.Carried[0].File = strings.Repeat("x", 256) },
		"too many bundles that it had": func(p *bundle.Predicate) { p.Increment.Carried = slices.Repeat(p.Increment.Carried, 4097) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, _ := increment(t)
			edit(&c.predicate)
			if err := trySeal(t, c); err == nil {
				t.Error("it was sealed")
			}
		})
	}
}

// TestIncrementUnverified checks that a reader knows which blobs are left out only from a statement that it has verified.
func TestIncrementUnverified(t *testing.T) {
	t.Parallel()
	c, _ := increment(t)
	r, err := bundle.NewReader("x", bytes.NewReader(c.pack(t, c.seal(t), bundle.None)))
	if err != nil {
		t.Fatal(err)
	}
	for err == nil {
		_, _, err = r.Next()
	}
	if errors.Is(err, io.EOF) {
		t.Error("it was read to its end without the statement")
	}
}
