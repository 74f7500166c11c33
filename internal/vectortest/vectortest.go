// Package vectortest reads the vectors in testdata, which show other implementers the required behaviour of a reader of bundles.
package vectortest

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"offlinestore/assertion"
	"offlinestore/bundle"
)

// Index lists all vectors. Paths are relative to testdata.
type Index struct {
	// Roots is the stream of trusted assertions for the vectors' assertions.
	Roots      string      `json:"trusted-roots"`
	Bundles    []Bundle    `json:"bundles"`
	Assertions []Assertion `json:"assertions"`
	Keys       []Key       `json:"keys"`
}

// Key is one file of a trusted key, good or bad. Its result is Valid or Malformed.
type Key struct {
	Path   string `json:"path"`
	Shows  string `json:"shows"`
	Result string `json:"result"`
}

// Bundle is one bundle, good or bad.
type Bundle struct {
	Path string `json:"path"`
	// Format is the version that the bundle names, if it names one.
	Format string `json:"format,omitempty"`
	// Framing is directory, files, tar, tar+gzip or tar+zstd, and none for a file that is no bundle at all.
	Framing string `json:"framing"`
	// Shows is a sentence for people.
	Shows string `json:"shows"`
	// Keys are the files of the keys that the reader trusts.
	Keys []string `json:"trusted-keys"`
	// Result is one of the results of this package.
	Result string `json:"result"`
	// Step is the step of section 9 of docs/bundle.md that refuses the bundle.
	Step int `json:"step,omitempty"`
	// Digest is the digest of the bundle index of a valid bundle.
	Digest string `json:"digest,omitempty"`
	// Items are the names of a valid bundle's items, in their order.
	Items []string `json:"items,omitempty"`
	// Payload lists the digests of a valid bundle's large blobs, in their order.
	Payload []string `json:"payload,omitempty"`
	// Damaged lists the digests of the blobs that are damaged or missing.
	Damaged []string `json:"damaged,omitempty"`
	// Signer is the ID of the untrusted key.
	Signer string `json:"signer,omitempty"`
}

// Assertion is one stream of assertions, good or bad.
type Assertion struct {
	Path  string `json:"path"`
	Shows string `json:"shows"`
	// Time is the moment at which the assertions are verified.
	Time   string `json:"time"`
	Result string `json:"result"`
}

// The results of reading a bundle.
const (
	Valid         = "valid"
	NotBundle     = "not-a-bundle"
	TooNew        = "too-new"
	Corrupt       = "corrupt"
	Limit         = "limit"
	DamagedBlob   = "damaged-blob"
	BadSignature  = "bad-signature"
	UnknownSigner = "unknown-signer"
	Mismatch      = "mismatch"
	BadAssertion  = "bad-assertion"
)

// The results of verifying a stream of assertions, beside Valid and BadSignature.
const (
	Malformed      = "malformed"
	Missing        = "missing"
	UntrustedRoot  = "untrusted-root"
	ExpiredKey     = "expired-key"
	KeyNotYetValid = "key-not-yet-valid"
	WrongAuthority = "wrong-authority"
	Constraints    = "constraints"
	Unsupported    = "unsupported"
)

// AssertionResults returns every result that a stream of assertions can have.
func AssertionResults() []string {
	return []string{Valid, Malformed, Missing, UntrustedRoot, BadSignature, ExpiredKey, KeyNotYetValid, WrongAuthority, Constraints, Unsupported}
}

// Results returns every result that a bundle can have.
func Results() []string {
	return []string{Valid, NotBundle, TooNew, Corrupt, Limit, DamagedBlob, BadSignature, UnknownSigner, Mismatch, BadAssertion}
}

// Load reads the index for a test of a package at the top level.
func Load(tb testing.TB) *Index {
	tb.Helper()
	raw, err := os.ReadFile(File("index.json"))
	if err != nil {
		tb.Fatal(err)
	}
	var i Index
	if err := json.Unmarshal(raw, &i); err != nil {
		tb.Fatalf("read testdata/index.json: %v", err)
	}
	return &i
}

// File returns the path of a file of testdata for a test of a package at the top level.
func File(name string) string { return filepath.Join("..", "testdata", filepath.FromSlash(name)) }

// TrustedKeys reads the trusted keys of b.
func (b *Bundle) TrustedKeys(tb testing.TB) []bundle.PublicKey {
	tb.Helper()
	var keys []bundle.PublicKey
	for _, name := range b.Keys {
		text, err := os.ReadFile(File(name))
		if err != nil {
			tb.Fatal(err)
		}
		key, err := bundle.ParsePublicKey(text)
		if err != nil {
			tb.Fatalf("%s: %v", name, err)
		}
		keys = append(keys, key)
	}
	return keys
}

// Trust reads the trusted roots of the vectors' assertions.
func (i *Index) Trust(tb testing.TB) *assertion.Trust {
	tb.Helper()
	raw, err := os.ReadFile(File(i.Roots))
	if err != nil {
		tb.Fatal(err)
	}
	roots, err := assertion.DecodeAll(raw)
	if err != nil {
		tb.Fatal(err)
	}
	trust, err := (&assertion.Trust{}).With(roots...)
	if err != nil {
		tb.Fatal(err)
	}
	return trust
}

// ResultOf returns the result that err stands for, and "" for an error that says nothing about the bundle.
func ResultOf(err error) string {
	var (
		signer     *bundle.UnknownSignerError
		damaged    *bundle.BlobError
		mismatch   *bundle.MismatchError
		unverified *assertion.VerifyError
		malformed  *assertion.FormatError
		missing    *assertion.MissingError
	)
	switch {
	case err == nil:
		return Valid
	case errors.Is(err, bundle.ErrNotBundle):
		return NotBundle
	case errors.Is(err, bundle.ErrTooNew):
		return TooNew
	case errors.As(err, &signer):
		return UnknownSigner
	case errors.Is(err, bundle.ErrBadSignature):
		return BadSignature
	case errors.As(err, &damaged):
		return DamagedBlob
	case errors.Is(err, bundle.ErrLimit):
		return Limit
	case errors.Is(err, bundle.ErrCorrupt):
		return Corrupt
	case errors.As(err, &unverified), errors.As(err, &malformed):
		return BadAssertion
	case errors.As(err, &mismatch):
		return Mismatch
	case errors.As(err, &missing):
		return BadAssertion
	}
	return ""
}
