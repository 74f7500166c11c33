package bundle

import (
	"errors"
	"fmt"
	"io"

	"github.com/opencontainers/go-digest"

	"offlinestore/blob"
)

// ErrCorrupt is in the chain of every error that says that the bytes are not those of a valid bundle.
var ErrCorrupt = errors.New("damaged or altered bundle")

// ErrNotBundle says that the input is something else altogether.
var ErrNotBundle = errors.New("not a bundle")

// ErrTooNew says that the bundle was written in a newer major version of the format.
var ErrTooNew = errors.New("bundle format too new")

// FormatError reports a bundle in a newer format. It is an ErrTooNew.
type FormatError struct {
	// Version is the format of the bundle, and Newest the newest one that this program reads.
	Version, Newest string
}

// Error names both formats.
func (e *FormatError) Error() string {
	return fmt.Sprintf("it is in format %s, this program reads up to %s: %v", e.Version, e.Newest, ErrTooNew)
}

// Unwrap returns ErrTooNew.
func (e *FormatError) Unwrap() error { return ErrTooNew }

// ErrRepacked means that the compression is not the one of the format. The files inside may be whole.
var ErrRepacked = errors.New("not compressed as the format demands")

// ErrLimit says that a bundle exceeds one of the limits of the format.
var ErrLimit = errors.New("over a limit of the bundle format")

// ErrBadSignature says that the signature is not one by the key that it names.
var ErrBadSignature = errors.New("bad signature")

// UnknownSignerError says that none of the trusted keys signed the bundle.
type UnknownSignerError struct {
	// KeyID is the fingerprint that the bundle names as its signer's.
	KeyID string
}

func (e *UnknownSignerError) Error() string {
	return fmt.Sprintf("signed by a key that is not trusted here: %s", e.KeyID)
}

// BlobError says which blob of the payload is damaged, and that the rest may still be read.
type BlobError struct {
	Digest digest.Digest
	// Title is the file that the blob is: jq_6.snap.
	Title string
	Err   error
}

func (e *BlobError) Error() string {
	var c *blob.CorruptError
	if errors.As(e.Err, &c) {
		return fmt.Sprintf("%s is damaged: %v (it should have the digest %s)", e.Title, c.Err, e.Digest)
	}
	return fmt.Sprintf("%s (%s) is damaged: %v", e.Title, e.Digest, e.Err)
}

func (e *BlobError) Unwrap() []error { return []error{e.Err, ErrCorrupt} }

// corruptError marks an error as being about the bundle's own bytes, without a word of its own: such errors nest.
type corruptError struct{ error }

func (e corruptError) Is(target error) bool { return target == ErrCorrupt }

func (e corruptError) Unwrap() error { return e.error }

// corrupt is an error about the bundle's own bytes.
func corrupt(format string, args ...any) error {
	return corruptError{fmt.Errorf(format, args...)}
}

// limit is an error about something of size n where at most limit is allowed.
func limit(what string, n, limit int64) error {
	return corrupt("%s: %d is not in the range of 1 to %d: %w", what, n, limit, ErrLimit)
}

var errCutOff = errors.New("the file ends too early: it was cut off, or is still being copied")

// readError is an error met while reading the part of the bundle that what names. Only the end of the input in the middle
// of something says that the bundle is damaged; a disk that fails, or a read that was called off, says nothing about it.
func readError(what string, err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return corrupt("%s: %w", what, errCutOff)
	}
	return fmt.Errorf("%s: %w", what, err)
}
