package importer

import (
	"context"
	"errors"
	"fmt"
	"io"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"offlinestore/blob"
	"offlinestore/bundle"
	"offlinestore/catalog"
)

// limitToPart limits a staging to the files of a part.
func (s *Staging) limitToPart(h *bundle.Head) {
	s.isPart, s.needless = true, make(map[blob.Digest]bool)
	record := *s.record
	record.Blobs = keptBlobs(h)
	for _, d := range h.Payload {
		record.Blobs = append(record.Blobs, catalog.Blob{Digest: d.Digest, Size: d.Size})
	}
	for _, r := range h.Part.Ranges {
		if s.im.has(s.ctx, r.Blob.Digest, r.Blob.Size) {
			s.needless[r.Digest] = true
			continue
		}
		record.Blobs = append(record.Blobs, catalog.Blob{Digest: r.Digest, Size: r.Size})
	}
	s.record = &record
	s.expectRanges(h.Part.Ranges)
}

// expectRanges lets ranges be staged. The whole blob is verified once it is there.
func (s *Staging) expectRanges(list []bundle.BlobRange) {
	for i := range list {
		if d := list[i].Digest; s.want[d] == nil {
			s.want[d] = &expectation{}
		}
	}
}

// stagePart stages the file of a part by itself. With a leader, it joins the parts.
func (b *Batch) stagePart(ctx context.Context, f *File) (*Staging, error) {
	o, err := b.openPart(ctx, f)
	if err != nil {
		return nil, err
	}
	defer o.Close()
	s, err := b.Verify(ctx, o, b.Progress)
	if err != nil || f.isCarrier() {
		return s, err
	}
	if err := b.joinParts(ctx, f, o, s); err != nil {
		_, werr := s.Wait()
		return nil, errors.Join(err, werr)
	}
	return s, nil
}

// joinParts makes the staging of a leader the one of the whole bundle, if all parts are there. Else it sets the missing ones.
func (b *Batch) joinParts(ctx context.Context, f *File, o *Opened, s *Staging) error {
	if err := s.flush(); err != nil || len(s.bad) > 0 {
		return err
	}
	if !f.Part.Held {
		if err := b.recordPart(ctx, f); err != nil {
			return err
		}
	}
	if f.Part.Missing = o.Head.Part.Lacking(b.holder(ctx)); len(f.Part.Missing) > 0 {
		return b.storageErr()
	}
	s.record, s.isPart, s.needless, s.held = b.record(o), false, nil, true
	return b.completeParts(ctx, o, s, nil)
}

// completeParts verifies the blobs of a bundle that were here before the parts which the staging has read, and joins the ranges that are here.
func (b *Batch) completeParts(ctx context.Context, o *Opened, s *Staging, read map[int]*File) error {
	if err := s.verifyExpected(o); err != nil {
		return err
	}
	p := o.Head.Part
	verified, err := b.verifiedInSet(ctx, p)
	if err != nil {
		return err
	}
	for i, d := range p.Blobs {
		if part := p.Places[i]; part != 0 && read[part] == nil && !verified[d.Digest] {
			if err := s.verifyHeld(d, s.want[d.Digest]); err != nil {
				return err
			}
		}
		if err := s.collect(maxStaged); err != nil {
			return err
		}
	}
	return s.joinBlobs(p)
}

// verifiedInSet returns the blobs that were verified when they arrived with a part of the same set.
func (b *Batch) verifiedInSet(ctx context.Context, p *bundle.Part) (map[blob.Digest]bool, error) {
	sets, err := b.Store.PartSets(ctx)
	verified := make(map[blob.Digest]bool)
	for i := range sets {
		if sets[i].ID != p.Set {
			continue
		}
		for _, arrived := range sets[i].Arrived {
			for _, d := range arrived.Blobs {
				verified[d.Digest] = true
			}
		}
	}
	return verified, err
}

// joinBlobs joins the ranges of divided blobs.
func (s *Staging) joinBlobs(p *bundle.Part) error {
	for i := range p.Divided {
		d := &p.Divided[i]
		if s.joins.joined[d.Digest] {
			continue
		}
		if s.im.has(s.ctx, d.Digest, d.Size) {
			if err := s.verifyHeld(d.Descriptor, s.want[d.Digest]); err != nil {
				return err
			}
			continue
		}
		r := &joiner{ctx: s.ctx, blobs: s.im.Blobs, ranges: d.Ranges}
		err := s.stageBlob(d.Descriptor, blob.NewMeter(s.ctx, blob.NewVerifyReader(r, d.Digest, d.Size), nil))
		err = errors.Join(explainJoin(d, err), r.Close())
		if isBadContent(err) {
			s.bad = append(s.bad, err)
		} else if err != nil {
			return err
		}
		if err := s.collect(maxStaged); err != nil {
			return err
		}
	}
	return nil
}

// explainJoin names the parts whose ranges do not make a blob.
func explainJoin(d *bundle.DividedBlob, err error) error {
	if _, ok := errors.AsType[*blob.CorruptError](err); ok {
		return joinError(d)
	}
	return err
}

// joinError returns the error about ranges that do not make a blob. Each range may have the digest that the division names for it. Nobody has signed
// the division, so only the whole blob shows that it is wrong.
func joinError(d *bundle.DividedBlob) error {
	var parts []int
	for _, r := range d.Ranges {
		parts = append(parts, r.Part)
	}
	return &bundle.BlobError{Digest: d.Digest, Title: d.Annotations[ocispec.AnnotationTitle], Err: &JoinError{parts}}
}

// JoinError reports ranges that do not make the blob that the signed bundle index names.
type JoinError struct {
	// Parts have the ranges.
	Parts []int
}

// Error names the parts.
func (e *JoinError) Error() string {
	return fmt.Sprintf("its ranges in parts %s do not make it", listNumbers(e.Parts))
}

// joiner reads the ranges of a blob, one after the other.
type joiner struct {
	ctx    context.Context
	blobs  *blob.Storage
	ranges []bundle.BlobRange
	next   int
	open   io.ReadCloser
}

// Read implements [io.Reader].
func (j *joiner) Read(p []byte) (int, error) {
	for {
		if j.open == nil {
			if j.next == len(j.ranges) {
				return 0, io.EOF
			}
			f, err := j.blobs.OpenSized(j.ctx, j.ranges[j.next].Digest, j.ranges[j.next].Size)
			if err != nil {
				return 0, err
			}
			j.open = f
			j.next++
		}
		n, err := j.open.Read(p)
		if !errors.Is(err, io.EOF) {
			return n, err
		}
		if err := j.Close(); err != nil || n > 0 {
			return n, err
		}
	}
}

// Close closes the range that is being read.
func (j *joiner) Close() error {
	if j.open == nil {
		return nil
	}
	f := j.open
	j.open = nil
	return f.Close()
}

// listNumbers returns numbers in a text: "2, 3 and 5".
func listNumbers(numbers []int) string {
	var text string
	for i, n := range numbers {
		switch {
		case i == 0:
		case i == len(numbers)-1:
			text += " and "
		default:
			text += ", "
		}
		text += fmt.Sprint(n)
	}
	return text
}
