package bundle_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/klauspost/compress/zstd"

	"offlinestore/assertion"
	"offlinestore/bundle"
	"offlinestore/internal/vectortest"
)

// mutation is a bundle that was altered in one way.
type mutation struct {
	what string
	data []byte
}

// TestSecondReaderMutations alters bundles, mostly below a good signature. The second reader and the program must agree on each.
func TestSecondReaderMutations(t *testing.T) {
	t.Parallel()
	second, index := startSecond(t), vectortest.Load(t)
	trust, file := index.Trust(t), filepath.Join(t.TempDir(), "bundle")
	key := publicOf(t, testKey())
	job := secondJob{Path: file, Keys: []string{vectortest.File("keys/test.pem")}, Roots: vectortest.File(index.Roots)}
	accepted := 0
	bases := []func(testing.TB) *content{kitVector, pgVector, snapVector, stepperVector, richVector, storeVector}
	for i, base := range bases {
		c, rounds := base(t), 250
		if testing.Short() {
			rounds = 40
		}
		for n := range rounds {
			m := mutation{"unaltered", tarOf(c.forge().seal(testKey()))}
			if n > 0 {
				m = newMutation(t, c, rand.New(rand.NewPCG(uint64(i), uint64(n))))
			}
			if err := os.WriteFile(file, m.data, 0o600); err != nil {
				t.Fatal(err)
			}
			err := readWhole(t, m.data, key, trust)
			refused := second.refusal(t, job)
			if (err == nil) != (refused == "") {
				t.Errorf("base %d, round %d: %s: the program answers %v, the second reader %q", i, n, m.what, err, refused)
			}
			if err == nil {
				accepted++
			} else if n == 0 {
				t.Fatalf("base %d: %v", i, err)
			}
		}
	}
	if accepted < 20 {
		t.Errorf("only %d were accepted: the mutations say little", accepted)
	}
}

// readWhole reads a bundle as an importer does.
func readWhole(t *testing.T, data []byte, key bundle.PublicKey, trust *assertion.Trust) error {
	t.Helper()
	r, err := bundle.NewReader("mutation", bytes.NewReader(data))
	if err != nil {
		return err
	}
	defer r.Close()
	predicate, _, err := r.Verify(t.Context(), []bundle.PublicKey{key})
	if err != nil {
		return err
	}
	h, err := r.Head()
	if err != nil {
		return err
	}
	if err := r.VerifyPayload(t.Context(), h, nil); err != nil {
		return err
	}
	_, err = bundle.Check(h, trust, predicate.Created)
	return err
}

// newMutation alters the forge of c in one way.
func newMutation(t *testing.T, c *content, r *rand.Rand) mutation {
	t.Helper()
	f := c.forge()
	what := ""
	switch r.IntN(13) {
	case 0:
		plain := tarOf(f.seal(testKey()))
		data := [][]byte{plain, gzipOf(plain), zstdOf(t, plain, zstd.WithEncoderLevel(zstd.SpeedFastest))}[r.IntN(3)]
		return mutateBytes(data, r)
	case 1:
		reorder(f, r, &what)
	case 2, 3:
		f.editRawStatement = func(b []byte) []byte { b, what = mutateJSON(b, r); return b }
	case 4:
		it := f.items[r.IntN(len(f.items))]
		it.editRaw = func(b []byte) []byte { b, what = mutateJSON(b, r); return b }
	case 5:
		f.editRawD = func(b []byte) []byte { b, what = mutateJSON(b, r); return b }
	case 6:
		f.editRawEnvelope = func(b []byte) []byte { b, what = mutateJSON(b, r); return b }
	case 7:
		what = alterStream(f, r)
	default:
		it := f.items[r.IntN(len(f.items))]
		if it.image != nil {
			var raw []byte
			raw, what = mutateJSON(it.image, r)
			f.replaceImage(it, raw)
		} else {
			it.config.data, what = mutateJSON(it.config.data, r)
		}
		what = it.name + ": " + what
	}
	data := tarOf(f.seal(testKey()))
	return mutation{what, data}
}

// mutateBytes flips a bit, or cuts, repeats or inserts a byte.
func mutateBytes(data []byte, r *rand.Rand) mutation {
	at := r.IntN(len(data))
	data = bytes.Clone(data)
	switch r.IntN(4) {
	case 0:
		return mutation{fmt.Sprintf("cut at %d", at), data[:at]}
	case 1:
		return mutation{fmt.Sprintf("a zero at %d", at), slices.Insert(data, at, 0)}
	case 2:
		return mutation{fmt.Sprintf("without the byte %d", at), slices.Delete(data, at, at+1)}
	}
	data[at] ^= 1 << r.IntN(8)
	return mutation{fmt.Sprintf("a flipped bit at %d", at), data}
}

// reorder swaps two items, layers or files, or removes one. The files are only known when the bundle is sealed, and what with them.
func reorder(f *forge, r *rand.Rand, what *string) {
	switch it := f.items[r.IntN(len(f.items))]; {
	case len(it.layers) > 1 && r.IntN(3) == 0:
		it.layers[0], it.layers[1] = it.layers[1], it.layers[0]
		*what = it.name + ": two layers swapped"
	case len(it.layers) > 0 && r.IntN(3) == 0:
		it.layers = it.layers[1:]
		*what = it.name + ": without its first layer"
	case r.IntN(3) == 0:
		f.items = slices.DeleteFunc(f.items, func(other *forgeItem) bool { return other == it })
		*what = "without " + it.name
	case r.IntN(2) == 0:
		i, j := r.IntN(len(f.items)), r.IntN(len(f.items))
		f.items[i], f.items[j] = f.items[j], f.items[i]
		*what = fmt.Sprintf("items %d and %d swapped", i, j)
	default:
		f.editFiles = func(files []*forgeFile) []*forgeFile {
			i, j := r.IntN(len(files)), r.IntN(len(files))
			files[i], files[j] = files[j], files[i]
			*what = fmt.Sprintf("files %d and %d swapped", i, j)
			return files
		}
	}
}

// alterStream alters the first layer of an item. In most items it is a stream of assertions.
func alterStream(f *forge, r *rand.Rand) string {
	it := f.items[r.IntN(len(f.items))]
	if len(it.layers) == 0 || len(it.layers[0].data) == 0 {
		return it.name + ": left as it is"
	}
	l := it.layers[0]
	if blocks := bytes.SplitAfter(l.data, []byte("\n\n")); r.IntN(3) == 0 {
		i, j := r.IntN(len(blocks)), r.IntN(len(blocks))
		blocks[i], blocks[j] = blocks[j], blocks[i]
		l.data = bytes.Join(blocks, nil)
		return fmt.Sprintf("%s: blocks %d and %d swapped", it.name, i, j)
	}
	m := mutateBytes(l.data, r)
	l.data = m.data
	return it.name + ": " + m.what
}
