package bundle

import (
	"fmt"
	"strings"
	"unicode"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"offlinestore/strictjson"
)

// Division is the plan by which a bundle is divided into parts. Every part has it. It is not signed: it only tells where bytes are, and the
// signed bundle index has the digest of every blob. So a bundle can be divided without the key that has signed it.
type Division struct {
	// Files are the names of the files of the parts, in their order.
	Files []string `json:"files"`
	// Places has a number for each blob of the payload, in its order: the part that has the blob, from 1, or 0 if the blob is divided into
	// ranges.
	Places []int `json:"places"`
	// Ranges has the ranges of each divided blob, in the order of the payload.
	Ranges [][]Range `json:"ranges,omitempty"`
}

// Range is a sequence of bytes of a divided blob.
type Range struct {
	// Part is the number of the part that has the range.
	Part   int           `json:"part"`
	Digest digest.Digest `json:"digest"`
	Size   int64         `json:"size"`
}

// mediaRange is the media type of a range. No file of a bundle has it.
const mediaRange = "application/vnd.offlinestore.range.v1"

// divisionFields are the required fields of a division.
var divisionFields = strictjson.Required{"files", "places", "ranges[][].part", "ranges[][].digest", "ranges[][].size"}

// parseDivision parses a division. Nobody has signed it, so its number of values is bounded before it is decoded.
func parseDivision(raw []byte) (*Division, error) {
	if n := countValues(raw); n > MaxDivisionValues {
		return nil, limit("values in the division", n, MaxDivisionValues)
	}
	d := &Division{}
	if err := strictjson.Decode(raw, d, divisionFields); err != nil {
		return nil, corrupt("division: %w", err)
	}
	return d, d.validateFiles()
}

// validateFiles validates the names of the files.
func (d *Division) validateFiles() error {
	if n := len(d.Files); n < 2 || n > MaxParts {
		return corrupt("division: %d parts: want 2 to %d", n, MaxParts)
	}
	for _, name := range d.Files {
		if name == "" || len(name) > maxCarriedFile || strings.ContainsRune(name, '/') || strings.ContainsFunc(name, unicode.IsControl) {
			return corrupt("division: %.300q is no name of a file", name)
		}
	}
	return nil
}

// validate compares a division with the payload that it divides.
func (d *Division) validate(payload []ocispec.Descriptor) error {
	if len(d.Places) != len(payload) {
		return corrupt("division: places of %d blobs, while the payload has %d", len(d.Places), len(payload))
	}
	v := divisionValidator{d: d, used: make([]bool, len(d.Files)+1), here: make(map[placed]bool)}
	for i, desc := range payload {
		if err := v.addBlob(desc, d.Places[i]); err != nil {
			return err
		}
	}
	if v.divided != len(d.Ranges) {
		return corrupt("division: ranges of %d blobs, want %d", len(d.Ranges), v.divided)
	}
	for n, used := range v.used[1:] {
		if !used {
			return corrupt("division: part %d has nothing", n+1)
		}
	}
	return nil
}

// placed is a blob or a range in a part.
type placed struct {
	part   int
	digest digest.Digest
}

// divisionValidator goes through the payload in its order.
type divisionValidator struct {
	d       *Division
	divided int             // the divided blobs so far
	used    []bool          // by the number of the part
	here    map[placed]bool // the blobs and ranges so far
}

func (v *divisionValidator) addBlob(desc ocispec.Descriptor, part int) error {
	if part != 0 {
		return v.addPlace(part, desc.Digest)
	}
	if v.divided == len(v.d.Ranges) {
		return corrupt("division: no ranges of blob %s", desc.Digest)
	}
	ranges := v.d.Ranges[v.divided]
	v.divided++
	var total int64
	last := 0
	for _, r := range ranges {
		switch {
		case !isDigest(r.Digest):
			return corrupt("division: %.80q is no digest", r.Digest)
		case r.Size < 1 || r.Size > desc.Size-total:
			return corrupt("division: a range of blob %s has %d bytes, of %d that are left", desc.Digest, r.Size, desc.Size-total)
		case r.Part <= last:
			return corrupt("division: a range of blob %s is not after the one before", desc.Digest)
		}
		total, last = total+r.Size, r.Part
		if err := v.addPlace(r.Part, r.Digest); err != nil {
			return err
		}
	}
	if len(ranges) < 2 || total != desc.Size {
		return corrupt("division: %d ranges of blob %s with %d bytes, want %d bytes in two ranges or more", len(ranges), desc.Digest, total, desc.Size)
	}
	return nil
}

// addPlace puts a blob or range into a part.
func (v *divisionValidator) addPlace(part int, d digest.Digest) error {
	if part < 1 || part >= len(v.used) {
		return corrupt("division: part %d: want 1 to %d", part, len(v.used)-1)
	}
	if v.here[placed{part, d}] {
		return corrupt("division: %s is in part %d twice", d, part)
	}
	v.here[placed{part, d}], v.used[part] = true, true
	return nil
}

// BlobRange is a range with the blob that it belongs to.
type BlobRange struct {
	Range
	Blob ocispec.Descriptor
	// Offset is the place of the range in the blob. Number counts the blob's ranges from 1, of which there are Count.
	Offset        int64
	Number, Count int
}

// descriptor describes the file of a range.
func (r *BlobRange) descriptor() ocispec.Descriptor {
	title := fmt.Sprintf("%s, range %d of %d", r.Blob.Annotations[ocispec.AnnotationTitle], r.Number, r.Count)
	return ocispec.Descriptor{MediaType: mediaRange, Digest: r.Digest, Size: r.Size, Annotations: map[string]string{ocispec.AnnotationTitle: title}}
}

// DividedBlob is a blob with its ranges.
type DividedBlob struct {
	ocispec.Descriptor
	Ranges []BlobRange
}

// divided returns the divided blobs of a payload that belongs to the division.
func (d *Division) divided(payload []ocispec.Descriptor) (list []DividedBlob) {
	for i, desc := range payload {
		if d.Places[i] != 0 {
			continue
		}
		b := DividedBlob{Descriptor: desc}
		ranges := d.Ranges[len(list)]
		var offset int64
		for n, r := range ranges {
			b.Ranges = append(b.Ranges, BlobRange{r, desc, offset, n + 1, len(ranges)})
			offset += r.Size
		}
		list = append(list, b)
	}
	return list
}
