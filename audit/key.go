package audit

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
)

// Key is the private key that signs a store's trail.
type Key struct{ private ed25519.PrivateKey }

// PublicKey verifies signatures of a Key.
type PublicKey struct{ key ed25519.PublicKey }

// GenerateKey makes a key.
func GenerateKey() (Key, error) {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	return Key{private}, err
}

// ParseKey parses the text that PEM returns.
func ParseKey(text []byte) (Key, error) {
	der, err := decodePEM(text, "PRIVATE KEY")
	if err != nil {
		return Key{}, err
	}
	key, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return Key{}, err
	}
	private, ok := key.(ed25519.PrivateKey)
	if !ok {
		return Key{}, errNotEd25519
	}
	return Key{private}, nil
}

// PEM returns the private key in PKCS #8.
func (k Key) PEM() ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(k.private)
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), err
}

// Public returns the public half.
func (k Key) Public() PublicKey { return PublicKey{k.private.Public().(ed25519.PublicKey)} }

// errNotEd25519 reports a key of another kind.
var errNotEd25519 = errors.New("the key is not an Ed25519 key")

// ParsePublicKey parses the text that PEM returns.
func ParsePublicKey(text []byte) (PublicKey, error) {
	der, err := decodePEM(text, "PUBLIC KEY")
	if err != nil {
		return PublicKey{}, err
	}
	key, err := x509.ParsePKIXPublicKey(der)
	if err != nil {
		return PublicKey{}, err
	}
	public, ok := key.(ed25519.PublicKey)
	if !ok {
		return PublicKey{}, errNotEd25519
	}
	return PublicKey{public}, nil
}

// PEM returns the key as SubjectPublicKeyInfo.
func (k PublicKey) PEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: k.der()})
}

// ID returns the fingerprint: "sha256:" and the SHA-256 of the DER text.
func (k PublicKey) ID() string { return "sha256:" + hashOf(k.der()) }

func (k PublicKey) der() []byte {
	der, err := x509.MarshalPKIXPublicKey(k.key)
	if err != nil {
		panic(err) // it never fails for an Ed25519 key
	}
	return der
}

func decodePEM(text []byte, kind string) ([]byte, error) {
	block, rest := pem.Decode(text)
	if block == nil || block.Type != kind || len(bytes.TrimSpace(rest)) > 0 {
		return nil, fmt.Errorf("want one PEM block with a %s", kind)
	}
	return block.Bytes, nil
}

// Sign signs another text than a head of the trail. The text must tell its purpose in its beginning.
func (k Key) Sign(text []byte) []byte { return ed25519.Sign(k.private, text) }

// Verify reports whether the key has signed a text.
func (k PublicKey) Verify(text, signature []byte) bool {
	return len(k.key) == ed25519.PublicKeySize && ed25519.Verify(k.key, text, signature)
}
