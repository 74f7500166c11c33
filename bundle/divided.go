package bundle

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"offlinestore/blob"
)

// DividedBundle is a signed bundle that is ready to be written as several parts.
type DividedBundle struct {
	*Division
	whole *SignedBundle
	raw   []byte // the division
}

// Divide divides a bundle into parts of at most size bytes each with that compression. It reads the blobs that are larger than a part, and verifies them.
// progress, which may be nil, is called with the number of bytes read. The error may be a *PartSizeError.
func (s *SignedBundle) Divide(ctx context.Context, size int64, c Compression, name Namer, open Opener, progress func(int64)) (*DividedBundle, error) {
	d, err := s.plan(size, c, name)
	if err != nil {
		return nil, err
	}
	for i, b := range d.divided(s.tree.payload) {
		if err := hashRanges(ctx, &b, d.Ranges[i], open, progress); err != nil {
			return nil, fmt.Errorf("divide %s: %w", b.Annotations[ocispec.AnnotationTitle], err)
		}
	}
	if err := errors.Join(d.validateFiles(), d.validate(s.tree.payload)); err != nil {
		return nil, fmt.Errorf("divide bundle: %w", err)
	}
	out := &DividedBundle{d, s, encode(d)}
	if n := int64(len(out.raw)); n > MaxDivisionSize || countValues(out.raw) > MaxDivisionValues {
		return nil, limit("bytes of the division", n, MaxDivisionSize)
	}
	return out, nil
}

// hashRanges sets the digests of the ranges of a blob.
func hashRanges(ctx context.Context, b *DividedBlob, ranges []Range, open Opener, progress func(int64)) error {
	f, err := open(b.Digest)
	if err != nil {
		return err
	}
	defer f.Close()
	r := blob.NewVerifyReader(blob.NewMeter(ctx, f, progress), b.Digest, b.Size)
	buf := make([]byte, readSize)
	for i := range ranges {
		sum := blob.NewSums(blob.SHA256)
		if n, err := io.CopyBuffer(sum, onlyReader{io.LimitReader(r, ranges[i].Size)}, buf); err != nil {
			return err
		} else if n != ranges[i].Size {
			return &blob.CorruptError{Digest: b.Digest, Err: io.ErrUnexpectedEOF}
		}
		ranges[i].Digest = sum.Digest()
	}
	_, err = r.Read(buf[:1])
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// ReadDivided returns the divided bundle of a head, which WriteHead has written, and of a division. Both must be one's own. It needs no key.
func ReadDivided(ctx context.Context, head, division []byte) (*DividedBundle, error) {
	r, err := NewReader("head", bytes.NewReader(head))
	if err != nil {
		return nil, err
	}
	defer r.Close()
	if _, _, err := r.VerifyUnsafe(ctx); err != nil {
		return nil, err
	}
	s, err := r.Sealed()
	if err != nil {
		return nil, err
	}
	d, err := parseDivision(division)
	if err == nil {
		err = d.validate(s.tree.payload)
	}
	if err != nil {
		return nil, err
	}
	return &DividedBundle{d, s, division}, nil
}

// Raw returns the division as the parts have it.
func (d *DividedBundle) Raw() []byte { return d.raw }

// Whole returns the bundle that is divided.
func (d *DividedBundle) Whole() *SignedBundle { return d.whole }

// Set identifies the parts of the bundle.
func (d *DividedBundle) Set() digest.Digest {
	return setID(d.whole.Digest(), d.whole.top.envelope, d.raw)
}

// Part returns the part with a number, ready to be written.
func (d *DividedBundle) Part(number int) *SignedBundle {
	s := *d.whole
	s.top.addPart(partLabel{number, digest.FromBytes(d.raw)}, d.raw, s.items, s.format)
	p := newPart(d.Division, number, "", s.tree.payload)
	s.tree.payload = p.FilesOf(number)
	s.ranges = make(map[digest.Digest]BlobRange, len(p.Ranges))
	for _, r := range p.Ranges {
		s.ranges[r.Digest] = r
	}
	return &s
}

// openRanges returns an Opener that also opens the ranges of a part.
func (s *SignedBundle) openRanges(open Opener) Opener {
	if len(s.ranges) == 0 {
		return open
	}
	return func(d digest.Digest) (io.ReadCloser, error) {
		r, ok := s.ranges[d]
		if !ok {
			return open(d)
		}
		f, err := open(r.Blob.Digest)
		if err != nil {
			return nil, err
		}
		if at, ok := f.(io.Seeker); ok {
			_, err = at.Seek(r.Offset, io.SeekStart)
		} else {
			_, err = io.CopyN(io.Discard, f, r.Offset)
		}
		if err != nil {
			return nil, errors.Join(err, f.Close())
		}
		return &rangeReader{io.LimitReader(f, r.Size), f}, nil
	}
}

// rangeReader reads a range of an open blob.
type rangeReader struct {
	io.Reader
	io.Closer
}
