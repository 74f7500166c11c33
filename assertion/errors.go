package assertion

import (
	"errors"
	"fmt"
)

var (
	// ErrNotFound reports that a Source does not have an assertion.
	ErrNotFound = errors.New("assertion not found")
	// ErrUntrustedRoot reports that the chain of signatures ends in a key that signs itself and is not a trusted root.
	ErrUntrustedRoot = errors.New("the chain of signatures does not end in a trusted root")
	// ErrBadSignature reports that the signature does not match the stated key and this content.
	ErrBadSignature = errors.New("bad signature")
	// ErrExpiredKey reports that the signing key has expired, or had expired when the assertion was issued.
	ErrExpiredKey = errors.New("signing key has expired")
	// ErrKeyNotYetValid reports that the signing key is not valid yet, or was not valid yet when the assertion was issued.
	ErrKeyNotYetValid = errors.New("signing key is not yet valid")
	// ErrWrongAuthority reports that the signing account may not issue the assertion.
	ErrWrongAuthority = errors.New("signed by an account without the authority")
	// ErrConstraints reports that the signing key was issued for other assertions than this one.
	ErrConstraints = errors.New("signing key's constraints do not allow the assertion")
	// ErrUnsupported reports an assertion of a type or format that can't be verified.
	ErrUnsupported = errors.New("not supported")
	// ErrMismatch reports that two assertions, or two headers of one, contradict each other.
	ErrMismatch = errors.New("contradiction")
)

// FormatError reports bytes that are not an assertion.
type FormatError struct {
	Type string // "" if unknown
	Err  error
}

func (e *FormatError) Error() string {
	if e.Type == "" {
		return fmt.Sprintf("decode assertion: %v", e.Err)
	}
	return fmt.Sprintf("decode %.60s assertion: %v", e.Type, e.Err)
}

// Unwrap returns the cause.
func (e *FormatError) Unwrap() error { return e.Err }

// VerifyError reports an assertion that was refused, and the reason.
type VerifyError struct {
	Ref Ref
	Err error
}

func (e *VerifyError) Error() string { return fmt.Sprintf("verify %s: %v", e.Ref, e.Err) }

// Unwrap returns the cause.
func (e *VerifyError) Unwrap() error { return e.Err }

// MissingError reports that the Source lacks an assertion that another one needs.
type MissingError struct {
	Ref      Ref
	NeededBy Ref
}

func (e *MissingError) Error() string {
	return fmt.Sprintf("verify %s: needs %s, which is missing", e.NeededBy, e.Ref)
}

// Unwrap returns ErrNotFound.
func (e *MissingError) Unwrap() error { return ErrNotFound }
