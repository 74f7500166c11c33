package bundletest

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/opencontainers/go-digest"

	"offlinestore/bundle"
)

// Parts returns the files of the parts of at most size bytes.
func (b *Bundle) Parts(size int64, c bundle.Compression) (parts [][]byte) {
	b.tb.Helper()
	d, err := b.seal().Divide(b.tb.Context(), size, c, partName, b.openBlob, nil)
	if err != nil {
		b.tb.Fatal(err)
	}
	return b.packParts(d, c, b.openBlob)
}

// LeastPart returns the smallest possible size of parts.
func (b *Bundle) LeastPart() int64 {
	b.tb.Helper()
	_, err := b.seal().Divide(b.tb.Context(), 1, bundle.None, partName, b.openBlob, nil)
	small, ok := errors.AsType[*bundle.PartSizeError](err)
	if !ok {
		b.tb.Fatalf("divide into parts of one byte: %v, want a PartSizeError", err)
	}
	return small.Least
}

func partName(number, count int) string { return fmt.Sprintf("x.part%dof%d.tar", number, count) }

func (b *Bundle) packParts(d *bundle.DividedBundle, c bundle.Compression, open bundle.Opener) (parts [][]byte) {
	b.tb.Helper()
	for n := range d.Files {
		var out bytes.Buffer
		if err := d.Part(n+1).WriteTar(b.tb.Context(), &out, c, open, nil); err != nil {
			b.tb.Fatal(err)
		}
		parts = append(parts, out.Bytes())
	}
	return parts
}

// LyingParts returns parts whose division names ranges that do not make the divided blobs: their last bytes differ. Each part alone is good.
func (b *Bundle) LyingParts(size int64) [][]byte {
	b.tb.Helper()
	sealed := b.seal()
	d, err := sealed.Divide(b.tb.Context(), size, bundle.None, partName, b.openBlob, nil)
	if err != nil {
		b.tb.Fatal(err)
	}
	raw := d.Raw()
	altered := make(map[digest.Digest][]byte)
	blobs, next := sealed.Payload(), 0
	for i, place := range d.Places {
		if place != 0 {
			continue
		}
		content := bytes.Clone(b.Content(blobs[i].Digest))
		content[len(content)-1] ^= 1
		altered[blobs[i].Digest] = content
		last := d.Ranges[next][len(d.Ranges[next])-1]
		next++
		raw = bytes.ReplaceAll(raw, []byte(last.Digest), []byte(digest.FromBytes(content[int64(len(content))-last.Size:])))
	}
	var head bytes.Buffer
	if err := sealed.WriteHead(b.tb.Context(), &head); err != nil {
		b.tb.Fatal(err)
	}
	lying, err := bundle.ReadDivided(b.tb.Context(), head.Bytes(), raw)
	if err != nil {
		b.tb.Fatal(err)
	}
	return b.packParts(lying, bundle.None, func(d digest.Digest) (io.ReadCloser, error) {
		if content, ok := altered[d]; ok {
			return io.NopCloser(bytes.NewReader(content)), nil
		}
		return b.openBlob(d)
	})
}
