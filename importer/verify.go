package importer

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"sync"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"offlinestore/blob"
	"offlinestore/bundle"
	"offlinestore/store"
)

// Verified blobs are committed in batches of this many bytes or blobs: what is committed need not be copied again after
// an interruption, and each batch costs the disk a few flushes.
const (
	batchBytes = 512 << 20
	batchBlobs = 32
	// maxStaged bounds the blobs that wait to be hashed, each of which holds a file open.
	maxStaged = 64
)

var errSHA3384 = errors.New("another SHA3-384 than its assertion names")

// Staging is a bundle of which every byte was read and has the SHA-256 that it should; the SHA3-384 that assertions name
// is perhaps still being computed.
type Staging struct {
	im     *Importer
	ctx    context.Context
	record *store.Import
	want   map[blob.Digest]string // SHA3-384 in hex, as the assertions name it
	known  map[blob.Digest]string

	mu      sync.Mutex
	changed sync.Cond
	pending int
	results []result

	batch      *blob.Batch
	batchBytes int64
	bad        []error
}

// result is a blob whose SHA3-384 is known. staged is nil if the blob folder held it before.
type result struct {
	desc   ocispec.Descriptor
	staged *blob.Staged
	close  func() error
	sum    blob.Sum
	err    error
}

// Verify reads the payload: new blobs into staging, while workers hash what has been staged. Wait ends it. progress, which
// may be nil, is told of each byte read. When something is wrong, what was verified until then is kept for the next try.
func (im *Importer) Verify(ctx context.Context, o *Opened, progress func(int64)) (*Staging, error) {
	if err := im.check(o); err != nil {
		return nil, err
	}
	s := &Staging{im: im, ctx: ctx, record: im.record(o), want: make(map[blob.Digest]string), batch: im.Blobs.NewBatch()}
	s.changed.L = &s.mu
	for _, b := range s.record.Blobs {
		s.want[b.Digest] = b.SHA3384
	}
	var err error
	if s.known, err = im.Store.BlobSums(ctx, s.record.Blobs); err != nil {
		return nil, err
	}
	if err := s.icons(o); err != nil {
		return nil, err
	}
	if err := s.payload(o, progress); err != nil {
		_, werr := s.Wait()
		return nil, errors.Join(err, werr)
	}
	return s, nil
}

// icons stages the icons, which came with the head and were verified with it.
func (s *Staging) icons(o *Opened) error {
	for _, sn := range o.Head.Snaps {
		ic := icon(sn)
		if ic == nil || s.im.has(ic.Blob, ic.Size) {
			continue
		}
		st, err := s.im.Blobs.Stage(ic.Size)
		if err != nil {
			return err
		}
		if _, err := st.Write(sn.Icon.Data); err != nil {
			return errors.Join(err, st.Discard())
		}
		if err := s.add(st, ic.Blob, ic.Size); err != nil {
			return err
		}
	}
	return nil
}

func (s *Staging) payload(o *Opened, progress func(int64)) error {
	for n := 0; ; n++ {
		desc, r, err := o.reader.Next()
		if errors.Is(err, io.EOF) || n == len(o.Head.Payload) && len(s.bad) > 0 {
			return nil // a checksum over the whole file says no more than which blob is damaged
		}
		if err == nil {
			err = s.blob(desc, &watched{s.ctx, r, progress})
		}
		var damaged *bundle.BlobError
		if errors.As(err, &damaged) {
			s.bad = append(s.bad, err) // the next ones may be good
		} else if err != nil {
			return err
		}
		if err := s.collect(maxStaged); err != nil {
			return err
		}
	}
}

// blob reads one blob, stages it unless it is held, and has its SHA3-384 computed unless the catalogue knows it.
func (s *Staging) blob(desc ocispec.Descriptor, r io.Reader) error {
	if s.im.has(desc.Digest, desc.Size) {
		if _, err := io.CopyBuffer(io.Discard, r, make([]byte, 256<<10)); err != nil {
			return err
		}
		if sum, ok := s.known[desc.Digest]; ok {
			return s.judge(desc, sum)
		}
		f, err := s.im.Blobs.OpenBlob(desc.Digest)
		if err != nil {
			return err
		}
		return s.hash(result{desc: desc, close: f.Close}, f)
	}
	st, err := s.im.Blobs.Stage(desc.Size)
	if err != nil {
		return err
	}
	if _, err := st.ReadFrom(r); err != nil {
		return errors.Join(err, st.Discard())
	}
	return s.hash(result{desc: desc, staged: st}, io.NewSectionReader(st, 0, desc.Size))
}

func (s *Staging) judge(desc ocispec.Descriptor, sha3 string) error {
	if sha3 != s.want[desc.Digest] {
		return &bundle.BlobError{Digest: desc.Digest, Title: desc.Annotations[ocispec.AnnotationTitle], Err: errSHA3384}
	}
	return nil
}

func (s *Staging) hash(res result, r io.Reader) error {
	s.mu.Lock()
	s.pending++
	s.mu.Unlock()
	done := func(sum blob.Sum, err error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		res.sum, res.err = sum, err
		s.results = append(s.results, res)
		s.pending--
		s.changed.Broadcast()
	}
	err := s.im.Hasher.Submit(s.ctx, blob.Job{Reader: r, Size: res.desc.Size, Done: done})
	if err != nil {
		done(blob.Sum{}, err)
	}
	return nil
}

// collect takes the results that are there, and waits until at most max blobs are being hashed.
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
		errs = append(errs, s.take(r))
	}
	return errors.Join(errs...)
}

// take keeps a blob that is what it should be, and names one that is not.
func (s *Staging) take(r result) error {
	if r.close != nil {
		if err := r.close(); err != nil {
			return err
		}
	}
	err := r.err
	if err == nil {
		if err = s.judge(r.desc, hex.EncodeToString(r.sum.SHA3_384[:])); err != nil {
			s.bad = append(s.bad, err)
		}
	}
	if r.staged == nil {
		return r.err
	}
	if err != nil {
		return errors.Join(r.err, r.staged.Discard())
	}
	return s.add(r.staged, r.desc.Digest, r.desc.Size)
}

func (s *Staging) add(st *blob.Staged, d blob.Digest, size int64) error {
	s.batch.Add(st, d)
	if s.batchBytes += size; s.batchBytes < batchBytes && s.batch.Len() < batchBlobs {
		return nil
	}
	s.batchBytes = 0
	return s.batch.Sync()
}

// Wait waits for the hashes and commits what is good. The value that it returns is what Apply asks for.
func (s *Staging) Wait() (*Verified, error) {
	err := s.collect(0)
	if serr := s.batch.Sync(); serr != nil {
		err = errors.Join(err, serr)
	}
	if err = errors.Join(append(s.bad, err)...); err != nil {
		return nil, err
	}
	if cause := context.Cause(s.ctx); cause != nil {
		return nil, cause
	}
	for _, b := range s.record.Blobs {
		if !s.im.has(b.Digest, b.Size) {
			return nil, fmt.Errorf("blob %s is not in the store after all", b.Digest)
		}
	}
	return &Verified{s.record}, nil
}

// watched tells of the bytes that pass, and stops when the user wants to.
type watched struct {
	ctx      context.Context
	r        io.Reader
	progress func(int64)
}

func (w *watched) Read(p []byte) (int, error) {
	if err := context.Cause(w.ctx); err != nil {
		return 0, err
	}
	n, err := w.r.Read(p)
	if w.progress != nil && n > 0 {
		w.progress(int64(n))
	}
	return n, err
}
