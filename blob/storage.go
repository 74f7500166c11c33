package blob

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"sync/atomic"
	"time"
)

// Storage keeps the blobs of a store of snaps and charms. New blobs are staged in a folder, and published in a [Backend]. It is safe for
// concurrent use.
type Storage struct {
	staging *Dir
	places  atomic.Pointer[Places]
}

// Places are the places of the blobs of a Storage.
type Places struct {
	// Backend has the blobs.
	Backend Backend
	// Former has blobs that were not moved to Backend yet; nil means that there are none. Clients get them from there.
	Former Backend
	// Cache has copies of blobs for clients; nil keeps none.
	Cache *Cache
	// Redirect sends clients to Backend itself; nil sends them the content.
	Redirect Presigner
}

// Presigner is a Backend that others can read from.
type Presigner interface {
	// Presign returns a URL by which anybody can read a blob for a time, by GET or HEAD. answer holds the wanted headers of the answer, as
	// S3 names them.
	Presign(ctx context.Context, method string, dg Digest, valid time.Duration, answer url.Values) (*url.URL, error)
}

// Backend returns the directory as a Backend.
func (d *Dir) Backend() Backend { return folder{d} }

// Storage returns a Storage that keeps its blobs in the directory.
func (d *Dir) Storage() *Storage { return d.StorageIn(Places{Backend: d.Backend()}) }

// StorageIn returns a Storage that stages blobs in the directory, and keeps them in other places.
func (d *Dir) StorageIn(p Places) *Storage {
	s := &Storage{staging: d}
	s.places.Store(&p)
	return s
}

// SetPlaces changes the places of the blobs while the Storage is used, and returns the places before. Readers and batches that were begun keep
// those.
func (s *Storage) SetPlaces(p Places) Places { return *s.places.Swap(&p) }

func (s *Storage) backend() Backend { return s.places.Load().Backend }

// Prepare returns an error unless blobs can be written.
func (s *Storage) Prepare(ctx context.Context) error { return s.backend().Prepare(ctx) }

// AreInFolder reports whether the blobs stay in the folder in which they are staged.
func (s *Storage) AreInFolder() bool {
	f, ok := s.backend().(folder)
	return ok && f.Dir == s.staging
}

// Stage reserves space in the staging folder for a blob of that size. The error is a *[NoSpaceError] if there is not enough.
func (s *Storage) Stage(size int64) (*StagedBlob, error) { return s.staging.Stage(size) }

// NewBatch starts an empty batch.
func (s *Storage) NewBatch() *Batch { return &Batch{to: s.backend()} }

// Info describes a blob. The error wraps [ErrNotFound] if there is none.
func (s *Storage) Info(ctx context.Context, dg Digest) (Info, error) {
	return s.backend().Stat(ctx, dg)
}

// Has reports whether a blob of that size is here.
func (s *Storage) Has(ctx context.Context, dg Digest, size int64) (bool, error) {
	info, err := s.Info(ctx, dg)
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	return err == nil && info.Size == size, err
}

// Open opens a blob for reading, and returns its size. The content is not verified: see [NewVerifyReader]. The error wraps [ErrNotFound] if
// there is no such blob. The reader ends with ctx.
func (s *Storage) Open(ctx context.Context, dg Digest) (Reader, int64, error) {
	return s.backend().Open(ctx, dg)
}

// OpenSized opens a blob for a client, from the nearest place that has it. It returns an error if the blob does not have size bytes. A server
// that sends such a blob would let its client find out only at the end, and the client would try again.
func (s *Storage) OpenSized(ctx context.Context, dg Digest, size int64) (Reader, error) {
	p := s.places.Load()
	var r Reader
	var n int64
	var err error
	if p.Cache != nil {
		r, n, err = p.Cache.Open(ctx, p.Backend, dg, size)
	} else {
		r, n, err = p.Backend.Open(ctx, dg)
	}
	if err != nil && p.Former != nil {
		var elsewhere error
		if r, n, elsewhere = p.Former.Open(ctx, dg); elsewhere == nil || errors.Is(err, ErrNotFound) {
			err = elsewhere
		}
	}
	if err != nil {
		return nil, err
	}
	if n != size {
		return nil, errors.Join(fmt.Errorf("blob %s: %d bytes, want %d", dg, n, size), r.Close())
	}
	return r, nil
}

// URL returns a URL at which a client gets a blob for a time, or nil if the client gets the content itself. answer has the wanted headers of the
// answer, as S3 names them.
func (s *Storage) URL(ctx context.Context, method string, dg Digest, size int64, valid time.Duration, answer url.Values) (*url.URL, error) {
	p := s.places.Load()
	if p.Redirect == nil {
		return nil, nil
	}
	info, err := p.Backend.Stat(ctx, dg)
	if err != nil || info.Size != size {
		return nil, nil // opening the blob tells why, or finds it elsewhere
	}
	return p.Redirect.Presign(ctx, method, dg, valid, answer)
}

// List calls fn for every blob in the order of their digests, and stops at fn's first error.
func (s *Storage) List(ctx context.Context, fn func(Info) error) error {
	return s.backend().List(ctx, Served, fn)
}

// Remove deletes a blob. The error wraps [ErrNotFound] if there is none.
func (s *Storage) Remove(ctx context.Context, dg Digest) error {
	p := s.places.Load()
	if p.Cache != nil {
		p.Cache.Forget(dg)
	}
	return p.Backend.Remove(ctx, Served, dg)
}

// Quarantine moves a damaged blob out of service, durably, and returns its new place for inspection.
func (s *Storage) Quarantine(ctx context.Context, dg Digest) (string, error) {
	return s.backend().Quarantine(ctx, dg)
}

// Quarantined returns the number of damaged blobs that are kept for inspection.
func (s *Storage) Quarantined(ctx context.Context) (blobs int, err error) {
	err = s.backend().List(ctx, Damaged, func(Info) error { blobs++; return nil })
	return blobs, err
}

// EmptyQuarantine removes all damaged blobs.
func (s *Storage) EmptyQuarantine(ctx context.Context) error {
	to := s.backend()
	return to.List(ctx, Damaged, func(i Info) error {
		if err := to.Remove(ctx, Damaged, i.Digest); err != nil && !errors.Is(err, ErrNotFound) {
			return err
		}
		return nil
	})
}

// CleanStaging removes the remains of processes that have ended. Remains from which a later push can go on stay if they are not older than
// before.
func (s *Storage) CleanStaging(ctx context.Context, before time.Time) error {
	err := s.staging.CleanStaging()
	if _, ok := s.backend().(folder); !ok {
		err = errors.Join(err, s.backend().CleanStaging(ctx, before))
	}
	return err
}

// SyncNames makes sure that blobs which another process has published survive a loss of power.
func (s *Storage) SyncNames() error {
	if f, ok := s.backend().(folder); ok {
		return f.SyncNames()
	}
	return nil // others publish durably
}

// Space returns the number of bytes that the file system of the staging folder can still hold, and its size.
func (s *Storage) Space() (free, size int64, err error) { return s.staging.Space() }

// Close removes staged blobs that were not committed, and ends the copies for the cache.
func (s *Storage) Close() error {
	err := s.staging.Close()
	if c := s.places.Load().Cache; c != nil {
		err = errors.Join(err, c.Close())
	}
	return err
}
