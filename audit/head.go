package audit

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"time"
)

// The kinds of signed statements.
const (
	typeHead   = "offlinestore audit head"
	typeExport = "offlinestore audit export"
)

// Format is the version of the format of exported files.
const Format = 1

// statement is signed: it tells that a trail has so many rows, the last of which has the hash. For an exported file, First is the number
// of its first row, and Previous the hash of the row before.
type statement struct {
	At       Time   `json:"at"`
	First    int64  `json:"first,omitempty"`
	Format   int    `json:"format,omitempty"`
	Hash     string `json:"hash"`
	Key      string `json:"key"`
	Previous string `json:"previous,omitempty"`
	Rows     int64  `json:"rows"`
	Type     string `json:"type"`
}

// Head is the signed tip of a trail.
type Head struct {
	Tip
	At time.Time
	// Key is the fingerprint of the key that signed. Content is the signed statement.
	Key                string
	Content, Signature []byte
}

// hash returns the hash of the tip, or Genesis.
func (t Tip) hash() string {
	if t.Number == 0 {
		return Genesis
	}
	return t.Hash
}

// SignHead signs the tip.
func (k Key) SignHead(t Tip, now time.Time) (*Head, error) {
	return k.sign(statement{At: Time(now), Hash: t.hash(), Rows: t.Number, Type: typeHead})
}

func (k Key) sign(s statement) (*Head, error) {
	s.Key = k.Public().ID()
	content, err := canonical(s)
	if err != nil {
		return nil, err
	}
	return &Head{Tip{s.Rows, s.Hash}, time.Time(s.At), s.Key, content, ed25519.Sign(k.private, content)}, nil
}

var (
	// ErrUnknownKey reports a signature by a key that the verifier does not know.
	ErrUnknownKey = errors.New("the key that signed is not among the given ones")
	// ErrBadSignature reports a signature that is not the key's.
	ErrBadSignature = errors.New("the signature is wrong")
)

// open verifies a signed statement and returns it.
func open(content, signature []byte, keys []PublicKey) (*statement, error) {
	var s statement
	if err := decodeCanonical(content, &s); err != nil {
		return nil, err
	}
	for _, k := range keys {
		if k.ID() != s.Key {
			continue
		}
		if !ed25519.Verify(k.key, content, signature) {
			return &s, ErrBadSignature
		}
		if len(s.Hash) != len(Genesis) || s.Rows < 0 {
			return &s, errors.New("the statement lacks a hash")
		}
		return &s, nil
	}
	return &s, fmt.Errorf("%w: %.80q", ErrUnknownKey, s.Key)
}
