package blob

import (
	"context"
	"io"
	"time"
)

// Reader reads the content of a blob, unverified. A blob in a folder is an *os.File, which a server sends with the sendfile system call.
type Reader interface {
	io.ReadSeekCloser
	io.ReaderAt
}

// NewReader returns the Reader of a blob of size bytes that can be read at any offset.
func NewReader(content interface {
	io.ReaderAt
	io.Closer
}, size int64) Reader {
	return struct {
		*io.SectionReader
		io.Closer
	}{io.NewSectionReader(content, 0, size), content}
}

// Section is a part of a Backend.
type Section string

// The sections of a Backend.
const (
	// Served has the blobs.
	Served Section = "sha256"
	// Damaged has the quarantine: damaged blobs, which no reader gets.
	Damaged Section = "quarantine"
)

// Backend keeps blobs under their digests: in a folder, or in the bucket of an object store (package s3). A blob is visible only as a whole.
// Several goroutines and processes may use one. Errors about a blob that is not there wrap [ErrNotFound], and no others do.
type Backend interface {
	// Prepare returns an error unless blobs can be written. It makes a missing bucket.
	Prepare(ctx context.Context) error
	// Stat describes a blob.
	Stat(ctx context.Context, dg Digest) (Info, error)
	// Open opens a blob for reading, and returns its size. The reader ends with ctx.
	Open(ctx context.Context, dg Digest) (Reader, int64, error)
	// Publish makes staged blobs visible, durably, and ends their staging. After an error, some may be visible, and the caller discards
	// the others.
	Publish(ctx context.Context, blobs []Publication) error
	// List calls fn for every blob of a section in the order of their digests, and stops at fn's first error.
	List(ctx context.Context, from Section, fn func(Info) error) error
	// Remove deletes a blob from a section.
	Remove(ctx context.Context, from Section, dg Digest) error
	// Quarantine moves a damaged blob out of service, durably, and returns its new place.
	Quarantine(ctx context.Context, dg Digest) (string, error)
	// CleanStaging removes the remains of writers that have ended. Remains from which a later writer can go on stay if they are not older
	// than before.
	CleanStaging(ctx context.Context, before time.Time) error
}

// Publication is a staged blob with the digest that its content was verified to have.
type Publication struct {
	*StagedBlob
	Digest Digest
}

// folder is a Dir as a Backend.
type folder struct{ *Dir }

// Prepare implements [Backend]. Opening a Dir has made its folder.
func (f folder) Prepare(context.Context) error { return nil }

// Stat implements [Backend].
func (f folder) Stat(_ context.Context, dg Digest) (Info, error) { return f.Info(dg) }

// Open implements [Backend].
func (f folder) Open(_ context.Context, dg Digest) (Reader, int64, error) {
	r, err := f.OpenBlob(dg)
	if err != nil {
		return nil, 0, err
	}
	info, err := r.Stat()
	if err != nil {
		r.Close()
		return nil, 0, blobError(dg, err)
	}
	return r, info.Size(), nil
}

// Publish implements [Backend].
func (f folder) Publish(_ context.Context, blobs []Publication) error { return f.commit(blobs) }

// List implements [Backend].
func (f folder) List(_ context.Context, from Section, fn func(Info) error) error {
	if from == Damaged {
		return f.listQuarantine(fn)
	}
	return f.Dir.List(fn)
}

// Remove implements [Backend].
func (f folder) Remove(_ context.Context, from Section, dg Digest) error {
	if from == Damaged {
		return f.removeQuarantined(dg)
	}
	return f.Dir.Remove(dg)
}

// Quarantine implements [Backend].
func (f folder) Quarantine(_ context.Context, dg Digest) (string, error) { return f.Dir.Quarantine(dg) }

// CleanStaging implements [Backend]. Nobody goes on from staged files.
func (f folder) CleanStaging(context.Context, time.Time) error { return f.Dir.CleanStaging() }
