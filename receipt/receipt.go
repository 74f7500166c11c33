// Package receipt describes a store to an exporter: a small file that the store signs with its own key, and that somebody carries outside.
package receipt

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"

	"offlinestore/audit"
)

const (
	// typeReceipt begins the statement, so that no other signature of the key is one of a receipt.
	typeReceipt = "offlinestore receipt"
	// format is the version of the form of a receipt.
	format = 1
	// blobSize is the number of bytes of a SHA-256 that stand for a blob. Two blobs of a store never share them by chance. Somebody who makes two such
	// blobs on purpose gets a push that is refused, since it verifies whole digests.
	blobSize = 16
	// MaxSize bounds the file of a receipt, in bytes: a million blobs.
	MaxSize = 64 << 20
)

// The members of the file, in this order.
const (
	receiptMember   = `{"receipt":`
	signatureMember = `,"signature":"`
	fileEnd         = `"}`
)

var (
	// ErrForm reports a text that is no receipt.
	ErrForm = errors.New("not a receipt")
	// ErrSignature reports a receipt that was altered, or is signed by another key than it names.
	ErrSignature = errors.New("the receipt was altered, or another store has signed it")
)

// Receipt is the state of a store.
type Receipt struct {
	// Store is the ID of the store, or its URL.
	Store   string    `json:"store"`
	Created time.Time `json:"created"`
	// Generation is the generation of the catalogue.
	Generation int64 `json:"generation"`
	// Blobs are the blobs that the store holds, and has verified.
	Blobs Blobs `json:"blobs"`
	// Channels are the contents of channels.
	Channels []Channel `json:"channels"`
	// Exporters have the last bundle of each signer.
	Exporters []Exporter `json:"exporters"`
	// Images are the images that belong to no charm. Programs that know none refuse a receipt with some.
	Images []Image `json:"images,omitempty"`
}

// Image is an image that belongs to no charm. Name is its name inside, with the tag, or with the digest if it has no tag.
type Image struct {
	Name   string        `json:"name"`
	Digest digest.Digest `json:"digest"`
}

// Channel is the revision in a channel. Kind is snap or charm, and Platform an architecture or a base.
type Channel struct {
	Kind     string `json:"kind"`
	Name     string `json:"name"`
	Platform string `json:"platform"`
	Channel  string `json:"channel"`
	Revision int    `json:"revision"`
}

// Exporter is the last bundle that a store has imported from a signer.
type Exporter struct {
	Key      string        `json:"key"`
	Bundle   digest.Digest `json:"bundle"`
	Sequence uint64        `json:"sequence"`
	Created  time.Time     `json:"created"`
}

// Blobs is a set of blobs. In JSON, it is the base64 of the first 16 bytes of each digest, sorted.
type Blobs struct{ sorted [][blobSize]byte }

// NewBlobs returns the set of blobs. The digests are SHA-256.
func NewBlobs(list []digest.Digest) (Blobs, error) {
	b := Blobs{make([][blobSize]byte, 0, len(list))}
	for _, d := range list {
		key, err := keyOf(d)
		if err != nil {
			return b, err
		}
		b.sorted = append(b.sorted, key)
	}
	slices.SortFunc(b.sorted, compare)
	b.sorted = slices.Compact(b.sorted)
	return b, nil
}

func compare(a, b [blobSize]byte) int { return bytes.Compare(a[:], b[:]) }

// keyOf returns the first bytes of a digest.
func keyOf(d digest.Digest) (key [blobSize]byte, err error) {
	text, ok := strings.CutPrefix(string(d), "sha256:")
	if !ok || len(text) != 64 {
		return key, fmt.Errorf("%.80q is no SHA-256", d)
	}
	for i := range key {
		high, low := nibble(text[2*i]), nibble(text[2*i+1])
		if high > 15 || low > 15 {
			return key, fmt.Errorf("%.80q is no SHA-256", d)
		}
		key[i] = high<<4 | low
	}
	return key, nil
}

// nibble returns the value of a hexadecimal digit, or 255.
func nibble(c byte) byte {
	switch {
	case c >= '0' && c <= '9':
		return c - '0'
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10
	}
	return 255
}

// Len returns the number of blobs.
func (b Blobs) Len() int { return len(b.sorted) }

// Has reports whether a blob is in the set.
func (b Blobs) Has(d digest.Digest) bool {
	key, err := keyOf(d)
	if err != nil {
		return false
	}
	_, found := slices.BinarySearchFunc(b.sorted, key, compare)
	return found
}

// MarshalText implements [encoding.TextMarshaler].
func (b Blobs) MarshalText() ([]byte, error) {
	raw := make([]byte, 0, blobSize*len(b.sorted))
	for _, key := range b.sorted {
		raw = append(raw, key[:]...)
	}
	return base64.StdEncoding.AppendEncode(nil, raw), nil
}

// UnmarshalText implements [encoding.TextUnmarshaler]. It refuses a set that is not sorted.
func (b *Blobs) UnmarshalText(text []byte) error {
	raw, err := base64.StdEncoding.Strict().AppendDecode(nil, text)
	if err != nil || len(raw)%blobSize != 0 {
		return errors.New("the blobs are not in their form")
	}
	b.sorted = make([][blobSize]byte, 0, len(raw)/blobSize)
	for key := range slices.Chunk(raw, blobSize) {
		if n := len(b.sorted); n > 0 && bytes.Compare(b.sorted[n-1][:], key) >= 0 {
			return errors.New("the blobs are not sorted")
		}
		b.sorted = append(b.sorted, [blobSize]byte(key))
	}
	return nil
}

// statement is the signed text.
type statement struct {
	Type   string `json:"type"`
	Format int    `json:"format"`
	Key    string `json:"key"`
	Receipt
}

// Sign returns the file of a receipt.
func (r *Receipt) Sign(k audit.Key) ([]byte, error) {
	s := statement{typeReceipt, format, k.Public().ID(), *r}
	s.Created = s.Created.UTC().Truncate(time.Second)
	text, err := json.Marshal(s)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	out.WriteString(receiptMember)
	out.Write(text)
	out.WriteString(signatureMember + base64.StdEncoding.EncodeToString(k.Sign(text)) + fileEnd + "\n")
	if out.Len() > MaxSize {
		return nil, fmt.Errorf("a receipt of %d bytes, at most %d are allowed", out.Len(), MaxSize)
	}
	return out.Bytes(), nil
}

// Signed is a receipt whose signature was not verified yet.
type Signed struct {
	// Key is the fingerprint of the key that should have signed.
	Key             string
	text, signature []byte
	receipt         Receipt
}

// Parse parses the file of a receipt. The error is ErrForm.
func Parse(file []byte) (*Signed, error) {
	file = bytes.TrimSuffix(file, []byte("\n"))
	text, ok := bytes.CutPrefix(file, []byte(receiptMember))
	at := bytes.LastIndex(text, []byte(signatureMember))
	if !ok || at < 0 || len(file) > MaxSize {
		return nil, ErrForm
	}
	encoded, ok := bytes.CutSuffix(text[at+len(signatureMember):], []byte(fileEnd))
	signature, err := base64.StdEncoding.Strict().AppendDecode(nil, encoded)
	if !ok || err != nil {
		return nil, fmt.Errorf("%w: its signature is not in its form", ErrForm)
	}
	var s statement
	text = text[:at]
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&s); err != nil || dec.More() {
		return nil, fmt.Errorf("%w: %w", ErrForm, errors.Join(err))
	}
	if s.Type != typeReceipt || s.Format != format {
		return nil, fmt.Errorf("%w: it is %.40q of format %d", ErrForm, s.Type, s.Format)
	}
	return &Signed{s.Key, text, signature, s.Receipt}, nil
}

// IsReceipt reports whether a file begins as a receipt does.
func IsReceipt(start []byte) bool { return bytes.HasPrefix(start, []byte(receiptMember)) }

// Unverified returns the receipt without a verification of its signature. Nothing may rely on it.
func (s *Signed) Unverified() *Receipt { return &s.receipt }

// Verify verifies the signature with a key, and returns the receipt. The error is ErrSignature.
func (s *Signed) Verify(k audit.PublicKey) (*Receipt, error) {
	if k.ID() != s.Key {
		return nil, fmt.Errorf("%w: it names the key %.80s, and this site has %s", ErrSignature, s.Key, k.ID())
	}
	if !k.Verify(s.text, s.signature) {
		return nil, ErrSignature
	}
	return &s.receipt, nil
}
