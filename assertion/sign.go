package assertion

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/packet"
)

// SigningKey is an RSA key that signs assertions.
type SigningKey struct {
	private *packet.PrivateKey
	encoded []byte
}

// NewSigningKey returns a SigningKey for an RSA signer, in memory or in a token.
func NewSigningKey(signer crypto.Signer) (*SigningKey, error) {
	pub, ok := signer.Public().(*rsa.PublicKey)
	if !ok {
		return nil, fmt.Errorf("a %T can't sign assertions, only RSA can", signer.Public())
	}
	encoded, err := marshalKey(pub)
	if err != nil {
		return nil, err
	}
	return &SigningKey{
		private: &packet.PrivateKey{PublicKey: *packet.NewRSAPublicKey(keyCreated, pub), PrivateKey: signer},
		encoded: encoded,
	}, nil
}

// KeyID returns the identifier of the public key.
func (k *SigningKey) KeyID() string { return keyID(k.encoded) }

// Fingerprint returns the one of the OpenPGP key, in hexadecimal digits, by which tools for OpenPGP name it.
func (k *SigningKey) Fingerprint() string { return hex.EncodeToString(k.private.Fingerprint) }

// PublicKeyBody returns the text of the public key. It is the body of the account-key assertion and the value of the device-key
// header.
func (k *SigningKey) PublicKeyBody() []byte { return appendArmour(nil, k.encoded) }

// Sign makes an assertion of headers (strings, lists of values as []any or []string, maps as map[string]any) and a body. Sign
// sets the headers body-length and sign-key-sha3-384. The same input gives the same bytes.
func Sign(headers map[string]any, body []byte, k *SigningKey) (*Assertion, error) {
	typ, _ := headers["type"].(string)
	headers = maps.Clone(headers)
	delete(headers, "body-length")
	if len(body) > 0 {
		headers["body-length"] = strconv.Itoa(len(body))
	}
	if headers["sign-key-sha3-384"] = k.KeyID(); typ == "" {
		return nil, errors.New("sign assertion: no type")
	}
	content, err := appendContent(headers, body)
	if err != nil {
		return nil, fmt.Errorf("sign %s: %w", typ, err)
	}
	sig, err := k.sign(content, signingTime(headers))
	if err != nil {
		return nil, fmt.Errorf("sign %s: %w", typ, err)
	}
	a, err := Decode(append(append(content, "\n\n"...), sig...))
	if err != nil {
		return nil, fmt.Errorf("sign %s: %w", typ, err)
	}
	return a, nil
}

// appendContent appends headers in snapd's order: type, format, authority and revision, the primary key, the rest sorted, and
// last the headers about the signature.
func appendContent(headers map[string]any, body []byte) ([]byte, error) {
	t, _ := TypeByName(headers["type"].(string))
	first := append([]string{"type", "format", "authority-id", "revision"}, t.PrimaryKey...)
	last := []string{"body-length", "sign-key-sha3-384"}
	order := slices.Clone(first)
	for _, name := range slices.Sorted(maps.Keys(headers)) {
		if !slices.Contains(first, name) && !slices.Contains(last, name) {
			order = append(order, name)
		}
	}
	var b []byte
	for _, name := range append(order, last...) {
		v, ok := headers[name]
		if !ok || isDefault(t, name, v) {
			continue
		}
		if len(b) > 0 {
			b = append(b, '\n')
		}
		var err error
		if b, err = appendValue(append(append(b, name...), ':'), v, 0, 0); err != nil {
			return nil, fmt.Errorf("header %q: %w", name, err)
		}
	}
	if len(body) > 0 {
		b = append(append(b, "\n\n"...), body...)
	}
	return b, nil
}

func isDefault(t Type, name string, v any) bool {
	if name == "format" || name == "revision" {
		return v == "0"
	}
	value, optional := t.Optional[name]
	return optional && v == value
}

// signingTime returns a time from the assertion itself, so that signing it twice gives the same bytes.
func signingTime(headers map[string]any) time.Time {
	for _, name := range []string{"timestamp", "since"} {
		s, _ := headers[name].(string)
		if t, err := time.Parse(time.RFC3339, s); err == nil && t.After(keyCreated) && t.Unix() < 1<<32 {
			return t
		}
	}
	return keyCreated
}

func (k *SigningKey) sign(content []byte, at time.Time) ([]byte, error) {
	randomize := false
	config := &packet.Config{DefaultHash: crypto.SHA512, NonDeterministicSignaturesViaNotation: &randomize}
	sig := &packet.Signature{
		Version: 4, SigType: packet.SigTypeBinary, PubKeyAlgo: packet.PubKeyAlgoRSA, Hash: crypto.SHA512, CreationTime: at,
	}
	h, err := sig.PrepareSign(config)
	if err != nil {
		return nil, err
	}
	h.Write(content)
	if err := sig.Sign(h, k.private, config); err != nil {
		return nil, err
	}
	var b bytes.Buffer
	b.WriteByte(armourVersion)
	if err := sig.Serialize(&b); err != nil {
		return nil, err
	}
	return appendArmour(nil, b.Bytes()), nil
}
