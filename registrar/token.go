// Package registrar gives devices their serials: it verifies their requests, and signs serials with the keys of brands, which are on a
// token.
package registrar

import (
	"context"
	"crypto"
	"errors"
)

var (
	// ErrNoToken reports that this store has no token, or that its token does not answer. The error that wraps it has the reason, which is for
	// the administrator and not for devices.
	ErrNoToken = errors.New("no token for signing")
	// ErrBusy reports that the token did not answer in time. The key may be used, or made, nevertheless.
	ErrBusy = errors.New("the token is busy")
	// ErrNoKey reports that the token has no such key.
	ErrNoKey = errors.New("the token has no such key")
	// ErrKeyExists reports that the token has a key of that name.
	ErrKeyExists = errors.New("the token has a key of that name")
	// ErrKeyName reports a name that no key on a token can have.
	ErrKeyName = errors.New("the name of a key has 1 to 64 letters, digits, dots, dashes and underscores")
)

// TokenKey describes a key on the token.
type TokenKey struct {
	// Name is the label on the token.
	Name string
	// ID is the SHA3-384 by which assertions name the key.
	ID string
}

// Token holds the keys of brands. All methods are safe for several goroutines, and end with their context.
type Token interface {
	// Signer returns the key with an ID. Its signatures end with ctx. The error is ErrNoKey, ErrNoToken or ErrBusy.
	Signer(ctx context.Context, id string) (crypto.Signer, error)
	// Generate makes an RSA key of 4096 bits, which may take minutes. The error is ErrKeyExists, ErrKeyName, ErrNoToken or ErrBusy.
	Generate(ctx context.Context, name string) (TokenKey, error)
	// Delete deletes a key. The error is ErrNoKey, ErrNoToken or ErrBusy.
	Delete(ctx context.Context, id string) error
	// Keys lists the keys of the token.
	Keys(ctx context.Context) ([]TokenKey, error)
	// Check finds out whether the token answers. The error is ErrNoToken or ErrBusy.
	Check(ctx context.Context) error
	// Health returns the state of the token as the last call found it. It asks nothing.
	Health() TokenHealth
}

// TokenHealth is the state of a token.
type TokenHealth struct {
	// Err is nil if the last call reached the token.
	Err error
	// Opened is the number of times that the token was opened: more than once if it was lost.
	Opened int
	// Busy is the number of calls that run.
	Busy int
}
