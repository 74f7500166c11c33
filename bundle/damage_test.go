package bundle_test

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"offlinestore/bundle"
)

// tiny returns the smallest bundle: one snap, one revision, one blob.
func tiny(tb testing.TB) *content {
	tb.Helper()
	c := sample(tb)
	c.snaps, c.revisions, c.blobs = c.snaps[1:], nil, make(map[digest.Digest][]byte)
	c.addSnap("core24", core24ID, 1196, "amd64", nil, c.blob(600, "tiny"))
	return c
}

// tinyCharm returns the smallest bundle with a charm whose resource is an image: one of each kind of item.
func tinyCharm(tb testing.TB) *content {
	tb.Helper()
	c := charmSample(tb)
	c.charms, c.charmRevisions, c.charmResources, c.images, c.blobs = c.charms[:1], nil, nil, nil, make(map[digest.Digest][]byte)
	c.charms[0].ChannelMap, c.charms[0].Icon = c.charms[0].ChannelMap[:1], nil
	c.charms[0].ChannelMap[0].Resources = c.charms[0].ChannelMap[0].Resources[1:2]
	c.addCharm("pg", pgID, "charm", 9, 100)
	c.addImageResource("pg", "image", 5, c.addIndex(dockerListType, c.addImage(dockerManifestType, []byte("config"), []byte("layer"))))
	return c
}

func TestCutOff(t *testing.T) {
	t.Parallel()
	c := fullSample(t)
	s := c.seal(t)
	for _, f := range framings {
		t.Run(string(f), func(t *testing.T) {
			t.Parallel()
			packed := c.pack(t, s, f)
			var places []int
			step, chosen := 1024, 300
			if testing.Short() {
				step, chosen = 5*1024, 60
			}
			for n := 0; n < len(packed); n += step {
				places = append(places, n, max(n-1, 0), n+1)
			}
			rnd := rand.New(rand.NewPCG(1, 2))
			for range chosen {
				places = append(places, rnd.IntN(len(packed)))
			}
			for n := 1; n < 32; n++ {
				places = append(places, len(packed)-n)
			}
			for _, n := range places {
				if n >= len(packed) {
					continue
				}
				if _, err := receiveBytes(t, packed[:n]); !refused(err) {
					t.Fatalf("cut off after %d of %d bytes: got %v", n, len(packed), err)
				}
			}
		})
	}
}

// flipped reads packed with one bit changed. The reader must refuse it. A zstd bundle may instead have unchanged content.
func flipped(t *testing.T, packed []byte, bit int, want *receivedBundle, zstd bool) {
	t.Helper()
	b := slices.Clone(packed)
	b[bit/8] ^= 1 << (bit % 8)
	got, err := receiveBytes(t, b)
	switch {
	case err == nil && !zstd:
		t.Fatalf("bit %d of byte %d flipped: read all the same", bit%8, bit/8)
	case err == nil:
		if diff := cmp.Diff(got, want, cmp.AllowUnexported(receivedBundle{}), cmpopts.IgnoreUnexported(bundle.PublicKey{}, bundle.Head{}), equateBytes()); diff != "" {
			t.Fatalf("bit %d of byte %d flipped (-got +want):\n%s", bit%8, bit/8, diff)
		}
	case !refused(err):
		t.Fatalf("bit %d of byte %d flipped: got %v", bit%8, bit/8, err)
	}
}

// TestFlippedBit flips a bit of every byte of a small tar, which is almost all head, except in some of the long runs of zeros. It
// also flips thousands of bits of a larger bundle in each framing.
func TestFlippedBit(t *testing.T) {
	t.Parallel()
	large := fullSample(t)
	for f, step := range map[bundle.Compression]int{bundle.None: 1, bundle.Gzip: 3, bundle.Zstd: 3} {
		t.Run(string(f), func(t *testing.T) {
			t.Parallel()
			if testing.Short() {
				step *= 29
			}
			rnd := rand.New(rand.NewPCG(3, 4))
			for i, small := range []*content{tiny(t), tinyCharm(t)} {
				step := step * (1 + 4*i) // fewer of the second one, since most of its head resembles the first one's
				packed := small.pack(t, small.seal(t), f)
				want, err := receiveBytes(t, packed)
				if err != nil {
					t.Fatal(err)
				}
				for n := range packed {
					padding := n > 8 && bytes.Equal(packed[n-8:n+1], make([]byte, 9)) && n%7 != 0
					if n%step == 0 && !padding || n < 40 || n > len(packed)-40 {
						flipped(t, packed, n*8+rnd.IntN(8), want, f == bundle.Zstd)
					}
				}
			}
			packed := large.pack(t, large.seal(t), f)
			want, err := receiveBytes(t, packed)
			if err != nil {
				t.Fatal(err)
			}
			for range 3000 / step {
				flipped(t, packed, rnd.IntN(len(packed)*8), want, f == bundle.Zstd)
			}
		})
	}
}

// TestDamagedBlob shows that the error names a damaged blob, and that the blobs after it can be read.
func TestDamagedBlob(t *testing.T) {
	t.Parallel()
	damagedBlob(t, sample(t), "jq_6.snap")
	c := charmSample(t)
	damagedBlob(t, c, "pg_9.charm")
	damagedBlob(t, c, "layer of image-"+c.images[0].Digest.Encoded())
}

// damagedBlob damages the blob with the title.
func damagedBlob(t *testing.T, c *content, title string) {
	t.Helper()
	s := c.seal(t)
	payload := s.Payload()
	bad := payload[slices.IndexFunc(payload, func(d ocispec.Descriptor) bool { return d.Annotations[ocispec.AnnotationTitle] == title })]
	packed := c.pack(t, s, bundle.None)
	packed[bytes.Index(packed, c.blobs[bad.Digest][:16])] ^= 1
	r, err := bundle.NewReader("test", bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	var damaged, whole []digest.Digest
	for {
		desc, blob, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		_, err = io.Copy(io.Discard, blob)
		var be *bundle.BlobError
		switch {
		case err == nil:
			whole = append(whole, desc.Digest)
		case errors.As(err, &be) && errors.Is(err, bundle.ErrCorrupt) && be.Digest == desc.Digest && be.Title == title:
			damaged = append(damaged, desc.Digest)
		default:
			t.Fatal(err)
		}
	}
	if len(damaged) != 1 || damaged[0] != bad.Digest || len(whole) != len(c.blobs)-1 {
		t.Errorf("damaged %v, whole %v", damaged, whole)
	}
}

// TestFailingDisk shows that a read error of the disk is not reported as a damaged bundle.
func TestFailingDisk(t *testing.T) {
	t.Parallel()
	c := sample(t)
	failed := errors.New("input/output error")
	for _, f := range framings {
		packed := c.pack(t, c.seal(t), f)
		for n := 0; n < len(packed); n += 1999 {
			r, err := bundle.NewReader("test", io.MultiReader(bytes.NewReader(packed[:n]), iotest.ErrReader(failed)))
			if err == nil {
				_, err = receive(t.Context(), r, trusted(t))
			}
			if !errors.Is(err, failed) || errors.Is(err, bundle.ErrCorrupt) {
				t.Fatalf("%s: failing after %d bytes: got %v", f, n, err)
			}
		}
	}
}

// TestSlowInput reads a bundle byte by byte, as a pipe may deliver it.
func TestSlowInput(t *testing.T) {
	t.Parallel()
	c := sample(t)
	s := c.seal(t)
	for _, f := range framings {
		for _, slow := range []func(io.Reader) io.Reader{iotest.OneByteReader, iotest.DataErrReader, iotest.HalfReader} {
			r, err := bundle.NewReader("test", slow(bytes.NewReader(c.pack(t, s, f))))
			if err != nil {
				t.Fatal(err)
			}
			got, err := receive(t.Context(), r, trusted(t))
			if err != nil {
				t.Fatal(err)
			}
			checkReceived(t, got, c, s)
		}
	}
}
