// Package macaroons reads the macaroons of logins and the credentials that hold them, and makes the header that shows them to a store.
package macaroons

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"gopkg.in/macaroon.v2"
)

// MaxSize bounds the text of a macaroon in bytes.
const MaxSize = 64 << 10

// ErrInvalid means that a text is no macaroon. The text itself is a secret, so that no error repeats it.
var ErrInvalid = errors.New("not a macaroon")

// Parse reads a macaroon in the binary form, as base64 of any kind.
func Parse(text string) (*macaroon.Macaroon, error) {
	_, m, err := parse(text)
	return m, err
}

func parse(text string) ([]byte, *macaroon.Macaroon, error) {
	if len(text) > MaxSize {
		return nil, nil, fmt.Errorf("%w: longer than %d bytes", ErrInvalid, MaxSize)
	}
	b, err := macaroon.Base64Decode([]byte(strings.TrimSpace(text)))
	if err != nil || len(b) == 0 {
		return nil, nil, ErrInvalid
	}
	var m macaroon.Macaroon
	if m.UnmarshalBinary(b) != nil {
		return nil, nil, ErrInvalid
	}
	return b, &m, nil
}

// Authorization returns the value of the header with the root, and the discharge bound to it. The discharge is given as it was issued, so
// that it can be refreshed.
func Authorization(root, discharge string) (string, error) {
	b, r, err := parse(root)
	if err != nil {
		return "", fmt.Errorf("read the root: %w", err)
	}
	d, err := Parse(discharge)
	if err != nil {
		return "", fmt.Errorf("read the discharge: %w", err)
	}
	d.Bind(r.Signature())
	bound, err := d.MarshalBinary()
	if err != nil {
		return "", errors.New("bind the discharge: its macaroon can't be written")
	}
	encode := base64.RawURLEncoding.EncodeToString
	return fmt.Sprintf("Macaroon root=%q, discharge=%q", encode(b), encode(bound)), nil
}

// ThirdParty returns the ID of the caveat that a third party at location discharges. It returns false if the macaroon has none.
func ThirdParty(m *macaroon.Macaroon, location string) (id string, ok bool) {
	for _, c := range m.Caveats() {
		if len(c.VerificationId) > 0 && strings.EqualFold(c.Location, location) {
			return string(c.Id), true
		}
	}
	return "", false
}
