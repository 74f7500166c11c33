package importer

import (
	"errors"
	"io"

	"offlinestore/blob"
	"offlinestore/bundle"
)

// maxJoins bounds the blobs that are joined at once, since each of them holds a file open. The ranges of further ones are kept, and joined later.
const maxJoins = 32

// join is a divided blob that is staged from the files of its parts, range by range.
type join struct {
	blob *bundle.DividedBlob
	// follow is the first range after which nothing comes between the ranges. From there on a worker hashes the bytes that are written,
	// which must not wait for other blobs.
	follow int
	// held reports that the blob is in the blob folder, so that its ranges are not needed.
	held   bool
	staged *blob.StagedBlob // nil before the first range
	sums   *blob.Sums
	hash   *hashing // nil while no worker hashes the blob
}

// joins are the joins of a staging.
type joins struct {
	blobs     map[blob.Digest]*join // empty unless the parts of a bundle are read together
	joined    map[blob.Digest]bool  // the blobs that were
	open      int                   // blobs of which some ranges were read
	following bool                  // a worker hashes the ranges that are read
}

// stageNext stages the nth file of the payload. It returns io.EOF after the last one.
func (s *Staging) stageNext(o *Opened, n int, progress func(int64)) error {
	next := o.reader.Next
	of, j, err := s.openJoin(o.Head, n)
	if err != nil {
		return err
	}
	if j != nil {
		next = o.reader.NextUnsafe
	}
	desc, r, err := next()
	if err != nil {
		return err
	}
	content := blob.NewMeter(s.ctx, r, progress)
	if j != nil {
		return s.stageRange(j, of, content)
	}
	return s.stageBlob(desc, content)
}

// openJoin returns the join of a range that comes next, or nil if the range is to be staged by itself.
func (s *Staging) openJoin(h *bundle.Head, n int) (*bundle.BlobRange, *join, error) {
	if n -= len(h.Payload); len(s.joins.blobs) == 0 || n < 0 || n >= len(h.Part.Ranges) {
		return nil, nil, nil
	}
	r := &h.Part.Ranges[n]
	j := s.joins.blobs[r.Blob.Digest]
	if j == nil || j.held || r.Number > 1 {
		return r, j, nil
	}
	if s.joins.open == maxJoins {
		delete(s.joins.blobs, r.Blob.Digest)
		return r, nil, nil
	}
	isNew, err := s.claim(r.Blob.Digest, r.Blob.Size)
	if j.held = !isNew; err != nil || j.held {
		return r, j, err
	}
	if j.staged, err = s.im.Blobs.Stage(r.Blob.Size); err != nil {
		return r, nil, err
	}
	s.joins.open++
	j.sums = blob.NewSums(blob.SHA256)
	if want := s.want[r.Blob.Digest]; want.sha3 == "" && len(want.verifiers) == 0 {
		j.staged.SkipCache()
	}
	return r, j, nil
}

// stageRange adds a range to its blob. The digest of the range does not matter if the blob has the right one.
func (s *Staging) stageRange(j *join, r *bundle.BlobRange, content io.Reader) error {
	if j.held {
		_, err := io.CopyBuffer(io.Discard, content, make([]byte, 256<<10))
		return err
	}
	want := s.want[r.Blob.Digest]
	if j.hash == nil && r.Number >= j.follow && want.sha3 != "" && len(want.verifiers) == 0 {
		var err error
		if j.hash, err = s.follow(r.Blob, j.staged); err != nil {
			return err
		}
		s.joins.following = true
	}
	content = io.TeeReader(content, j.sums)
	var err error
	if want.sha3 == "" {
		err = s.copyAhead(j.staged, content)
	} else {
		_, err = j.staged.ReadFrom(content)
	}
	if err != nil || r.Number < r.Count {
		return err
	}
	return s.endJoin(j, want)
}

// endJoin verifies a blob that is complete.
func (s *Staging) endJoin(j *join, want *expectation) error {
	d := j.blob
	if j.sums.Size() != d.Size || j.sums.Digest() != d.Digest {
		return errors.Join(joinError(d), s.dropJoin(j))
	}
	delete(s.joins.blobs, d.Digest)
	s.joins.open--
	s.joins.joined[d.Digest] = true
	if j.hash != nil {
		s.joins.following = false
		j.hash.end()
		return nil
	}
	return s.verifyLater(result{desc: d.Descriptor, staged: j.staged}, j.staged, want.sha3 != "", want.verifiers)
}

// dropJoins ends the joins of blobs of which a range did not come.
func (s *Staging) dropJoins() error {
	var errs []error
	for _, j := range s.joins.blobs {
		if j.staged != nil {
			errs = append(errs, s.dropJoin(j))
		}
	}
	return errors.Join(errs...)
}

func (s *Staging) dropJoin(j *join) error {
	delete(s.joins.blobs, j.blob.Digest)
	s.joins.open--
	if j.hash == nil {
		return j.staged.Discard()
	}
	s.joins.following = false
	return j.hash.drop()
}
