package bundle

import (
	"errors"
	"fmt"
	"io"

	"github.com/opencontainers/go-digest"

	"offlinestore/blob"
)

// ErrCorrupt reports bytes that are not a valid bundle. Every error about them wraps it.
var ErrCorrupt = errors.New("damaged or altered bundle")

// ErrNotBundle reports an input that is no bundle at all.
var ErrNotBundle = errors.New("not a bundle")

// ErrGone reports a layout whose folder is not there any more, as when its disk was removed. It tells nothing about the bundle.
var ErrGone = errors.New("its folder is gone")

// ErrTooNew reports a bundle in a newer major version of the format.
var ErrTooNew = errors.New("bundle format too new")

// FormatError reports a bundle in a newer format. It wraps ErrTooNew.
type FormatError struct {
	// Version is the format of the bundle, and Newest the newest one that this program reads.
	Version, Newest string
}

// Error returns a text that names both formats.
func (e *FormatError) Error() string {
	return fmt.Sprintf("it is in format %s, this program reads up to %s: %v", e.Version, e.Newest, ErrTooNew)
}

// Unwrap returns ErrTooNew.
func (e *FormatError) Unwrap() error { return ErrTooNew }

// ErrRepacked reports a compression other than the format's own. The files inside may be intact.
var ErrRepacked = errors.New("not compressed as the format demands")

// ErrLimit reports a bundle that exceeds one of the limits of the format.
var ErrLimit = errors.New("over a limit of the bundle format")

// ErrBadSignature reports a signature that does not match the key that it names.
var ErrBadSignature = errors.New("bad signature")

// UnknownSignerError reports a bundle that no trusted key signed.
type UnknownSignerError struct {
	// KeyID is the signer's fingerprint according to the bundle.
	KeyID string
}

func (e *UnknownSignerError) Error() string {
	return fmt.Sprintf("signed by a key that is not trusted here: %s", e.KeyID)
}

// BlobError reports a damaged blob of the payload. The other blobs may still be read.
type BlobError struct {
	Digest digest.Digest
	// Title is the name of the blob's file: jq_6.snap.
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

// corruptError marks an error as being about the bundle's own bytes. It adds no text of its own, because such errors nest.
type corruptError struct{ error }

func (e corruptError) Is(target error) bool { return target == ErrCorrupt }

func (e corruptError) Unwrap() error { return e.error }

// corrupt returns an error about the bundle's own bytes.
func corrupt(format string, args ...any) error {
	return corruptError{fmt.Errorf(format, args...)}
}

// limit returns an error about a part of size n that exceeds limit.
func limit(what string, n, limit int64) error {
	return corrupt("%s: %d is not in the range of 1 to %d: %w", what, n, limit, ErrLimit)
}

var errCutOff = errors.New("the file ends too early: it was cut off, or is still being copied")

// readError returns an error met while reading a part of the bundle, which the argument what names. Only an early end of the
// input means that the bundle is damaged. A failing disk or a cancelled read does not.
func readError(what string, err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return corrupt("%s: %w", what, errCutOff)
	}
	return fmt.Errorf("%s: %w", what, err)
}
