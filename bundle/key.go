package bundle

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"math"
)

// PublicKey is a key for the verification of bundles: Ed25519, ECDSA P-256 or RSA of 3072 to 8192 bits.
type PublicKey struct {
	key crypto.PublicKey
	der []byte
}

// NewPublicKey wraps a key of one of the accepted kinds.
func NewPublicKey(pub crypto.PublicKey) (PublicKey, error) {
	switch k := pub.(type) {
	case ed25519.PublicKey:
	case *ecdsa.PublicKey:
		if k.Curve != elliptic.P256() {
			return PublicKey{}, errors.New("ECDSA key: want the curve P-256")
		}
	case *rsa.PublicKey:
		if n := k.N.BitLen(); n < 3072 || n > 8192 {
			return PublicKey{}, fmt.Errorf("RSA key of %d bits: want 3072 to 8192", n)
		}
		if k.E < 3 || k.E > math.MaxInt32 || k.E%2 == 0 {
			return PublicKey{}, fmt.Errorf("RSA key with the exponent %d: want an odd one from 3 to %d", k.E, math.MaxInt32)
		}
	default:
		return PublicKey{}, fmt.Errorf("key of type %T: want Ed25519, ECDSA P-256 or RSA", pub)
	}
	der, err := x509.MarshalPKIXPublicKey(pub)
	if err != nil {
		return PublicKey{}, fmt.Errorf("encode public key: %w", err)
	}
	return PublicKey{pub, der}, nil
}

// ParsePublicKey parses the PEM that `store-admin key export` prints. It refuses anything but white space around the one block.
func ParsePublicKey(text []byte) (PublicKey, error) {
	block, rest := pem.Decode(text)
	switch {
	case block == nil:
		return PublicKey{}, errors.New("no PEM block in it")
	case !bytes.HasPrefix(trimSpace(text), []byte("-----BEGIN ")) || bytes.Count(text[:len(text)-len(rest)], []byte("-----BEGIN ")) > 1:
		return PublicKey{}, errors.New("something precedes the PEM block")
	case block.Type != "PUBLIC KEY":
		return PublicKey{}, fmt.Errorf("a PEM block of type %.40q, want PUBLIC KEY", block.Type)
	case len(block.Headers) > 0:
		return PublicKey{}, errors.New("headers in the PEM block")
	case len(trimSpace(rest)) > 0:
		return PublicKey{}, errors.New("something follows the PEM block")
	}
	return parseDER(block.Bytes)
}

func parseDER(der []byte) (PublicKey, error) {
	pub, err := x509.ParsePKIXPublicKey(der)
	if err != nil {
		return PublicKey{}, fmt.Errorf("parse public key: %w", err)
	}
	k, err := NewPublicKey(pub)
	if err != nil {
		return PublicKey{}, err
	}
	if string(k.der) != string(der) {
		return PublicKey{}, errors.New("parse public key: not in its canonical encoding")
	}
	return k, nil
}

// ID returns the key's fingerprint: "sha256:" and the hex SHA-256 of its DER SubjectPublicKeyInfo.
func (k PublicKey) ID() string {
	sum := sha256.Sum256(k.der)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// PEM returns the key as the text that ParsePublicKey parses.
func (k PublicKey) PEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: k.der})
}

// Algorithm names the kind of key.
func (k PublicKey) Algorithm() string {
	switch key := k.key.(type) {
	case ed25519.PublicKey:
		return "Ed25519"
	case *ecdsa.PublicKey:
		return "ECDSA P-256"
	case *rsa.PublicKey:
		return fmt.Sprintf("RSA-%d", key.N.BitLen())
	}
	return "no key"
}

// verifySignature verifies sig, k's signature of message. ECDSA and RSA (PKCS #1 v1.5) sign its SHA-256.
func (k PublicKey) verifySignature(message, sig []byte) error {
	ok := false
	sum := sha256.Sum256(message)
	switch key := k.key.(type) {
	case ed25519.PublicKey:
		ok = ed25519.Verify(key, message, sig)
	case *ecdsa.PublicKey:
		ok = ecdsa.VerifyASN1(key, sum[:], sig)
	case *rsa.PublicKey:
		ok = rsa.VerifyPKCS1v15(key, crypto.SHA256, sum[:], sig) == nil
	}
	if !ok {
		return ErrBadSignature
	}
	return nil
}

// signer adapts a crypto.Signer to the DSSE library.
type signer struct {
	crypto.Signer
	public PublicKey
}

func (s signer) Sign(_ context.Context, message []byte) ([]byte, error) {
	if _, ok := s.public.key.(ed25519.PublicKey); ok {
		return s.Signer.Sign(rand.Reader, message, crypto.Hash(0))
	}
	sum := sha256.Sum256(message)
	return s.Signer.Sign(rand.Reader, sum[:], crypto.SHA256)
}

func (s signer) KeyID() (string, error) { return s.public.ID(), nil }

// verifier adapts a public key to the DSSE library.
type verifier struct{ PublicKey }

func (v verifier) Verify(_ context.Context, message, sig []byte) error {
	return v.PublicKey.verifySignature(message, sig)
}

func (v verifier) KeyID() (string, error) { return v.ID(), nil }

func (v verifier) Public() crypto.PublicKey { return v.key }

func trimSpace(b []byte) []byte {
	for len(b) > 0 && (b[0] == '\n' || b[0] == '\r' || b[0] == ' ' || b[0] == '\t') {
		b = b[1:]
	}
	return b
}
