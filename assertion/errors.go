package assertion

import (
	"errors"
	"fmt"
)

var (
	// ErrNotFound is what a Source returns for an assertion that it does not have.
	ErrNotFound = errors.New("assertion not found")
	// ErrUntrustedRoot means that the chain of signatures ends in a key that signs itself and is not a trusted root.
	ErrUntrustedRoot = errors.New("the chain of signatures does not end in a trusted root")
	// ErrBadSignature means that the signature is not one by the stated key over this content.
	ErrBadSignature = errors.New("bad signature")
	// ErrExpiredKey means that the signing key is no longer valid, or was no longer when the assertion was issued.
	ErrExpiredKey = errors.New("signing key has expired")
	// ErrKeyNotYetValid means that the signing key is not valid yet, or was not yet when the assertion was issued.
	ErrKeyNotYetValid = errors.New("signing key is not yet valid")
	// ErrWrongAuthority means that the account that signed has no say in what the assertion states.
	ErrWrongAuthority = errors.New("signed by an account without the authority")
	// ErrConstraints means that the signing key was issued for other assertions than this one.
	ErrConstraints = errors.New("signing key's constraints do not allow the assertion")
	// ErrUnsupported means that the assertion is of a type or format that can't be verified.
	ErrUnsupported = errors.New("not supported")
	// ErrMismatch means that two assertions, or two headers of one, contradict each other.
	ErrMismatch = errors.New("contradiction")
)

// FormatError says that bytes are not an assertion.
type FormatError struct {
	Type string // "" when unknown
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

// VerifyError says which assertion was refused, and why.
type VerifyError struct {
	Ref Ref
	Err error
}

func (e *VerifyError) Error() string { return fmt.Sprintf("verify %s: %v", e.Ref, e.Err) }

// Unwrap returns the cause.
func (e *VerifyError) Unwrap() error { return e.Err }

// MissingError says that the Source lacks an assertion that another one needs.
type MissingError struct {
	Ref      Ref
	NeededBy Ref
}

func (e *MissingError) Error() string {
	return fmt.Sprintf("verify %s: needs %s, which is missing", e.NeededBy, e.Ref)
}

// Unwrap returns ErrNotFound.
func (e *MissingError) Unwrap() error { return ErrNotFound }
