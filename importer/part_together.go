package importer

import (
	"context"
	"errors"
	"fmt"

	"offlinestore/blob"
	"offlinestore/bundle"
)

// errOtherPart means that somebody has replaced a file since it was planned.
var errOtherPart = errors.New("it was another part when it was planned")

// hasAll reports whether the files have all ranges of a blob.
func (set *partSet) hasAll(d *bundle.DividedBlob) bool {
	for i := range d.Ranges {
		if set.read[d.Ranges[i].Part] == nil {
			return false
		}
	}
	return true
}

// planTogether decides whether the files of a bundle of which no part is missing are read together. This pays if they have all ranges of a
// divided blob: the blob is written only once. Each of them must be readable again by itself, in case of damage.
func (b *Batch) planTogether(ctx context.Context, set *partSet) {
	set.read = make(map[int]*File)
	for _, f := range set.files {
		switch n := f.Part.Number; {
		case !f.Input.Rewindable():
			return
		case f.Part.Held || set.read[n] != nil:
			clear(f.missing)
		default:
			set.read[n] = f
		}
	}
	for i := range set.part.Divided {
		d := &set.part.Divided[i]
		if b.has(ctx, d.Digest, d.Size) || !set.hasAll(d) {
			continue
		}
		set.together = true
		for _, r := range d.Ranges {
			delete(set.read[r.Part].missing, r.Digest)
		}
	}
}

// stageLeader stages a bundle whose files are read together. If that fails, the parts are kept one by one, as if they had come on different
// days: so a damaged one costs only itself.
func (b *Batch) stageLeader(ctx context.Context, f *File) (*Staging, error) {
	set := f.Part.set
	var read int64
	s, err := b.stageTogether(ctx, f, func(n int64) {
		read += n
		b.count(n)
	})
	if err == nil || ctx.Err() != nil {
		return s, err
	}
	b.count(-read)
	set.together = false
	for _, c := range set.files {
		if !c.isCarrier() {
			continue
		}
		if !c.Part.Held {
			c.Err = b.keepPart(ctx, c)
		}
		b.reportPart(ctx, c)
	}
	return b.stageFile(ctx, f)
}

// count reports bytes that were read, or that are read again if n is negative.
func (b *Batch) count(n int64) {
	if b.Progress != nil {
		b.Progress(n)
	}
}

// keepPart verifies a part and keeps its blobs.
func (b *Batch) keepPart(ctx context.Context, f *File) error {
	s, err := b.stageFile(ctx, f)
	if err == nil {
		_, err = s.Wait()
	}
	if err == nil {
		err = b.recordPart(ctx, f)
	}
	return err
}

// stageTogether stages the files of a set as one bundle. It reads them in the order of their parts, in which the ranges of each blob come one
// after the other, too. All blobs are committed at the end.
func (b *Batch) stageTogether(ctx context.Context, f *File, progress func(int64)) (*Staging, error) {
	record := *f.Part.set.candidate.record
	record.Name = f.Name
	s, err := b.stage(ctx, &record)
	if err != nil {
		return nil, err
	}
	err = b.stageParts(ctx, f.Part.set, s, progress)
	err = errors.Join(err, s.dropJoins())
	if err == nil && len(s.bad) == 0 {
		err = s.flush()
	}
	if err != nil || len(s.bad) > 0 {
		_, werr := s.Wait()
		return nil, errors.Join(err, werr)
	}
	return s, nil
}

// stageParts reads the files of a set, then verifies the blobs that were here before. It stops at damage.
func (b *Batch) stageParts(ctx context.Context, set *partSet, s *Staging, progress func(int64)) error {
	s.joins = b.newJoins(ctx, set)
	var last *Opened
	for n := range set.part.Count {
		f := set.read[n+1]
		if f == nil {
			continue
		}
		o, err := b.openPart(ctx, f)
		if err != nil {
			return err
		}
		if last == nil {
			err = s.stageHead(o.Head)
		}
		s.expectRanges(o.Head.Part.Ranges)
		if err == nil {
			err = s.stagePayload(o, progress)
		}
		if err = errors.Join(err, o.Close()); err != nil || len(s.bad) > 0 {
			return err
		}
		last = o
	}
	if err := s.flush(); err != nil || len(s.bad) > 0 {
		return err
	}
	s.held = true
	if missing := set.part.Lacking(b.holder(ctx)); len(missing) > 0 {
		return errors.Join(fmt.Errorf("a blob of part %s is gone", listNumbers(missing)), b.storageErr())
	}
	return b.completeParts(ctx, last, s, set.read)
}

// openPart opens the file of a part.
func (b *Batch) openPart(ctx context.Context, f *File) (*Opened, error) {
	o, err := b.openFile(ctx, f)
	if err != nil {
		return nil, err
	}
	if p := o.Head.Part; p == nil || p.Set != f.Part.Set || p.Number != f.Part.Number {
		return nil, errors.Join(errOtherPart, o.Close())
	}
	return o, nil
}

// newJoins plans the joins of the blobs of which the files of a set have all ranges. The ranges of blobs that are here are not needed.
func (b *Batch) newJoins(ctx context.Context, set *partSet) joins {
	p := set.part
	js := joins{blobs: make(map[blob.Digest]*join), joined: make(map[blob.Digest]bool)}
	ranges, whole := make([][]*bundle.BlobRange, p.Count+1), make([]bool, p.Count+1)
	for i := range p.Divided {
		d := &p.Divided[i]
		if held := b.has(ctx, d.Digest, d.Size); held || set.hasAll(d) {
			js.blobs[d.Digest] = &join{blob: d, held: held}
		}
		for k := range d.Ranges {
			ranges[d.Ranges[k].Part] = append(ranges[d.Ranges[k].Part], &d.Ranges[k])
		}
	}
	for _, part := range p.Places {
		whole[part] = true
	}
	var before blob.Digest // the blob of the range before, or none after a whole blob
	for n := 1; n <= p.Count; n++ {
		if set.read[n] == nil {
			continue
		}
		if whole[n] {
			before = ""
		}
		for _, r := range ranges[n] {
			if j := js.blobs[r.Blob.Digest]; j != nil && before != r.Blob.Digest {
				j.follow = r.Number
			}
			before = r.Blob.Digest
		}
	}
	return js
}
