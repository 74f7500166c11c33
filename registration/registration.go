// Package registration reads what the Snap Store's registration of an offline store hands out, and believes it only when its
// chain of signatures says that the store has the URL that was asked for.
//
// A Claim is what a file says, and nothing that may be served; Verify makes a Registration of it.
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

// The bounds of what is read.
const (
	// MaxStream is the longest stream of assertions, in bytes.
	MaxStream = 1 << 20
	// MaxBundle is the longest registration bundle, in bytes.
	MaxBundle = 4 << 20
	// maxAssertions is how many assertions a stream may have: the chain of a store has four or five.
	maxAssertions = 64
	// maxKey is the longest key, in bytes.
	maxKey = 32 << 10
)

var (
	// ErrFormat means that a file is not what it is taken for, or was altered.
	ErrFormat = errors.New("not what a registration writes")
	// ErrNoStore means that there is no store assertion in a file.
	ErrNoStore = errors.New("no store assertion in it")
)

// URLError says that the assertion is that of another store than the one that was asked for.
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

// Claim is what a file says of a store. None of it was verified.
type Claim struct {
	assertions []*assertion.Assertion
	// domain and storeID are empty where only assertions were given.
	domain, storeID       string
	privateKey, publicKey string
}

// Registration is a store that has a signed name and URL. Only Verify makes one.
type Registration struct {
	// URL is the store's address as it was signed.
	URL string
	// HTTPS says whether devices reach it by TLS.
	HTTPS bool
	// Domain is the host, with a port unless it is the usual one.
	Domain string
	// Port is the port of the URL, the usual one included.
	Port string
	// StoreID is what devices set proxy.store to.
	StoreID string
	// OperatorID is the account that the store was registered by.
	OperatorID string
	// IssuedAt is when the assertion was signed.
	IssuedAt time.Time
	// Stream is the store assertion behind all that it needs, byte for byte as signed.
	Stream []byte
	// PrivateKey and PublicKey are the store's own, empty unless a registration bundle brought them. They are secrets.
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

// URL is where the claim says that the store is. It is not verified: it is for questions and error messages.
func (c *Claim) URL() string {
	store, err := c.store()
	if err != nil {
		return ""
	}
	return store.HeaderString("url")
}

// StoreID is which store the claim says that it is about; like URL, it is not verified.
func (c *Claim) StoreID() string {
	store, err := c.store()
	if err != nil {
		return ""
	}
	return store.HeaderString("store")
}

// store is the one store assertion: which of several a device is to join is not for us to guess.
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

// Verify checks a claim up to the trusted roots, and that it is about the store at url; an empty url takes any. Every assertion
// has to be verified, not the chain alone: all of them will be served.
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

// ordered writes what others need before what needs it, since some clients read the stream in order, and the store at the end,
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
