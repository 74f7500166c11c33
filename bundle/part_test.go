package bundle_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/opencontainers/go-digest"

	"offlinestore/bundle"
	"offlinestore/internal/bundletest"
)

// sized returns a bundle of snaps of these sizes.
func sized(tb testing.TB, sizes ...int64) *content {
	tb.Helper()
	b := bundletest.New(tb, 0)
	for i, size := range sizes {
		b.Add(fmt.Sprintf("snap-%c", 'a'+i), 1, size)
	}
	return vectorContent(tb, b)
}

func partNamer(n, count int) string { return fmt.Sprintf("x.part%dof%d", n, count) }

// divide divides a bundle, and returns the files of its parts.
func divide(tb testing.TB, c *content, size int64, compression bundle.Compression) (*bundle.DividedBundle, [][]byte) {
	tb.Helper()
	d, err := c.seal(tb).Divide(tb.Context(), size, compression, partNamer, c.openBlob, nil)
	if err != nil {
		tb.Fatal(err)
	}
	var parts [][]byte
	for n := range d.Files {
		parts = append(parts, c.pack(tb, d.Part(n+1), compression))
	}
	return d, parts
}

// receiveParts reads parts, and returns all blobs, with the divided ones joined.
func receiveParts(tb testing.TB, parts [][]byte) map[digest.Digest][]byte {
	tb.Helper()
	all := make(map[digest.Digest][]byte)
	ranges := make(map[digest.Digest]map[int][]byte)
	set := digest.Digest("")
	for i, packed := range parts {
		got, err := receiveBytes(tb, packed)
		if err != nil {
			tb.Fatalf("part %d: %v", i+1, err)
		}
		p := got.head.Part
		if p == nil || p.Number != i+1 || p.Count != len(parts) || set != "" && p.Set != set {
			tb.Fatalf("part %d of %d is %+v", i+1, len(parts), p)
		}
		set = p.Set
		for _, d := range got.head.Payload {
			all[d.Digest] = got.blobs[d.Digest]
		}
		for _, r := range p.Ranges {
			if ranges[r.Blob.Digest] == nil {
				ranges[r.Blob.Digest] = make(map[int][]byte)
			}
			ranges[r.Blob.Digest][r.Number] = got.blobs[r.Digest]
		}
	}
	for d, of := range ranges {
		for n := 1; n <= len(of); n++ {
			all[d] = append(all[d], of[n]...)
		}
	}
	return all
}

// TestDivide divides bundles in every framing. No part is larger than asked for, and together they have every blob.
func TestDivide(t *testing.T) {
	t.Parallel()
	for _, compression := range []bundle.Compression{bundle.None, bundle.Gzip, bundle.Zstd} {
		for name, c := range map[string]*content{
			"whole":   sized(t, 600<<10, 500<<10, 400<<10, 300<<10, 100),
			"divided": sized(t, 100, 3<<20, 600<<10, 1<<20+123456),
			"charms":  charmSample(t),
		} {
			_, err := c.seal(t).Divide(t.Context(), 1, compression, partNamer, c.openBlob, nil)
			e, ok := errors.AsType[*bundle.PartSizeError](err)
			if !ok {
				t.Fatalf("%s, %s: parts of a byte: %v, want a PartSizeError", name, compression, err)
			}
			if _, err := c.seal(t).Divide(t.Context(), e.Least-1, compression, partNamer, c.openBlob, nil); !errors.As(err, &e) {
				t.Errorf("%s, %s: parts of a byte less than the least size: %v", name, compression, err)
			}
			for _, size := range []int64{e.Least, e.Least + 4096, e.Least * 3 / 2} {
				if c.seal(t).Size(compression) <= size {
					continue
				}
				d, parts := divide(t, c, size, compression)
				for i, packed := range parts {
					if n := int64(len(packed)); n > size || compression != bundle.Zstd && n != d.Part(i+1).Size(compression) {
						t.Errorf("%s, %s: part %d has %d bytes, want at most %d", name, compression, i+1, n, size)
					}
				}
				if !maps.EqualFunc(receiveParts(t, parts), c.blobs, bytes.Equal) {
					t.Errorf("%s, %s: the parts have other blobs than the bundle", name, compression)
				}
			}
		}
	}
}

// TestDivideAgain divides the same bundle from its head alone, as a later run of an export does, into the same bytes.
func TestDivideAgain(t *testing.T) {
	t.Parallel()
	c := sized(t, 100, 3<<20, 600<<10)
	d, parts := divide(t, c, 2<<20, bundle.None)
	var head bytes.Buffer
	if err := c.seal(t).WriteHead(t.Context(), &head); err != nil {
		t.Fatal(err)
	}
	again, err := bundle.ReadDivided(t.Context(), head.Bytes(), d.Raw())
	if err != nil {
		t.Fatal(err)
	}
	if again.Set() != d.Set() {
		t.Errorf("the set is %s, want %s", again.Set(), d.Set())
	}
	for i := range parts {
		if !bytes.Equal(c.pack(t, again.Part(i+1), bundle.None), parts[i]) {
			t.Errorf("part %d is another one", i+1)
		}
	}
}

// TestDivideDamaged finds a blob that is damaged on the exporter's disk.
func TestDivideDamaged(t *testing.T) {
	t.Parallel()
	c := sized(t, 3<<20)
	s := c.seal(t)
	for d, b := range c.blobs {
		c.blobs[d] = slices.Clone(b)
		c.blobs[d][len(b)-1] ^= 1
	}
	if _, err := s.Divide(t.Context(), 2<<20, bundle.None, partNamer, c.openBlob, nil); err == nil {
		t.Error("it was divided")
	}
}

// TestPartFlippedBits flips bits all over a part. None goes unnoticed.
func TestPartFlippedBits(t *testing.T) {
	t.Parallel()
	c := sized(t, 100, 1<<20+200<<10)
	_, parts := divide(t, c, 1<<20+100<<10, bundle.None)
	r := rand.New(rand.NewPCG(1, 2))
	flips := 2000
	if testing.Short() {
		flips = 200
	}
	for range flips {
		packed := slices.Clone(parts[r.IntN(len(parts))])
		at := r.IntN(len(packed))
		if r.IntN(2) == 0 {
			at = r.IntN(16 << 10) // the head
		}
		packed[at] ^= 1 << r.IntN(8)
		if _, err := receiveBytes(t, packed); err == nil {
			t.Fatalf("a flipped bit at %d went unnoticed", at)
		}
	}
}

// TestJoiner verifies divided blobs whole while their parts are read in their order, and only then.
func TestJoiner(t *testing.T) {
	t.Parallel()
	c := sized(t, 100, 4<<20)
	_, parts := divide(t, c, 2<<20, bundle.None)
	verify := func(j *bundle.Joiner, packed []byte) *bundle.Head {
		t.Helper()
		r, err := bundle.NewReader("x", bytes.NewReader(packed))
		if err != nil {
			t.Fatal(err)
		}
		r.Join(j)
		if _, _, err := r.Verify(t.Context(), trusted(t)); err != nil {
			t.Fatal(err)
		}
		h, err := r.Head()
		if err != nil {
			t.Fatal(err)
		}
		if err := r.VerifyPayload(t.Context(), h, nil); err != nil {
			t.Error(err)
		}
		return h
	}
	var inOrder, backwards bundle.Joiner
	for i := range parts {
		h := verify(&inOrder, parts[i])
		if got := len(inOrder.Unread(h.Part)); (got == 0) != (i == len(parts)-1) {
			t.Errorf("%d divided blobs are unread after part %d", got, i+1)
		}
		if h := verify(&backwards, parts[len(parts)-1-i]); len(backwards.Unread(h.Part)) != 1 {
			t.Errorf("backwards, the blob was verified")
		}
	}
}

// TestDivideFills divides blobs that are a little larger than a part. What exceeds the parts shares parts.
func TestDivideFills(t *testing.T) {
	t.Parallel()
	sizes := make([]int64, 8)
	for i := range sizes {
		sizes[i] = 2_500_000
	}
	d, _ := divide(t, sized(t, sizes...), 2_200_000, bundle.None)
	if n := len(d.Files); n > 11 {
		t.Errorf("%d parts, want at most 11", n)
	}
}

// TestLacking tells which parts are needed.
func TestLacking(t *testing.T) {
	t.Parallel()
	c := sized(t, 100, 5<<20, 600<<10)
	_, parts := divide(t, c, 2<<20, bundle.None)
	got, err := receiveBytes(t, parts[0])
	if err != nil {
		t.Fatal(err)
	}
	held := make(map[digest.Digest]bool)
	lacking := func() []int {
		return got.head.Part.Lacking(func(d digest.Digest, _ int64) bool { return held[d] })
	}
	if want := []int{1, 2, 3}; !slices.Equal(lacking(), want) || len(parts) != 3 {
		t.Errorf("nothing is held: parts %v are needed, want %v", lacking(), want)
	}
	for _, n := range []int{2, 1} {
		for _, d := range got.head.Part.FilesOf(n) {
			held[d.Digest] = true
		}
	}
	if want := []int{3}; !slices.Equal(lacking(), want) {
		t.Errorf("all but part 3 are held: parts %v are needed, want %v", lacking(), want)
	}
	clear(held)
	for d := range c.blobs {
		held[d] = true
	}
	if got := lacking(); got != nil {
		t.Errorf("all blobs are held whole: parts %v are needed", got)
	}
}

// FuzzDivision shows that a division that nobody has signed leads to an error and not to a panic.
func FuzzDivision(f *testing.F) {
	c := sized(f, 100, 3<<20)
	d, _ := divide(f, c, 2<<20, bundle.None)
	f.Add(d.Raw())
	f.Add([]byte(`{"files":["a","b"],"places":[1,0],"ranges":[[{"part":1,"digest":"sha256:0","size":1}]]}`))
	var head bytes.Buffer
	if err := c.seal(f).WriteHead(f.Context(), &head); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		d, err := bundle.ReadDivided(t.Context(), head.Bytes(), raw)
		if err != nil {
			if !errors.Is(err, bundle.ErrCorrupt) {
				t.Errorf("%v, want an ErrCorrupt", err)
			}
			return
		}
		for n := range d.Files {
			d.Part(n+1).WriteTar(t.Context(), io.Discard, bundle.None, c.openBlob, nil) // the ranges may have other digests
		}
	})
}
