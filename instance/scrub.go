package instance

import (
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"offlinestore/audit"
	"offlinestore/blob"
	"offlinestore/catalog"
)

// DamagedBlob is a blob that differs from the catalogue's record of it, or that is missing.
type DamagedBlob struct {
	catalog.Blob
	// Problem is the damage.
	Problem error
	// MovedTo is its place in the quarantine. It is empty for a missing blob.
	MovedTo string
}

// ScrubOptions are the options of ListBlobs.
type ScrubOptions struct {
	Subset Subset
	// FromStart reads all blobs, even if an interrupted check has read some of them.
	FromStart bool
}

// BlobList is the list of blobs that the catalogue refers to. Its lock keeps gc out until Release.
type BlobList struct {
	in    *Instance
	blobs []catalog.Blob // sorted by digest
	// Size is the size of all blobs in bytes. Done and DoneSize count the ones that an interrupted check has read.
	Size     int64
	Done     int
	DoneSize int64
	// Release lets gc run again.
	Release func()

	path  string // of the state
	state scrubState
	// mu guards the following. read tells of each blob whether it was read, and prefix counts the first ones that were.
	mu     sync.Mutex
	read   []bool
	prefix int
	bad    []DamagedBlob
	saved  time.Time
	// stop ends the check.
	stop context.CancelCauseFunc
}

// ListBlobs lists the blobs that the catalogue refers to, and keeps gc from removing any.
func (in *Instance) ListBlobs(ctx context.Context, o ScrubOptions) (*BlobList, error) {
	release, err := in.Lock(ctx, false)
	if err != nil {
		return nil, err
	}
	blobs, err := in.Catalog.Blobs(ctx)
	if err != nil {
		release()
		return nil, err
	}
	blobs = slices.DeleteFunc(blobs, func(b catalog.Blob) bool { return !o.Subset.has(b.Digest) })
	slices.SortFunc(blobs, func(a, b catalog.Blob) int { return cmp.Compare(a.Digest, b.Digest) })
	l := &BlobList{in: in, blobs: blobs, Release: release, read: make([]bool, len(blobs)), path: filepath.Join(in.Dir.path(blobsFolder), scrubFile), saved: time.Now()}
	for _, b := range blobs {
		l.Size += b.Size
	}
	if state := readScrubState(l.path, o.Subset); state != nil && !o.FromStart {
		l.resume(ctx, state)
	} else {
		l.state = scrubState{Started: time.Now(), Subset: o.Subset.String()}
	}
	return l, nil
}

// resume takes over the results of an interrupted check.
func (l *BlobList) resume(ctx context.Context, state *scrubState) {
	l.state = *state
	damaged := make(map[blob.Digest]damageRow)
	for _, d := range state.Damaged {
		damaged[d.Digest] = d
	}
	for i, b := range l.blobs {
		d, bad := damaged[b.Digest]
		info, err := l.in.Blobs.Info(ctx, b.Digest)
		absent := errors.Is(err, blob.ErrNotFound)
		if bad = bad && absent; bad { // otherwise it was pushed again
			l.bad = append(l.bad, DamagedBlob{Blob: b, Problem: errors.New(d.Problem), MovedTo: d.MovedTo})
		}
		if bad || b.Digest <= state.Last && err == nil && info.Size == b.Size {
			l.read[i] = true
			l.Done++
			l.DoneSize += b.Size
		}
	}
	l.advance()
}

// advance counts the first blobs that were read. l.mu is held.
func (l *BlobList) advance() {
	for l.prefix < len(l.read) && l.read[l.prefix] {
		l.state.Last = l.blobs[l.prefix].Digest
		l.prefix++
	}
}

// Len returns the number of blobs.
func (l *BlobList) Len() int { return len(l.blobs) }

// Verify hashes every blob that is not done, and takes damaged ones out of service. It returns the damaged ones of an interrupted check,
// too. Progress gets the size of each blob after it was read. The error tells of blobs that could not be moved into the quarantine, or of
// the end of ctx. In the latter case, a later check continues there.
func (l *BlobList) Verify(ctx context.Context, progress func(bytes int64)) ([]DamagedBlob, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	l.stop = cancel
	l.hash(ctx, progress)
	errs := l.quarantineBad(ctx)
	slices.SortFunc(l.bad, func(a, b DamagedBlob) int { return cmp.Compare(a.Digest, b.Digest) })
	if ctx.Err() != nil {
		if errors.Join(errs...) == nil { // otherwise the next check must meet the bad blobs again
			l.advance()
		}
		l.save()
		return l.bad, context.Cause(ctx)
	}
	forgetScrub(l.path)
	errs = append(errs, l.in.scrubCache(ctx))
	return l.bad, errors.Join(errs...)
}

// quarantineBad takes the damaged blobs out of service. A blob that cannot be moved does not keep the others in service.
func (l *BlobList) quarantineBad(ctx context.Context) (errs []error) {
	intact := make(map[blob.Digest]bool)
	for i := range l.bad {
		b := &l.bad[i]
		switch {
		case b.MovedTo != "":
		case errors.Is(b.Problem, blob.ErrNotFound):
			b.Problem = errors.New("it is missing")
		default:
			err := l.quarantine(ctx, b)
			intact[b.Digest] = errors.Is(err, blob.ErrIntact)
			if err != nil {
				errs = append(errs, fmt.Errorf("blob %s (%w): %w", b.Digest, b.Problem, err))
			}
		}
	}
	l.bad = slices.DeleteFunc(l.bad, func(b DamagedBlob) bool { return intact[b.Digest] })
	return errs
}

// quarantine takes a damaged blob out of service, so that devices do not get it any more.
func (l *BlobList) quarantine(ctx context.Context, b *DamagedBlob) error {
	act := &audit.Act{What: "quarantine", Subject: b.Digest.String(), Before: map[string]string{"problem": b.Problem.Error()}}
	return l.in.Dir.record(act, func() (err error) {
		b.MovedTo, err = l.in.Blobs.Quarantine(ctx, b.Digest)
		return err
	})
}

// save keeps the state for a later check.
func (l *BlobList) save() {
	l.state.Damaged = nil
	for _, b := range l.bad {
		if b.MovedTo != "" {
			l.state.Damaged = append(l.state.Damaged, damageRow{b.Digest, b.Problem.Error(), b.MovedTo})
		}
	}
	if l.state.Last != "" {
		l.state.write(l.path)
	}
}

// saveInterval is the time between two saves, for the case that the process is killed.
const saveInterval = 20 * time.Second

// done records that a blob was read, or that it could not be.
func (l *BlobList) done(i int, problem error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.read[i] = true
	if problem != nil {
		l.bad = append(l.bad, DamagedBlob{Blob: l.blobs[i], Problem: problem})
	}
	// A blob whose damage is not recorded yet must be read again by the next check.
	if len(l.bad) == 0 || l.bad[len(l.bad)-1].MovedTo != "" {
		l.advance()
	}
	if time.Since(l.saved) > saveInterval {
		l.saved = time.Now()
		l.save()
	}
}

// isUnavailable ends the check if an error tells nothing about a blob, because the storage does not answer.
func (l *BlobList) isUnavailable(err error) bool {
	var unavailable *blob.UnavailableError
	is := errors.As(err, &unavailable)
	if is {
		l.stop(err)
	}
	return is
}

// hash reads the blobs. Blobs without a recorded SHA3-384 (icons, and the blobs of charms) need only the much faster SHA-256.
func (l *BlobList) hash(ctx context.Context, progress func(int64)) {
	hasher := blob.NewHasher(0)
	var readers errgroup.Group
	readers.SetLimit(runtime.GOMAXPROCS(0))
	for i, b := range l.blobs {
		if l.read[i] { // only resume has set it, and this loop visits each once
			continue
		}
		f, _, err := l.in.Blobs.Open(ctx, b.Digest)
		if l.isUnavailable(err) {
			break
		}
		if err != nil {
			l.done(i, err)
			continue
		}
		done := func(sum blob.Sum, err error) {
			f.Close() // only read from
			if l.isUnavailable(err) || err != nil && ctx.Err() != nil {
				return // not read to its end
			}
			progress(b.Size)
			l.done(i, errors.Join(err, compareSums(b, sum, err)))
		}
		if b.SHA3384 == "" {
			readers.Go(func() error {
				done(blob.Sum{}, blob.Copy(io.Discard, blob.NewMeter(ctx, f, nil), b.Digest, b.Size))
				return nil
			})
			continue
		}
		if err := hasher.Submit(ctx, blob.Job{Reader: f, Size: b.Size, SHA256: true, Done: done}); err != nil {
			done(blob.Sum{}, err)
		}
	}
	readers.Wait() // their errors are among the results
	hasher.Close()
}

func compareSums(b catalog.Blob, sum blob.Sum, err error) error {
	switch {
	case err != nil || b.SHA3384 == "":
		return nil
	case hex.EncodeToString(sum.SHA256[:]) != b.Digest.Encoded():
		return errors.New("its content has another SHA-256")
	case hex.EncodeToString(sum.SHA3_384[:]) != b.SHA3384:
		return errors.New("its content has another SHA3-384")
	}
	return nil
}
