package importer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"sync"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"offlinestore/blob"
	"offlinestore/bundle"
	"offlinestore/catalog"
)

// Verified blobs are committed in batches of this many bytes or blobs. Committed blobs need not be copied again after an interruption, and
// each batch costs the disk a few flushes.
const (
	batchBytes = 512 << 20
	batchBlobs = 32
	// followSize is the size in bytes from which hashing a blob begins before its last byte is read.
	followSize = 1 << 20
	// maxStaged bounds the blobs that wait to be hashed, since each of them holds a file open.
	maxStaged = 64
)

var errSHA3384 = errors.New("another SHA3-384 than its assertion names")

// Staging is a bundle of which every byte was read and has the right SHA-256. The SHA3-384 that assertions name may still be computed, and
// charms may still be verified.
type Staging struct {
	im        *Importer
	ctx       context.Context
	record    *catalog.Import
	want      map[blob.Digest]*expectation
	known     map[blob.Digest]string // SHA3-384 in hex
	verifying chan struct{}          // bounds the verifiers that run at once

	mu      sync.Mutex
	changed sync.Cond
	pending int
	results []result

	claimed   []blob.Digest // the blobs that no other file stages
	readAhead *readAhead    // nil until it is used
	// held reports that a blob was in the blob folder already. The push that put it there may have been killed before its name was on the
	// disk.
	held bool
	// isPart reports that the staging is one of a part, which cannot be applied. needless has the ranges of blobs that are here whole.
	isPart     bool
	needless   map[blob.Digest]bool
	joins      joins
	batch      *blob.Batch
	batchBytes int64
	commit     chan error // the result of the batch before, nil if there is none
	bad        []error
}

// result is a blob with the outcome of hashing and verifying it. staged is nil if the blob folder already held it.
type result struct {
	desc   ocispec.Descriptor
	staged *blob.StagedBlob
	close  func() error
	hashed bool
	sum    blob.Sum
	err    error
}

// Verify reads the payload. It stages new blobs while workers hash the staged ones. Wait ends it. Verify reports each byte read to
// progress, which may be nil. After an error, the blobs verified until then are kept for the next try.
func (im *Importer) Verify(ctx context.Context, o *Opened, progress func(int64)) (*Staging, error) {
	s, err := im.stage(ctx, im.record(o))
	if err != nil {
		return nil, err
	}
	if o.Head.Part != nil {
		s.limitToPart(o.Head)
	}
	if err = s.stageHead(o.Head); err == nil {
		err = s.stagePayload(o, progress)
	}
	if err == nil && o.Head.Part == nil {
		err = s.verifyExpected(o)
	}
	if err != nil {
		_, werr := s.Wait()
		return nil, errors.Join(err, werr)
	}
	return s, nil
}

func (im *Importer) stage(ctx context.Context, in *catalog.Import) (*Staging, error) {
	known, err := im.Store.BlobSums(ctx, in.Blobs)
	if err != nil {
		return nil, err
	}
	s := &Staging{im: im, ctx: ctx, record: in, want: expectations(in), known: known, verifying: make(chan struct{}, runtime.GOMAXPROCS(0)), batch: im.Blobs.NewBatch()}
	s.changed.L = &s.mu
	return s, nil
}

// stageHead stages the blobs that came with the head and were verified with it.
func (s *Staging) stageHead(h *bundle.Head) error {
	for _, b := range keptBlobs(h) {
		if s.im.has(s.ctx, b.Digest, b.Size) {
			s.held = true
			continue
		}
		data, _ := h.Small(b.Digest)
		if err := s.stageBytes(data, b.Digest); err != nil {
			return err
		}
	}
	return nil
}

// stageBytes stages a small blob.
func (s *Staging) stageBytes(data []byte, d blob.Digest) error {
	st, err := s.im.Blobs.Stage(int64(len(data)))
	if err != nil {
		return err
	}
	if _, err := st.Write(data); err != nil {
		return errors.Join(err, st.Discard())
	}
	return s.addBlob(st, d, int64(len(data)))
}

func (s *Staging) stagePayload(o *Opened, progress func(int64)) error {
	for n := 0; ; n++ {
		err := s.stageNext(o, n, progress)
		if err == io.EOF || n == o.Head.Len() && len(s.bad) > 0 {
			return nil // a checksum over the whole file adds nothing, since the damaged blob is known
		}
		if isBadContent(err) {
			s.bad = append(s.bad, err)
		} else if err != nil {
			return err
		}
		if s.joins.following {
			continue
		}
		if err := s.collect(maxStaged); err != nil {
			return err
		}
	}
}

// stageBlob reads one blob, stages it unless the blob folder holds it, and starts to verify it.
func (s *Staging) stageBlob(desc ocispec.Descriptor, r io.Reader) error {
	if s.needless[desc.Digest] {
		_, err := io.CopyBuffer(io.Discard, r, make([]byte, 256<<10))
		return err
	}
	want := s.want[desc.Digest]
	stage, err := s.claim(desc.Digest, desc.Size)
	if err != nil {
		return err
	}
	if !stage {
		s.held = true
		if _, err := io.CopyBuffer(io.Discard, r, make([]byte, 256<<10)); err != nil {
			return err
		}
		return s.verifyHeld(desc, want)
	}
	st, err := s.im.Blobs.Stage(desc.Size)
	if err != nil {
		return err
	}
	switch {
	case want.sha3 == "":
		err = s.copyBlob(st, r, want)
	case desc.Size >= followSize && len(want.verifiers) == 0:
		return s.hashWhileReading(desc, st, r)
	default:
		_, err = st.ReadFrom(r) // other processors hash earlier blobs
	}
	if err != nil {
		return errors.Join(err, st.Discard())
	}
	return s.verifyLater(result{desc: desc, staged: st}, st, want.sha3 != "", want.verifiers)
}

// verifyHeld verifies a blob that the blob folder already held, unless the catalogue knows it to be right.
func (s *Staging) verifyHeld(desc ocispec.Descriptor, want *expectation) error {
	hash := want.sha3 != ""
	if sum, ok := s.known[desc.Digest]; ok && hash {
		if err := s.verifySHA3(desc, sum); err != nil {
			return err
		}
		hash = false
	}
	if !hash && len(want.verifiers) == 0 {
		return nil
	}
	f, _, err := s.im.Blobs.Open(s.ctx, desc.Digest)
	if err != nil {
		return err
	}
	return s.verifyLater(result{desc: desc, close: f.Close}, f, hash, want.verifiers)
}

// addBlob adds a blob to the batch. A full batch is committed while the next one fills.
func (s *Staging) addBlob(st *blob.StagedBlob, d blob.Digest, size int64) error {
	s.batch.AddBlob(st, d)
	if s.batchBytes += size; s.batchBytes < batchBytes && s.batch.Len() < batchBlobs {
		return nil
	}
	err := s.waitCommit()
	full, done := s.batch, make(chan error, 1)
	s.batch, s.batchBytes, s.commit = s.im.Blobs.NewBatch(), 0, done
	go func() { done <- full.Sync(s.ctx) }()
	return err
}

// waitCommit waits for the batch that is being committed, if there is one.
func (s *Staging) waitCommit() error {
	if s.commit == nil {
		return nil
	}
	err := <-s.commit
	s.commit = nil
	return err
}

// settle waits for the hashes and for the batch before. Only the last batch is left to commit.
func (s *Staging) settle() error {
	s.readAhead = nil // frees its buffers
	return errors.Join(s.collect(0), s.waitCommit())
}

// release lets other files stage the blobs of this one that were not committed.
func (s *Staging) release() {
	s.batchBytes = 0
	s.im.claims.release(s.claimed)
	s.claimed = nil
}

// flush waits for the hashes, commits the good blobs, and lets other files stage the bad ones.
func (s *Staging) flush() error {
	err := errors.Join(s.settle(), s.batch.Sync(s.ctx))
	s.release()
	return err
}

// Wait waits for the hashes and commits the good blobs. It returns the value that Apply needs.
func (s *Staging) Wait() (*Verified, error) {
	err := errors.Join(s.settle(), s.batch.Sync(s.ctx))
	if s.held {
		err = errors.Join(err, s.im.Blobs.SyncNames())
	}
	return s.finish(err)
}

// finish ends the staging after the last batch. err is the error of settling or committing. It returns the value that Apply needs.
func (s *Staging) finish(err error) (*Verified, error) {
	s.release()
	if err = errors.Join(append(s.bad, err)...); err != nil {
		return nil, err
	}
	if cause := context.Cause(s.ctx); cause != nil {
		return nil, cause
	}
	for _, b := range s.record.Blobs {
		held, err := s.im.Blobs.Has(s.ctx, b.Digest, b.Size)
		if err != nil {
			return nil, err
		}
		if !held {
			return nil, fmt.Errorf("blob %s is not in the store after all", b.Digest)
		}
	}
	if s.isPart {
		return &Verified{}, nil
	}
	return &Verified{s.record}, nil
}
