package bundle

import (
	"fmt"
	"strings"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

const (
	// leastRange is the room for the payload, in bytes, that a part must have, unless the largest blob is smaller.
	leastRange = 1 << 20
	// rangeAlign divides the offsets of ranges, so that a file system can share their blocks with the whole blob.
	rangeAlign = 4096
)

// PartSizeError reports parts that would be too small.
type PartSizeError struct {
	// Size is the size that was asked for, and Least the smallest one that is possible, in bytes. Least is 0 if none is.
	Size, Least int64
}

// Error names the smallest size.
func (e *PartSizeError) Error() string {
	if e.Least == 0 {
		return fmt.Sprintf("the bundle cannot be divided into at most %d parts", MaxParts)
	}
	return fmt.Sprintf("parts of %d bytes are too small for this bundle: want at least %d", e.Size, e.Least)
}

// Namer returns the name of the file of a part.
type Namer func(number, count int) string

// plan plans the parts of at most size bytes each. The ranges have no digests yet.
func (s *SignedBundle) plan(size int64, c Compression, name Namer) (*Division, error) {
	if d := s.tryPlan(size, c, name); d != nil {
		return d, nil
	}
	bad, good := size, max(size, 1<<20)
	for ; s.tryPlan(good, c, name) == nil; good *= 2 {
		if good > MaxBlobSize*2 {
			return nil, &PartSizeError{Size: size}
		}
	}
	for good-bad > 1 {
		if middle := bad + (good-bad)/2; s.tryPlan(middle, c, name) == nil {
			bad = middle
		} else {
			good = middle
		}
	}
	return nil, &PartSizeError{size, good}
}

// tryPlan returns nil if the size is too small. The division is in each part, and its own size depends on the number of parts, so the room for the
// payload is found in several attempts.
func (s *SignedBundle) tryPlan(size int64, c Compression, name Namer) *Division {
	room := tarRoom(size, c) - s.fixedSize()
	useful := min(leastRange, largest(s.tree.payload))
	for reserve := int64(0); room-reserve >= tarSize(useful); {
		d := fit(s.tree.payload, room-reserve)
		if d.count > MaxParts {
			return nil
		}
		for n := range d.count {
			d.Files = append(d.Files, name(n+1, d.count))
		}
		need := tarSize(int64(len(encode(d.Division))))
		if need <= reserve {
			return &d.Division
		}
		reserve = need + tarBlock // the next attempt may need another part
	}
	return nil
}

// fixedSize returns the size, in a tar, of everything in a part but its payload and the division.
func (s *SignedBundle) fixedSize() int64 {
	head := *s
	head.tree.payload = nil
	label := partLabel{number: MaxParts, digest: digest.FromString("")}
	head.top.addPart(label, nil, head.items, head.format)
	return head.TarSize()
}

// tarRoom returns the size of the largest tar that takes at most size bytes with that compression.
func tarRoom(size int64, c Compression) int64 {
	switch c {
	case Gzip:
		size -= gzipSize(size) - size
	case Zstd:
		size -= size/(64<<10)*3 + 64
	}
	return size &^ (tarBlock - 1)
}

func largest(payload []ocispec.Descriptor) (size int64) {
	for _, desc := range payload {
		size = max(size, desc.Size)
	}
	return size
}

// fitting is a division in the making.
type fitting struct {
	Division
	count int
	room  int64   // of an empty part
	free  []int64 // of each part
	first int     // the first part that has room for an empty file
}

// fit puts each blob, and the first range of each divided one, into the first part that has room for it. The parts that a divided blob fills are new ones.
func fit(payload []ocispec.Descriptor, room int64) *fitting {
	f := &fitting{room: room}
	f.Places = make([]int, len(payload))
	for i, desc := range payload {
		if need := tarSize(desc.Size); need <= room {
			f.Places[i] = f.place(need)
		} else {
			f.Ranges = append(f.Ranges, f.divideBlob(desc.Size))
		}
	}
	f.count = len(f.free)
	return f
}

// place returns the number of the first part that has room for need bytes.
func (f *fitting) place(need int64) int {
	for f.first < len(f.free) && f.free[f.first] < tarBlock {
		f.first++
	}
	for i := f.first; i < len(f.free); i++ {
		if f.free[i] >= need {
			f.free[i] -= need
			return i + 1
		}
	}
	return f.open(need)
}

// open begins a part.
func (f *fitting) open(need int64) int {
	f.free = append(f.free, f.room-need)
	return len(f.free)
}

// divideBlob divides a blob into ranges. The first one has the rest that does not fill a part, because each range is in a later part than the
// one before.
func (f *fitting) divideBlob(size int64) (list []Range) {
	most, align := f.room-tarBlock, int64(1)
	if most > rangeAlign {
		align = rangeAlign
	}
	most -= most % align
	n := (size-1)%most + 1
	n = min(size, (n+align-1)/align*align)
	for part := f.place; size > 0; part = f.open {
		list = append(list, Range{Part: part(tarSize(n)), Digest: noDigest, Size: n})
		size -= n
		n = min(size, most)
	}
	return list
}

// noDigest stands for a digest that is not known yet. It is as long as one.
var noDigest = digest.NewDigestFromEncoded(digest.SHA256, strings.Repeat("0", 64))
