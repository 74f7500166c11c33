// Package assertiontest signs assertions with a root of its own, for tests and demonstrations.
//
// Its keys are public, so nothing that they sign may ever be trusted outside of a test. Helpers panic if only a mistake in
// the test can be the cause.
package assertiontest

import (
	"bytes"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha3"
	"crypto/x509"
	"embed"
	"encoding/pem"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"offlinestore/assertion"
)

// RootID is the ID of the account that stands for the store.
const RootID = "testroot"

// Since is the time when all keys become valid.
const Since = "2016-01-01T00:00:00Z"

// Timestamp is the timestamp of assertions that get no other.
const Timestamp = "2024-02-03T04:05:06Z"

// Time returns a moment at which everything signed here is valid.
func Time() time.Time { return time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC) }

//go:embed keys/*.pem
var keys embed.FS

// PrivateKey returns one of the embedded 4096-bit keys: root, store, brand, other or device.
func PrivateKey(name string) (*rsa.PrivateKey, error) {
	b, err := keys.ReadFile("keys/" + name + ".pem")
	if err != nil {
		return nil, fmt.Errorf("read test key: %w", err)
	}
	block, _ := pem.Decode(b)
	if block == nil {
		return nil, fmt.Errorf("test key %s: not PEM", name)
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("test key %s: %w", name, err)
	}
	private, ok := key.(*rsa.PrivateKey)
	if !ok {
		return nil, errors.New("test key " + name + ": not RSA")
	}
	return private, nil
}

func signingKey(name string) (*assertion.SigningKey, error) {
	private, err := PrivateKey(name)
	if err != nil {
		return nil, err
	}
	return assertion.NewSigningKey(private)
}

// Headers are the headers of an assertion, or changes to them. In changes, a nil value removes a header.
type Headers = map[string]any

// Stack is a test root and a store whose key the root has signed.
type Stack struct {
	Root           *assertion.Assertion // the account assertion
	RootAccountKey *assertion.Assertion
	RootKey        *assertion.SigningKey

	StoreAccountKey *assertion.Assertion
	StoreKey        *assertion.SigningKey
}

// New returns a Stack. All stacks are equal.
func New() (*Stack, error) {
	s := &Stack{}
	var err error
	if s.RootKey, err = signingKey("root"); err != nil {
		return nil, err
	}
	if s.StoreKey, err = signingKey("store"); err != nil {
		return nil, err
	}
	s.Root = sign(s.RootKey, nil, Headers{
		"type": "account", "authority-id": RootID, "account-id": RootID,
		"display-name": "Test Root", "username": RootID, "validation": "verified", "timestamp": Timestamp,
	}, nil)
	s.RootAccountKey = s.AccountKey(RootID, "root", s.RootKey, nil)
	s.StoreAccountKey = s.AccountKey(RootID, "store", s.StoreKey, nil)
	return s, nil
}

// NewStack returns a Stack for a test.
func NewStack(tb testing.TB) *Stack {
	tb.Helper()
	s, err := New()
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

// Trust returns Canonical's trust with the test root added.
func (s *Stack) Trust() *assertion.Trust {
	t, err := assertion.Canonical().With(s.Root, s.RootAccountKey)
	if err != nil {
		panic(fmt.Sprintf("assertiontest: %v", err))
	}
	return t
}

// RootStream returns the stream of assertions that makes the test root trusted.
func (s *Stack) RootStream() []byte {
	var b bytes.Buffer
	if err := assertion.EncodeAll(&b, []*assertion.Assertion{s.Root, s.RootAccountKey}); err != nil {
		panic(fmt.Sprintf("assertiontest: %v", err))
	}
	return b.Bytes()
}

// Base returns the store's account-key. Everything that the store signs needs it in addition to the root.
func (s *Stack) Base() []*assertion.Assertion { return []*assertion.Assertion{s.StoreAccountKey} }

// Blob describes a file as assertions do.
type Blob struct {
	SHA3_384 []byte
	Size     int64
}

// BlobOf describes content.
func BlobOf(content []byte) Blob {
	sum := sha3.Sum384(content)
	return Blob{SHA3_384: sum[:], Size: int64(len(content))}
}

// StoreSign applies changes to headers and signs them for the store.
func (s *Stack) StoreSign(headers, changes Headers) *assertion.Assertion {
	headers = maps.Clone(headers)
	headers["authority-id"] = RootID
	if _, ok := headers["timestamp"]; !ok {
		headers["timestamp"] = Timestamp
	}
	return sign(s.StoreKey, nil, headers, changes)
}

func sign(key *assertion.SigningKey, body []byte, headers, changes Headers) *assertion.Assertion {
	headers = maps.Clone(headers)
	for name, v := range changes {
		if headers[name] = v; v == nil {
			delete(headers, name)
		}
	}
	// %#v tells apart what %v prints alike, and sorts maps.
	input := sha256.Sum256(fmt.Appendf(nil, "%s %q %#v", key.KeyID(), body, headers))
	if text, ok := signed.Load(input); ok {
		return decoded(text.([]byte))
	}
	a, err := assertion.Sign(headers, body, key)
	if err != nil {
		panic(fmt.Sprintf("assertiontest: %v", err))
	}
	signed.Store(input, slices.Clone(a.Raw()))
	return a
}

// signed maps a digest of the input of sign to the text of the assertion. The same input gives the same bytes, and most tests sign the
// same assertions again: they spent five sixths of their time on it.
var signed sync.Map

// decoded returns an assertion of the test's own, which it may change.
func decoded(text []byte) *assertion.Assertion {
	a, err := assertion.Decode(slices.Clone(text))
	if err != nil {
		panic(fmt.Sprintf("assertiontest: %v", err))
	}
	return a
}
