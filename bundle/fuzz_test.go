package bundle_test

import (
	"bytes"
	"runtime"
	"testing"

	"github.com/opencontainers/go-digest"
)

// maxFuzzMemory is more than the reader may allocate for an input of a few kilobytes: index.json, which is the largest
// thing that is read before its content is known, and the decoder of zstd.
const maxFuzzMemory = 64 << 20

// FuzzReader gives the reader any input. What it accepts must be one of the bundles that were signed.
func FuzzReader(f *testing.F) {
	signed := make(map[digest.Digest]*content)
	for _, c := range []*content{tiny(f)} {
		s := c.seal(f)
		signed[s.Digest()] = c
		for _, framing := range framings {
			packed := c.pack(f, s, framing)
			f.Add(packed)
			f.Add(packed[:len(packed)/2])
			f.Add(append(packed[:len(packed):len(packed)], 0))
		}
	}
	forged := tiny(f).forge()
	forged.format = "2.0"
	f.Add(tarOf(forged.seal(testKey())))
	f.Add([]byte("\x1f\x8b"))
	f.Add([]byte("\x28\xb5\x2f\xfd\x04\x50\x01\x00\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		got, err := receiveBytes(t, b)
		runtime.ReadMemStats(&after)
		if n := after.TotalAlloc - before.TotalAlloc; n > maxFuzzMemory {
			t.Errorf("%d bytes were allocated for an input of %d", n, len(b))
		}
		if err != nil {
			if !refused(err) {
				t.Errorf("refused with %v", err)
			}
			return
		}
		c := signed[got.digest]
		if c == nil {
			t.Fatalf("%s was read, which nobody signed", got.digest)
		}
		for d, blob := range got.blobs {
			if !bytes.Equal(blob, c.blobs[d]) {
				t.Errorf("%s: not what was signed", d)
			}
		}
		if len(got.blobs) != len(c.blobs) || len(got.head.Revisions) != len(c.revisions) {
			t.Errorf("%d blobs and %d revisions, want %d and %d", len(got.blobs), len(got.head.Revisions), len(c.blobs), len(c.revisions))
		}
	})
}

// FuzzForged changes one small file of a bundle and signs the bundle anew, so that what is behind the signature is reached.
// What is read must be what would be written: nothing else is in it.
func FuzzForged(f *testing.F) {
	for part := range uint8(5) {
		f.Add(part, []byte("{}"))
		f.Add(part, []byte("null"))
	}
	c := tiny(f)
	items := c.forge()
	f.Add(uint8(0), items.items[0].config.data)
	f.Add(uint8(1), items.items[1].config.data)
	f.Add(uint8(2), items.items[0].manifest())
	f.Add(uint8(3), items.items[1].manifest())
	items.editRawD = func(b []byte) []byte { f.Add(uint8(4), b); return b }
	items.seal(testKey())
	f.Fuzz(func(t *testing.T, part uint8, raw []byte) {
		forged := c.forge()
		replace := func([]byte) []byte { return raw }
		switch part % 5 {
		case 0, 1:
			forged.items[part%5].config.data = raw
		case 2, 3:
			forged.items[part%5-2].editRaw = replace
		case 4:
			forged.editRawD = replace
		}
		packed := tarOf(forged.seal(testKey()))
		got, err := receiveBytes(t, packed)
		if err != nil {
			if !refused(err) {
				t.Errorf("refused with %v", err)
			}
			return
		}
		again := &content{snaps: got.head.Snaps, revisions: got.head.Revisions, blobs: got.blobs, predicate: *got.predicate}
		if _, err := again.draft(t).Seal(t.Context(), again.predicate, testKey()); err != nil {
			t.Errorf("read, and could not be written: %v", err)
		}
	})
}
