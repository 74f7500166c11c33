package bundle

import (
	"bytes"
	"io"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// isRandom reports whether openRandom works. Pipes, zstd and encrypted archives can only be read from front to end.
func (t *tarSource) isRandom() bool { return t.file != nil && t.zstd == nil && !t.encrypted }

// openRandom opens a file of the payload, beside the reading from front to end.
func (t *tarSource) openRandom(payload []ocispec.Descriptor, i int) (io.Reader, error) {
	at := t.payload
	for _, desc := range payload[:i] {
		at += tarSize(desc.Size)
	}
	var plain io.ReaderAt = t.file
	if t.gzip {
		plain = storedBlocks{t.file}
	}
	want := tarHeader(blobName(payload[i].Digest), payload[i].Size)
	header := make([]byte, len(want))
	if n, err := plain.ReadAt(header, at); n < len(header) {
		return nil, readError("tar header of "+blobName(payload[i].Digest), err)
	}
	if !bytes.Equal(header, want) {
		return nil, t.wrongHeader(blobName(payload[i].Digest))
	}
	return io.NewSectionReader(plain, at+tarBlock, payload[i].Size), nil
}

// storedBlocks reads gzip of stored blocks, each of which but the last has the same size, as the bytes in them. It does not verify the framing:
// the caller verifies the digests of files.
type storedBlocks struct{ r io.ReaderAt }

// ReadAt implements [io.ReaderAt].
func (s storedBlocks) ReadAt(p []byte, off int64) (n int, err error) {
	for n < len(p) && err == nil {
		block := off / maxStored
		part := p[n:min(int64(len(p)), int64(n)+(block+1)*maxStored-off)]
		var m int
		m, err = s.r.ReadAt(part, int64(len(gzipHeader))+5*(block+1)+off)
		n, off = n+m, off+int64(m)
		if err == io.EOF && n == len(p) {
			err = nil
		}
	}
	return n, err
}
