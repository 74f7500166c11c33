package importer

import (
	"encoding/hex"
	"errors"
	"io"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"offlinestore/blob"
	"offlinestore/bundle"
)

// copyBlob stages a blob whose SHA3-384 nobody names.
func (s *Staging) copyBlob(st *blob.StagedBlob, r io.Reader, want *expectation) error {
	if len(want.verifiers) == 0 {
		st.SkipCache()
	}
	return s.copyAhead(st, r)
}

func (s *Staging) verifySHA3(desc ocispec.Descriptor, sha3 string) error {
	if sha3 != s.want[desc.Digest].sha3 {
		return &bundle.BlobError{Digest: desc.Digest, Title: desc.Annotations[ocispec.AnnotationTitle], Err: errSHA3384}
	}
	return nil
}

// verifyLater computes a blob's SHA3-384 and runs its verifiers while the next blobs are read.
func (s *Staging) verifyLater(res result, r io.ReaderAt, hash bool, verifiers []verifier) error {
	res.hashed = hash
	if len(verifiers) == 0 && !hash {
		return s.keepVerified(res)
	}
	s.addPending()
	if len(verifiers) == 0 {
		s.hash(res, r)
		return nil
	}
	go func() {
		s.verifying <- struct{}{}
		var errs []error
		for _, c := range verifiers {
			errs = append(errs, c(s.ctx, r, res.desc.Size))
		}
		<-s.verifying
		if res.err = errors.Join(errs...); res.err != nil || !hash {
			s.addResult(res)
			return
		}
		s.hash(res, r)
	}()
	return nil
}

func (s *Staging) hash(res result, r io.ReaderAt) {
	done := func(sum blob.Sum, err error) {
		res.sum, res.err = sum, err
		s.addResult(res)
	}
	err := s.im.Hasher.Submit(s.ctx, blob.Job{Reader: io.NewSectionReader(r, 0, res.desc.Size), Size: res.desc.Size, Done: done})
	if err != nil {
		done(blob.Sum{}, err)
	}
}

// hashWhileReading stages a blob while a worker hashes the bytes that are written. So a single large snap takes no longer than its hash.
func (s *Staging) hashWhileReading(desc ocispec.Descriptor, st *blob.StagedBlob, r io.Reader) error {
	h, err := s.follow(desc, st)
	if err != nil {
		return errors.Join(err, st.Discard())
	}
	if _, err := st.ReadFrom(r); err != nil {
		return errors.Join(err, h.drop())
	}
	h.end()
	return nil
}

// hashing is a blob that a worker hashes while it is written.
type hashing struct {
	s      *Staging
	res    result
	reader *blob.Follower
	done   chan struct{} // closed when the hash is in the result
}

// follow lets a worker hash a blob while it is written. The worker waits for the bytes, so the writer must not wait for other blobs.
func (s *Staging) follow(desc ocispec.Descriptor, st *blob.StagedBlob) (*hashing, error) {
	h := &hashing{s: s, res: result{desc: desc, staged: st, hashed: true}, reader: st.Follow(), done: make(chan struct{})}
	done := func(sum blob.Sum, err error) {
		h.res.sum, h.res.err = sum, err
		h.reader.Close()
		close(h.done)
	}
	if err := s.im.Hasher.Submit(s.ctx, blob.Job{Reader: h.reader, Size: desc.Size, Done: done}); err != nil {
		return nil, err
	}
	return h, nil
}

// end hands over the result for a blob that is written. The disk takes the rest of it while the worker still hashes, unless another place
// than the folder takes it.
func (h *hashing) end() {
	h.res.staged.EndFollow()
	h.s.addPending()
	go func() {
		if h.s.im.Blobs.AreInFolder() {
			h.reader.WriteBack()
		}
		<-h.done
		h.s.addResult(h.res)
	}()
}

// drop discards a blob that could not be written.
func (h *hashing) drop() error {
	h.res.staged.EndFollow()
	<-h.done
	return h.res.staged.Discard()
}

func (s *Staging) addPending() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pending++
}

// addResult hands over the result about a blob.
func (s *Staging) addResult(res result) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.results = append(s.results, res)
	s.pending--
	s.changed.Broadcast()
}

// collect processes the available results, and waits until at most max blobs are being hashed.
func (s *Staging) collect(max int) error {
	s.mu.Lock()
	for s.pending > max {
		s.changed.Wait()
	}
	results := s.results
	s.results = nil
	s.mu.Unlock()
	var errs []error
	for _, r := range results {
		errs = append(errs, s.keepVerified(r))
	}
	return errors.Join(errs...)
}

// keepVerified adds a verified blob to the batch, and records the error about a bad one.
func (s *Staging) keepVerified(r result) error {
	if r.close != nil {
		if err := r.close(); err != nil {
			return err
		}
	}
	err := r.err
	if err == nil && r.hashed {
		err = s.verifySHA3(r.desc, hex.EncodeToString(r.sum.SHA3_384[:]))
	}
	hard := err
	if isBadContent(err) {
		s.bad = append(s.bad, err)
		hard = nil
	}
	if r.staged == nil {
		return hard
	}
	if err != nil {
		return errors.Join(hard, r.staged.Discard())
	}
	return s.addBlob(r.staged, r.desc.Digest, r.desc.Size)
}

// isBadContent reports whether err is about the content of a blob. Then the next blobs may still be good.
func isBadContent(err error) bool {
	var damaged *bundle.BlobError
	var mismatch *bundle.MismatchError
	return errors.As(err, &damaged) || errors.As(err, &mismatch)
}
