package bundle

import (
	"bytes"
	"context"
	"crypto"
	"encoding/base64"
	"errors"
	"fmt"
	"math"
	"time"

	"offlinestore/strictjson"

	"github.com/opencontainers/go-digest"
	"github.com/secure-systems-lab/go-securesystemslib/dsse"
)

// The types of the signed statement: an in-toto Statement v1 in a DSSE envelope.
const (
	statementType = "https://in-toto.io/Statement/v1"
	predicateType = "urn:offlinestore:bundle:v1"
	payloadType   = "application/vnd.in-toto+json"
)

// Predicate is the signer's statement about a bundle, besides its content.
type Predicate struct {
	// Created is the time of the signature, to the second and in UTC. The most recently signed bundle decides the content of a
	// channel.
	Created time.Time `json:"created"`
	// Exporter is the person who exported, as user@host.
	Exporter string `json:"exporter"`
	// Program is the program that wrote the bundle, with its version.
	Program string `json:"program"`
	// Sequence counts the bundles of the signing key, from 1. It is 0 if they were not counted.
	Sequence uint64  `json:"sequence"`
	Request  Request `json:"request"`
	// Expects lists the blobs of the payload that are left out because the receiver has them, in ascending order.
	Expects []digest.Digest `json:"expects,omitempty"`
	// Increment tells which receiver that is. It is nil for a bundle that is for everybody.
	Increment *Increment `json:"increment,omitempty"`
}

// Request is the operator's request: what to export.
type Request struct {
	Snaps         []string `json:"snaps,omitempty"`
	Channels      []string `json:"channels,omitempty"`
	Architectures []string `json:"architectures,omitempty"`
	Charms        []string `json:"charms,omitempty"`
	Bundles       []string `json:"bundles,omitempty"`
	// Images are the names inside of images that belong to no charm.
	Images []string `json:"images,omitempty"`
	// Assertions names assertions as the store's URLs do: account-key/KEYID.
	Assertions []string `json:"assertions,omitempty"`
	// NeededBy names the snaps of the same export that need this bundle's content.
	NeededBy []string `json:"needed-by,omitempty"`
}

// statement is an in-toto Statement v1 with our predicate.
type statement struct {
	Type          string    `json:"_type"`
	Subject       []subject `json:"subject"`
	PredicateType string    `json:"predicateType"`
	Predicate     Predicate `json:"predicate"`
}

type subject struct {
	Name   string            `json:"name"`
	Digest map[string]string `json:"digest"`
}

// signStatement makes the envelope over the statement that names the bundle index.
func signStatement(ctx context.Context, index digest.Digest, p Predicate, key crypto.Signer) ([]byte, PublicKey, error) {
	public, err := NewPublicKey(key.Public())
	if err != nil {
		return nil, PublicKey{}, err
	}
	if p.Created.IsZero() {
		return nil, PublicKey{}, errors.New("sign bundle: no time of signing")
	}
	if err := p.validateIncrement(); err != nil {
		return nil, PublicKey{}, fmt.Errorf("sign bundle: %w", err)
	}
	p.Created = p.Created.UTC().Truncate(time.Second)
	if y := p.Created.Year(); y < 1970 || y > 9999 {
		return nil, PublicKey{}, fmt.Errorf("sign bundle: the time of signing is in the year %d: want 1970 to 9999", y)
	}
	s := statement{
		Type:          statementType,
		Subject:       []subject{{Name: "bundle", Digest: map[string]string{"sha256": index.Encoded()}}},
		PredicateType: predicateType,
		Predicate:     p,
	}
	es, err := dsse.NewEnvelopeSigner(signer{key, public})
	if err != nil {
		return nil, PublicKey{}, fmt.Errorf("sign bundle: %w", err)
	}
	e, err := es.SignPayload(ctx, payloadType, encode(s))
	if err != nil {
		return nil, PublicKey{}, fmt.Errorf("sign bundle: %w", err)
	}
	raw := encode(e)
	if n := int64(len(raw)); n > MaxEnvelopeSize {
		return nil, PublicKey{}, limit("bytes of the signature", n, MaxEnvelopeSize)
	}
	return raw, public, nil
}

// envelope is a signature from the bundle: parsed, not verified.
type envelope struct {
	dsse  dsse.Envelope
	keyID string
}

// parseEnvelope accepts an envelope only in the encoding that we write, with one signature.
func parseEnvelope(raw []byte) (*envelope, error) {
	var e dsse.Envelope
	if err := decodeValue(raw, &e); err != nil {
		return nil, corrupt("signature: %w", err)
	}
	if !bytes.Equal(encode(e), raw) {
		return nil, corrupt("signature: not in its canonical encoding")
	}
	if len(e.Signatures) != 1 || e.PayloadType != payloadType {
		return nil, corrupt("signature: want one signature of %s", payloadType)
	}
	for _, s := range []string{e.Payload, e.Signatures[0].Sig} {
		if b, err := base64.StdEncoding.DecodeString(s); err != nil || base64.StdEncoding.EncodeToString(b) != s {
			return nil, corrupt("signature: not in canonical base64")
		}
	}
	return &envelope{e, e.Signatures[0].KeyID}, nil
}

// verifySignatures verifies the signature with each of keys and returns the statement's predicate and the key that signed it.
func (e *envelope) verifySignatures(ctx context.Context, index digest.Digest, keys []PublicKey) (*Predicate, PublicKey, error) {
	for _, k := range keys {
		if k.ID() != e.keyID {
			continue
		}
		v, err := dsse.NewEnvelopeVerifier(verifier{k})
		if err != nil {
			return nil, PublicKey{}, fmt.Errorf("verify signature: %w", err)
		}
		_, payload, err := v.VerifyAndDecode(ctx, &e.dsse)
		if err != nil {
			return nil, PublicKey{}, fmt.Errorf("verify signature by %s: %w: %w", e.keyID, ErrBadSignature, err)
		}
		p, err := parseStatement(payload, index)
		return p, k, err
	}
	return nil, PublicKey{}, &UnknownSignerError{e.keyID}
}

func parseStatement(payload []byte, index digest.Digest) (*Predicate, error) {
	var s statement
	if err := strictjson.Decode(payload, &s, statementFields); err != nil {
		return nil, corrupt("signed statement: %w", err)
	}
	switch {
	case s.Type != statementType || s.PredicateType != predicateType:
		return nil, corrupt("signed statement: %q with %q is not one about a bundle", s.Type, s.PredicateType)
	case len(s.Subject) != 1 || s.Subject[0].Digest["sha256"] != index.Encoded():
		return nil, fmt.Errorf("%w: the signed statement is about another bundle", ErrBadSignature)
	case !isCreated(payload, &s.Predicate):
		return nil, corrupt("signed statement: created: want times in UTC to the second, such as 2025-01-01T00:00:00Z, from 1970 on")
	case s.Predicate.Sequence > math.MaxInt64:
		return nil, corrupt("signed statement: sequence %d: want at most %d", s.Predicate.Sequence, math.MaxInt64)
	}
	if err := s.Predicate.validateIncrement(); err != nil {
		return nil, corrupt("signed statement: %w", err)
	}
	return &s.Predicate, nil
}

// timeForm is the only form of times in a statement: UTC, to the second.
const timeForm = "2006-01-02T15:04:05Z"

// isCreated reports whether a statement has the times of a predicate in the one form that the format has for them.
func isCreated(payload []byte, p *Predicate) bool {
	type created struct {
		Created string `json:"created"`
	}
	var text struct {
		Predicate struct {
			Created   string `json:"created"`
			Increment struct {
				Previous *created  `json:"previous"`
				Carried  []created `json:"carried"`
			} `json:"increment"`
		} `json:"predicate"`
	}
	if strictjson.Decode(payload, &text, nil) != nil || p.Created.Year() < 1970 {
		return false
	}
	is := func(c created, t time.Time) bool { return c.Created == t.UTC().Format(timeForm) }
	if !is(created{text.Predicate.Created}, p.Created) {
		return false
	}
	if p.Increment == nil {
		return true
	}
	if previous := text.Predicate.Increment.Previous; previous != nil && !is(*previous, p.Increment.Previous.Created) {
		return false
	}
	for i, c := range text.Predicate.Increment.Carried {
		if !is(c, p.Increment.Carried[i].Created) {
			return false
		}
	}
	return true
}

// decodeIndex decodes an index, and limits its number of values. The index may be unsigned, and a few bytes of
// JSON can make a large value, so a limit of bytes alone would not bound the memory.
func decodeIndex(raw []byte, v any) error {
	if n := countValues(raw); n > MaxIndexValues {
		return limit("values in it", n, MaxIndexValues)
	}
	return decodeValue(raw, v)
}

// countValues returns an upper bound of the number of values in raw.
func countValues(raw []byte) int64 {
	n := 1
	for _, c := range []byte(",[{") {
		n += bytes.Count(raw, []byte{c})
	}
	return int64(n)
}
