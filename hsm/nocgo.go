//go:build !cgo

package hsm

import (
	"context"
	"crypto"
	"crypto/rsa"
	"io"
)

// Token is an open token. There is none without cgo.
type Token struct{}

// Key is an RSA key on a token. There is none without cgo.
type Key struct {
	Label, ID string
	CKAID     []byte
}

// New returns ErrNoCgo.
func New(Options) (*Token, error) { return nil, ErrNoCgo }

// Open returns ErrNoCgo.
func Open(context.Context, Options) (*Token, error) { return nil, ErrNoCgo }

// Close does nothing.
func (t *Token) Close() error { return nil }

// Health reports ErrNoCgo.
func (t *Token) Health() Health { return Health{Err: ErrNoCgo} }

// Check returns ErrNoCgo.
func (t *Token) Check(context.Context) error { return ErrNoCgo }

// Info returns ErrNoCgo.
func (t *Token) Info(context.Context) (Info, error) { return Info{}, ErrNoCgo }

// Keys returns ErrNoCgo.
func (t *Token) Keys(context.Context) ([]*Key, error) { return nil, ErrNoCgo }

// Find returns ErrNoCgo.
func (t *Token) Find(context.Context, string) (*Key, error) { return nil, ErrNoCgo }

// FindURI returns ErrNoCgo.
func (t *Token) FindURI(context.Context, URI) (*Key, error) { return nil, ErrNoCgo }

// Generate returns ErrNoCgo.
func (t *Token) Generate(context.Context, string, int) (*Key, error) { return nil, ErrNoCgo }

// Delete returns ErrNoCgo.
func (t *Token) Delete(context.Context, *Key) error { return ErrNoCgo }

// Public returns a key that verifies nothing.
func (k *Key) Public() crypto.PublicKey { return &rsa.PublicKey{} }

// URI returns a URI of nothing.
func (k *Key) URI() URI { return URI{SlotID: -1} }

// Sign returns ErrNoCgo.
func (k *Key) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) { return nil, ErrNoCgo }

// SignContext returns ErrNoCgo.
func (k *Key) SignContext(context.Context, []byte, crypto.SignerOpts) ([]byte, error) {
	return nil, ErrNoCgo
}

// With returns the key.
func (k *Key) With(context.Context) crypto.Signer { return k }
