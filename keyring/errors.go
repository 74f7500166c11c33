package keyring

import (
	"fmt"
	"io/fs"
)

// NameError reports that a key can't have the name.
type NameError struct{ Name string }

func (e *NameError) Error() string {
	return fmt.Sprintf("key name %.80q: want up to 64 lower-case letters, digits, dots, dashes, and no name of a device of Windows", e.Name)
}

// MissingError reports that there is no key of that name. It is an [fs.ErrNotExist].
type MissingError struct {
	Name string
	Err  error
}

func (e *MissingError) Error() string { return fmt.Sprintf("no key %s: %v", e.Name, e.Err) }

func (e *MissingError) Unwrap() error { return e.Err }

// ExistsError reports that there is a key of that name. It is an [fs.ErrExist].
type ExistsError struct{ Name, Path string }

func (e *ExistsError) Error() string {
	return fmt.Sprintf("key %s is there already (%s): %v", e.Name, e.Path, fs.ErrExist)
}

// Unwrap returns [fs.ErrExist].
func (e *ExistsError) Unwrap() error { return fs.ErrExist }

// PermissionError reports that others than the owner can read the file of a secret.
type PermissionError struct{ Path string }

func (e *PermissionError) Error() string {
	return fmt.Sprintf("others can read %s; make it private again: chmod 600 %[1]s", e.Path)
}

// KeyError reports that a text is no private key for bundles.
type KeyError struct{ Err error }

func (e *KeyError) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *KeyError) Unwrap() error { return e.Err }
