package keyring

import (
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"

	"offlinestore/bundle"
)

// pemType is the PEM type of PKCS #8.
const pemType = "PRIVATE KEY"

// ParsePrivateKey parses a PKCS #8 key of a kind that bundles may be signed with. The error is a *[KeyError].
func ParsePrivateKey(text []byte) (crypto.Signer, error) {
	key, err := parsePrivateKey(text)
	if err != nil {
		return nil, &KeyError{err}
	}
	return key, nil
}

func parsePrivateKey(text []byte) (crypto.Signer, error) {
	block, rest := pem.Decode(text)
	switch {
	case block == nil:
		return nil, errors.New("no PEM block in it")
	case block.Type == "ENCRYPTED PRIVATE KEY":
		return nil, errors.New("the key is encrypted: decrypt it first, for example with 'openssl pkcs8'")
	case block.Type != pemType:
		return nil, fmt.Errorf("a PEM block of type %.40q, want %s (PKCS #8): convert it with 'openssl pkcs8 -topk8 -nocrypt'", block.Type, pemType)
	}
	if strings.TrimSpace(string(rest)) != "" {
		return nil, errors.New("something follows the key")
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("parse key: %w", err)
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("a key of type %T can't sign", key)
	}
	if _, err := bundle.NewPublicKey(signer.Public()); err != nil {
		return nil, err
	}
	return signer, nil
}
