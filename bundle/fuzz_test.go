package bundle_test

import (
	"bytes"
	"runtime"
	"slices"
	"testing"

	"github.com/opencontainers/go-digest"

	"offlinestore/bundle"
)

// maxFuzzMemory limits the memory that the reader may allocate for an input of a few kilobytes. The largest parts are index.json,
// which is read before its content is known, and the decoder of zstd.
const maxFuzzMemory = 64 << 20

// FuzzReader gives the reader any input. An accepted input must be one of the signed bundles.
func FuzzReader(f *testing.F) {
	signed := make(map[digest.Digest]*content)
	for _, c := range []*content{tiny(f), tinyCharm(f)} {
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
		if len(got.blobs) != len(c.blobs) || len(got.head.Revisions) != len(c.revisions) || len(got.head.CharmRevisions) != len(c.charmRevisions) {
			t.Errorf("%d blobs, %d and %d revisions, want %d, %d and %d", len(got.blobs), len(got.head.Revisions), len(got.head.CharmRevisions),
				len(c.blobs), len(c.revisions), len(c.charmRevisions))
		}
	})
}

// FuzzForged changes one small file of a bundle and signs the bundle anew, so that the reader gets past the signature. The parsed
// content must encode to the same bytes: nothing else may be in the bundle.
func FuzzForged(f *testing.F) {
	c, snaps := tinyCharm(f), tiny(f)
	c.snaps, c.revisions = snaps.snaps, snaps.revisions
	for d, b := range snaps.blobs {
		c.blobs[d] = b
	}
	items := c.forge()
	n := uint8(len(items.items))
	for part := range 2*n + 1 {
		f.Add(part, []byte("{}"))
		f.Add(part, []byte("null"))
	}
	for i, it := range items.items {
		if it.image != nil {
			f.Add(uint8(i), it.image)
			continue
		}
		f.Add(uint8(i), it.config.data)
		f.Add(n+uint8(i), it.manifest())
	}
	items.editRawD = func(b []byte) []byte { f.Add(2*n, b); return b }
	items.seal(testKey())
	f.Fuzz(func(t *testing.T, part uint8, raw []byte) {
		forged := c.forge()
		replace := func([]byte) []byte { return raw }
		switch part %= 2*n + 1; {
		case part == 2*n:
			forged.editRawD = replace
		case forged.items[part%n].image != nil:
			if len(raw) > 0 {
				forged.replaceImage(forged.items[part%n], raw)
			}
		case part < n:
			forged.items[part].config.data = raw
		default:
			forged.items[part%n].editRaw = replace
		}
		packed := tarOf(forged.seal(testKey()))
		got, err := receiveBytes(t, packed)
		if err != nil {
			if !refused(err) {
				t.Errorf("refused with %v", err)
			}
			return
		}
		h := got.head
		again := &content{snaps: h.Snaps, revisions: h.Revisions, blobs: got.blobs, predicate: *got.predicate,
			charmContent: charmContent{charms: h.Charms, charmRevisions: h.CharmRevisions, charmResources: h.CharmResources, images: h.Images}}
		if _, err := again.builder(t).Seal(t.Context(), again.predicate, testKey()); err != nil {
			t.Errorf("read, and could not be written: %v", err)
		}
	})
}

// FuzzParseImageManifest parses foreign manifests. A registry inside the gap must be able to serve everything in an accepted
// manifest.
func FuzzParseImageManifest(f *testing.F) {
	types := []string{ociManifestType, ociIndexType, dockerManifestType, dockerListType}
	for _, m := range charmSample(f).images {
		f.Add(uint8(slices.Index(types, m.MediaType)), m.Raw)
	}
	for _, m := range hostileImages() {
		f.Add(uint8(max(0, slices.Index(types, m.mediaType))), []byte(m.raw))
	}
	f.Fuzz(func(t *testing.T, kind uint8, raw []byte) {
		m, err := bundle.ParseImageManifest(types[int(kind)%len(types)], raw)
		if err != nil {
			if !refused(err) {
				t.Errorf("refused with %v", err)
			}
			return
		}
		if len(m.Blobs) > 0 == (len(m.Listed) > 0) || !bytes.Equal(m.Raw, raw) {
			t.Errorf("%d blobs and %d manifests", len(m.Blobs), len(m.Listed))
		}
		for _, d := range append(m.Blobs, m.Listed...) {
			if d.Digest.Algorithm() != digest.SHA256 || d.Digest.Validate() != nil || d.Size < 0 || d.Size > bundle.MaxBlobSize || len(d.URLs) > 0 {
				t.Errorf("took %+v", d)
			}
		}
	})
}
