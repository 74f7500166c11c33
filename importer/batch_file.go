package importer

import (
	"context"
	"errors"
	"io"
	"os"

	"golang.org/x/sync/errgroup"

	"offlinestore/bundle"
	"offlinestore/catalog"
	"offlinestore/importer/canonical"
)

// maxOpen bounds the memory of the bundles that stay open between Plan and Run, in bytes. Run verifies the heads of others again.
const maxOpen = 16 << 20

// ErrUnsigned means that a file comes from the original store-admin, and that the batch does not accept unsigned files.
var ErrUnsigned = errors.New("an export of the original store-admin, which nobody has signed")

// UnsignedError means that a file of the original store-admin cannot be imported.
type UnsignedError struct{ Err error }

func (e *UnsignedError) Error() string { return e.Err.Error() }

func (e *UnsignedError) Unwrap() error { return e.Err }

// PipeError means that an input is no bundle, and cannot be read again to find out whether it is a file of the original store-admin.
type PipeError struct{ Err error }

func (e *PipeError) Error() string { return e.Err.Error() }

func (e *PipeError) Unwrap() error { return e.Err }

// readFiles reads the heads of all files, and all of the unsigned ones and of files of assertions. Several heads are read at once.
func (b *Batch) readFiles(ctx context.Context) {
	var heads errgroup.Group
	heads.SetLimit(readersAtOnce)
	defer heads.Wait() // each file has its error
	for _, f := range b.Files {
		if f.Err != nil || f.verified != nil {
			continue
		}
		if ctx.Err() != nil {
			return
		}
		read, err := b.way(f)
		switch {
		case err != nil:
			f.Err = err
		case read != nil:
			f.Err = read(ctx, f)
		case !f.Input.Rewindable():
			f.Err = b.readHead(ctx, f)
		default:
			heads.Go(func() error {
				f.Err = b.readHead(ctx, f)
				return nil
			})
		}
	}
}

// way returns the function that reads a file without a head, and nil for a bundle.
func (b *Batch) way(f *File) (read func(context.Context, *File) error, err error) {
	if ok, err := isAssertionFile(f.Input); err != nil || ok {
		return b.readAssertions, err
	}
	if ok, err := isSnaps(f.Input); err != nil || ok {
		return b.readSnaps, err
	}
	if original, err := isOriginal(f.Input); err != nil || original {
		return b.readUnsignedFile, err
	}
	return nil, nil
}

// readHead reads the head of a bundle.
func (b *Batch) readHead(ctx context.Context, f *File) error {
	o, err := b.openFile(ctx, f)
	if err != nil {
		if b.AllowUnsigned && !f.Input.Rewindable() && (errors.Is(err, bundle.ErrCorrupt) || errors.Is(err, bundle.ErrNotBundle)) {
			return &PipeError{err}
		}
		return err
	}
	f.warnings = o.Warnings
	f.Digest, f.Signer, f.Content, f.signedAt = o.Digest(), o.Signer.ID(), o.Content(), o.Predicate.Created
	if o.Head.Part == nil {
		f.candidate = b.Candidate(o)
	} else {
		b.addPart(f, o)
	}
	f.Payload, f.missing, f.increment = o.Head.PayloadSize(), b.missing(ctx, o.Head), o.increment()
	if b.PlanOnly || len(f.missing) == 0 { // perhaps nothing else will read the file
		f.length = o.reader.CheckLength()
	}
	if memory := o.reader.Memory(); b.openMemory.Add(memory) > maxOpen {
		b.openMemory.Add(-memory)
		if f.Input.Rewindable() {
			return o.Close()
		}
	}
	f.opened = o
	return nil
}

// openFile opens a bundle, or goes on where Plan has stopped.
func (b *Batch) openFile(ctx context.Context, f *File) (*Opened, error) {
	if o := f.opened; o != nil {
		f.opened = nil
		return o, nil
	}
	r, err := f.Input.Reader()
	if err != nil {
		return nil, err
	}
	return b.Open(ctx, f.Input.Name, r)
}

// isOriginal reports whether an input is a file of the original store-admin. It does not read an input that can be read only once.
func isOriginal(in *bundle.Input) (bool, error) {
	r, err := in.File()
	if err != nil || r == nil {
		return false, err
	}
	return canonical.IsExport(r)
}

// readUnsignedFile reads a file of the original store-admin. Such a file has no head, so all of it is staged.
func (b *Batch) readUnsignedFile(ctx context.Context, f *File) error {
	if !b.AllowUnsigned {
		return ErrUnsigned
	}
	r, err := f.Input.File()
	if err != nil {
		return err
	}
	f.Unsigned = true
	size := fileSize(r)
	progress, done := b.Reading(f, size)
	u, err := b.ReadUnsigned(ctx, f.Name, r, size, progress)
	done()
	if err != nil {
		return &UnsignedError{err}
	}
	for _, text := range u.Warnings {
		b.Warn(f, text)
	}
	f.Signer, f.Content, f.verified, f.candidate = catalog.Unsigned, u.Content(), u.Verified, u.Candidate()
	return nil
}

// fileSize returns the size of an open file, or 0. It asks the open file, because its name may no longer lead to it.
func fileSize(r io.Reader) int64 {
	if f, ok := r.(*os.File); ok {
		if info, err := f.Stat(); err == nil {
			return info.Size()
		}
	}
	return 0
}
