package bundle

import (
	"fmt"
	"strconv"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Part is the place of a file in a divided bundle.
type Part struct {
	*Division
	// Number counts the parts from 1, and Count is the number of all parts.
	Number, Count int
	// Set identifies the parts that belong together: the same content, the same signed statement and the same division.
	Set digest.Digest
	// Blobs is the payload of the whole bundle, without the blobs that the bundle leaves out. Divided are the blobs of it that are divided
	// into ranges.
	Blobs   []ocispec.Descriptor
	Divided []DividedBlob
	// Ranges are the ranges in this part, in their order.
	Ranges []BlobRange
}

// newPart returns the part with a number.
func newPart(d *Division, number int, set digest.Digest, blobs []ocispec.Descriptor) *Part {
	p := &Part{Division: d, Number: number, Count: len(d.Files), Set: set, Blobs: blobs, Divided: d.divided(blobs)}
	for _, b := range p.Divided {
		for _, r := range b.Ranges {
			if r.Part == number {
				p.Ranges = append(p.Ranges, r)
			}
		}
	}
	return p
}

// whole lists the blobs of the payload that this part has whole.
func (p *Part) whole() []ocispec.Descriptor { return p.wholeOf(p.Number) }

func (p *Part) wholeOf(number int) (list []ocispec.Descriptor) {
	for i, desc := range p.Blobs {
		if p.Places[i] == number {
			list = append(list, desc)
		}
	}
	return list
}

// FilesOf lists the files of the payload in the part with a number, in their order: blobs, then ranges.
func (p *Part) FilesOf(number int) []ocispec.Descriptor {
	list := p.wholeOf(number)
	for _, b := range p.Divided {
		for i := range b.Ranges {
			if b.Ranges[i].Part == number {
				list = append(list, b.Ranges[i].descriptor())
			}
		}
	}
	return list
}

// Lacking returns the numbers of the parts of which a blob or a range is not held, in ascending order. A divided blob that is held whole needs no
// ranges.
func (p *Part) Lacking(held func(d digest.Digest, size int64) bool) (numbers []int) {
	lacks := make([]bool, p.Count+1)
	for i, desc := range p.Blobs {
		if part := p.Places[i]; part != 0 && !lacks[part] {
			lacks[part] = !held(desc.Digest, desc.Size)
		}
	}
	for _, b := range p.Divided {
		if held(b.Digest, b.Size) {
			continue
		}
		for _, r := range b.Ranges {
			lacks[r.Part] = lacks[r.Part] || !held(r.Digest, r.Size)
		}
	}
	for n, lacking := range lacks {
		if lacking {
			numbers = append(numbers, n)
		}
	}
	return numbers
}

// partLabel is the part of index.json that tells which part of which division a file is. The zero value is for a whole bundle.
type partLabel struct {
	number int
	digest digest.Digest // of the division
}

// parseLabel returns the label in the annotations of index.json. The reader derives index.json from it, so it need not refuse other spellings.
func parseLabel(annotations map[string]string) (partLabel, error) {
	number, numbered := annotations[AnnotationPart]
	d, divided := annotations[AnnotationDivision]
	if !numbered && !divided {
		return partLabel{}, nil
	}
	n, err := strconv.Atoi(number)
	if err != nil || n < 1 || n > MaxParts || !isDigest(digest.Digest(d)) {
		return partLabel{}, corrupt("%s: no part of a division: %.20q of %.80q", indexFile, number, d)
	}
	return partLabel{n, digest.Digest(d)}, nil
}

// setID returns the identity of a set of parts.
func setID(bundle digest.Digest, envelope, division []byte) digest.Digest {
	return digest.FromString(fmt.Sprintf("%s\n%s\n%s\n", bundle, digest.FromBytes(envelope), digest.FromBytes(division)))
}

// partReader is the state of a Reader that is about parts. It is empty for a whole bundle.
type partReader struct {
	label    partLabel
	division *Division
	set      digest.Digest // of the parts that belong together
	// verified is set once the signature is verified.
	verified bool
	// heads keeps the heads of divided bundles, and joiner joins their divided blobs in VerifyPayload. Both may be nil.
	heads  *Heads
	joiner *Joiner
}

// PartOf returns the set of parts that the bundle belongs to, and the number of its part. The number is 0 for a whole bundle. It needs no verified signature,
// and proves nothing.
func (r *Reader) PartOf() (set digest.Digest, number int) { return r.set, r.label.number }

// readDivision reads the division of a part, and the rest of its top.
func (r *Reader) readDivision(t *top) error {
	if d, ok := r.src.(*dirSource); ok && d.folder != "" {
		return corrupt("a folder for inspection is no part of a bundle")
	}
	raw, err := r.file(blobName(r.label.digest), -1, MaxDivisionSize)
	if err != nil {
		return err
	}
	if digest.FromBytes(raw) != r.label.digest {
		return corrupt("its content has another digest")
	}
	if r.division, err = parseDivision(raw); err != nil {
		return err
	}
	if n := len(r.division.Files); r.label.number > n {
		return corrupt("part %d of %d", r.label.number, n)
	}
	t.addPart(r.label, raw, r.bundle.Manifests, r.format)
	r.set = setID(r.digest, t.envelope, raw)
	return nil
}

// divide returns the head of this part. It is the whole one unless the bundle is divided.
func (r *Reader) divide(whole *Head) (*Head, error) {
	if r.division == nil {
		return whole, nil
	}
	if err := r.division.validate(whole.Payload); err != nil {
		return nil, err
	}
	h := *whole
	h.Part = newPart(r.division, r.label.number, r.set, whole.Payload)
	h.Payload = h.Part.whole()
	return &h, nil
}
