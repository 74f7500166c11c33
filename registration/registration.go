// Package registration reads the files that the Snap Store's registration of an offline store hands out. It accepts them only if
// their chain of signatures confirms the requested URL of the store.
//
// A Claim holds the unverified content of a file, and must not be served; Verify turns it into a Registration.
package registration

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"offlinestore/assertion"
)

// The bounds of the input.
const (
	// MaxStream is the longest stream of assertions, in bytes.
	MaxStream = 1 << 20
	// MaxBundle is the longest registration bundle, in bytes.
	MaxBundle = 4 << 20
	// maxAssertions bounds the assertions in a stream: the chain of a store has four or five.
	maxAssertions = 64
	// maxKey is the longest key, in bytes.
	maxKey = 32 << 10
)

var (
	// ErrFormat means that a file does not have the form of a registration's, or was altered.
	ErrFormat = errors.New("not what a registration writes")
	// ErrNoStore means that there is no store assertion in a file.
	ErrNoStore = errors.New("no store assertion in it")
)

// URLError reports that the assertion belongs to another store than the requested one.
type URLError struct{ Want, Got string }

// Error names both URLs.
func (e *URLError) Error() string {
	if e.Got == "" {
		return fmt.Sprintf("the store assertion names no URL, want %s", e.Want)
	}
	return fmt.Sprintf("the store assertion is for %.200q, not for %s", e.Got, e.Want)
}

// SignatureError reports that the signatures of a registration do not lead to a trusted root.
type SignatureError struct{ Err error }

// Error repeats the reason.
func (e *SignatureError) Error() string { return e.Err.Error() }

// Unwrap returns the reason.
func (e *SignatureError) Unwrap() error { return e.Err }

// Claim is the content of a file about a store. None of it was verified.
type Claim struct {
	assertions []*assertion.Assertion
	// domain and storeID are empty if the file holds only assertions.
	domain, storeID       string
	privateKey, publicKey string
}

// Registration is a store whose name and URL were verified. Only Verify makes one.
type Registration struct {
	// URL is the signed address of the store.
	URL string
	// HTTPS reports whether devices reach the store by TLS.
	HTTPS bool
	// Domain is the host, with the port unless that is the usual one.
	Domain string
	// Port is the port of the URL, the usual one included.
	Port string
	// StoreID is the ID of the store, for proxy.store on devices.
	StoreID string
	// OperatorID is the account that registered the store.
	OperatorID string
	// IssuedAt is the time when the assertion was signed.
	IssuedAt time.Time
	// Stream is the store assertion after all its prerequisites, byte for byte as signed.
	Stream []byte
	// PrivateKey and PublicKey are the store's own, from a registration bundle, or else empty. They are secrets.
	PrivateKey, PublicKey string
}

// ParseStream reads a stream of assertions.
func ParseStream(text []byte) (*Claim, error) {
	if len(text) > MaxStream {
		return nil, fmt.Errorf("%w: more than %d bytes of assertions", ErrFormat, MaxStream)
	}
	all, err := assertion.DecodeAll(text)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFormat, err)
	}
	if len(all) > maxAssertions {
		return nil, fmt.Errorf("%w: %d assertions, at most %d are expected", ErrFormat, len(all), maxAssertions)
	}
	return &Claim{assertions: all}, nil
}

// URL returns the store's address by the claim. It is not verified, and is meant for questions and error messages.
func (c *Claim) URL() string {
	store, err := c.store()
	if err != nil {
		return ""
	}
	return store.HeaderString("url")
}

// StoreID returns the store's ID by the claim. It is not verified.
func (c *Claim) StoreID() string {
	store, err := c.store()
	if err != nil {
		return ""
	}
	return store.HeaderString("store")
}

// store returns the only store assertion. It refuses several, because the right one for a device can't be guessed.
func (c *Claim) store() (*assertion.Assertion, error) {
	var found *assertion.Assertion
	for _, a := range c.assertions {
		if a.Type() != "store" {
			continue
		}
		if found != nil {
			return nil, fmt.Errorf("%w: several store assertions", ErrFormat)
		}
		found = a
	}
	if found == nil {
		return nil, ErrNoStore
	}
	return found, nil
}

// Verify verifies a claim up to the trusted roots, and that it names the store at url; an empty url accepts any store. It verifies
// every assertion, not the chain alone, because all of them will be served.
func Verify(c *Claim, trust *assertion.Trust, url string, now time.Time) (*Registration, error) {
	store, err := c.store()
	if err != nil {
		return nil, err
	}
	signed := store.HeaderString("url")
	if url == "" {
		url = signed
	}
	want, err := ParseURL(url)
	if err != nil {
		return nil, err
	}
	got, err := ParseURL(signed)
	if err != nil || got.String() != want.String() {
		return nil, &URLError{Want: want.String(), Got: signed}
	}
	v := &assertion.Verifier{Trust: trust, Source: assertion.NewSet(c.assertions...), Time: now}
	for _, a := range c.assertions {
		if err := v.Verify(a); err != nil {
			return nil, &SignatureError{err}
		}
	}
	id := store.HeaderString("store")
	if c.storeID != "" && c.storeID != id {
		return nil, fmt.Errorf("%w: its store_id is %.80q, its store assertion that of %.80q", ErrFormat, c.storeID, id)
	}
	if c.domain != "" && !got.isHost(c.domain) {
		return nil, fmt.Errorf("%w: its domain is %.200q, its store assertion for %.200q", ErrFormat, c.domain, signed)
	}
	stream, err := ordered(c.assertions)
	if err != nil {
		return nil, err
	}
	return &Registration{
		URL: signed, HTTPS: got.Scheme == "https", Domain: got.Domain(), Port: got.Port(), StoreID: id,
		OperatorID: store.HeaderString("operator-id"), IssuedAt: store.Timestamp(), Stream: stream,
		PrivateKey: c.privateKey, PublicKey: c.publicKey,
	}, nil
}

// ordered encodes the stream with prerequisites first, since some clients read it in order, and with the store assertion last,
// where Juju looks for it.
func ordered(all []*assertion.Assertion) ([]byte, error) {
	rank := func(a *assertion.Assertion) int {
		switch a.Type() {
		case "account-key":
			return 0
		case "account":
			return 1
		case "store":
			return 3
		}
		return 2
	}
	sorted := slices.Clone(all)
	slices.SortStableFunc(sorted, func(a, b *assertion.Assertion) int { return cmp.Compare(rank(a), rank(b)) })
	var b bytes.Buffer
	err := assertion.EncodeAll(&b, sorted)
	return b.Bytes(), err
}
