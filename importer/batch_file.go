package importer

import (
	"context"
	"errors"
	"io"
	"os"

	"offlinestore/bundle"
	"offlinestore/catalog"
	"offlinestore/importer/canonical"
)

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

// readFile reads the head of a file, or all of an unsigned one or a file of assertions.
func (b *Batch) readFile(ctx context.Context, f *File) error {
	if ok, err := isAssertionFile(f.Input); err != nil || ok {
		if err == nil {
			err = b.readAssertions(ctx, f)
		}
		return err
	}
	original, err := isOriginal(f.Input)
	if err != nil {
		return err
	}
	if original {
		return b.readUnsignedFile(ctx, f)
	}
	o, err := b.openFile(ctx, f)
	if err != nil {
		if b.AllowUnsigned && !f.Input.Rewindable() && (errors.Is(err, bundle.ErrCorrupt) || errors.Is(err, bundle.ErrNotBundle)) {
			return &PipeError{err}
		}
		return err
	}
	for _, text := range o.Warnings {
		b.Warn(f, text)
	}
	f.Digest, f.Signer, f.Content, f.candidate = o.Digest(), o.Signer.ID(), o.Content(), b.Candidate(o)
	f.Payload, f.missing = o.Head.PayloadSize(), b.missing(o.Head)
	if f.Input.Rewindable() {
		return o.Close()
	}
	f.opened = o
	return nil
}

func (b *Batch) openFile(ctx context.Context, f *File) (*Opened, error) {
	if f.opened != nil {
		return f.opened, nil
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
	progress, done := b.ReadingUnsigned(f, fileSize(r))
	u, err := b.ReadUnsigned(ctx, f.Name, r, progress)
	done()
	if err != nil {
		return &UnsignedError{err}
	}
	for _, text := range u.Warnings {
		b.Warn(f, text)
	}
	f.Unsigned, f.Signer, f.Content, f.verified, f.candidate = true, catalog.Unsigned, u.Content(), u.Verified, u.Candidate()
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
