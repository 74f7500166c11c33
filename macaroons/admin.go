package macaroons

import (
	"crypto/sha3"
	"encoding/base64"
	"encoding/hex"
	"fmt"
)

// Admin returns the macaroon by which an air-gapped store recognises an administrator, from any form of credentials: the root of a login
// at the Snap Store, or a token. The discharge of a login stays outside, because it would let the store act at the Snap Store, and because
// it is replaced every day.
func Admin(text string) (string, error) {
	m, err := adminBinary(text)
	return base64.RawURLEncoding.EncodeToString(m), err
}

// AdminDigest returns the SHA3-384 of the macaroon that Admin returns, in hexadecimal digits. It is the same for all forms of the
// credentials.
func AdminDigest(text string) (string, error) {
	m, err := adminBinary(text)
	if err != nil {
		return "", err
	}
	sum := sha3.Sum384(m)
	return hex.EncodeToString(sum[:]), nil
}

func adminBinary(text string) ([]byte, error) {
	c, err := ParseCredentials(text)
	if err != nil {
		return nil, err
	}
	chosen := c.Root
	if c.Token != "" {
		chosen = c.Token
	}
	m, err := Parse(chosen)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFormat, err)
	}
	return m.MarshalBinary()
}
