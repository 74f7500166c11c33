package bundle

import (
	"errors"
	"io"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"offlinestore/blob"
)

// Joiner verifies divided blobs whole, while the parts with their ranges are read one after the other, in the order of their numbers. The zero value is
// ready.
type Joiner struct {
	blobs map[joinKey]*joining
}

// joinKey names a divided blob of a set.
type joinKey struct{ set, blob digest.Digest }

// joining is a divided blob of which some ranges were read.
type joining struct {
	next int // the number of the next range
	sums *blob.Sums
}

// errJoin reports ranges that are good by themselves.
var errJoin = errors.New("its ranges do not make it")

// begin returns the writer of the next range of a blob, or nil if ranges before it were not read.
func (j *Joiner) begin(p *Part, r *BlobRange) io.Writer {
	if j == nil {
		return nil
	}
	if j.blobs == nil {
		j.blobs = make(map[joinKey]*joining)
	}
	key := joinKey{p.Set, r.Blob.Digest}
	b := j.blobs[key]
	if b == nil {
		b = &joining{next: 1, sums: blob.NewSums(blob.SHA256 | blob.SHA3384)}
		j.blobs[key] = b
	}
	if b.next != r.Number {
		b.next = 0 // never again
		return nil
	}
	b.next++
	return b.sums
}

// end verifies the blob after its last range.
func (j *Joiner) end(p *Part, r *BlobRange) error {
	b := j.blobs[joinKey{p.Set, r.Blob.Digest}]
	if r.Number < r.Count || b.next != r.Count+1 {
		return nil
	}
	sha3 := r.Blob.Annotations[AnnotationSHA3384]
	if b.sums.Digest() != r.Blob.Digest || sha3 != "" && b.sums.Verify(blob.SHA3384, sha3) != nil {
		return &BlobError{r.Blob.Digest, r.Blob.Annotations[ocispec.AnnotationTitle], errJoin}
	}
	return nil
}

// Unread returns the names of the divided blobs of a part of which not all ranges were read, in their order.
func (j *Joiner) Unread(p *Part) (titles []string) {
	for i := range p.Divided {
		d := &p.Divided[i]
		if b := j.blobs[joinKey{p.Set, d.Digest}]; b == nil || b.next != len(d.Ranges)+1 {
			titles = append(titles, d.Annotations[ocispec.AnnotationTitle])
		}
	}
	return titles
}

// Join makes VerifyPayload join divided blobs.
func (r *Reader) Join(j *Joiner) { r.joiner = j }
