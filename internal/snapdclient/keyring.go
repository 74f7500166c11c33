package main

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"

	"github.com/snapcore/snapd/asserts"
)

// Keys of 2048 bits sign and verify like keys of 4096 bits, and take a tenth of the time to make.
const (
	signKeyBits   = 2048
	deviceKeyBits = 2048
)

// keyring is one account with one key. The account is empty for a device, whose assertions name no authority.
type keyring struct {
	account string
	key     asserts.PrivateKey
	db      *asserts.Database
}

func newKeyring(account string, bits int) (*keyring, error) {
	rsaKey, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		return nil, err
	}
	return keyringOf(account, rsaKey)
}

// readKeyring reads the key of a device from a PEM file.
func readKeyring(file string) (*keyring, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, fmt.Errorf("%s: not PEM", file)
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, err
	}
	rsaKey, ok := key.(*rsa.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("%s: not an RSA key", file)
	}
	return keyringOf("", rsaKey)
}

func keyringOf(account string, rsaKey *rsa.PrivateKey) (*keyring, error) {
	db, err := asserts.OpenDatabase(&asserts.DatabaseConfig{})
	if err != nil {
		return nil, err
	}
	key := asserts.RSAPrivateKey(rsaKey)
	if err := db.ImportKey(key); err != nil {
		return nil, err
	}
	return &keyring{account: account, key: key, db: db}, nil
}

func (k *keyring) id() string { return k.key.PublicKey().ID() }

// publicKey returns the key in the form that the body of an account-key and device-key headers have.
func (k *keyring) publicKey() ([]byte, error) { return asserts.EncodePublicKey(k.key.PublicKey()) }

func (k *keyring) sign(typ *asserts.AssertionType, headers map[string]any, body []byte) (asserts.Assertion, error) {
	headers["authority-id"] = k.account
	return k.db.Sign(typ, headers, body, k.id())
}

func (k *keyring) signWithoutAuthority(typ *asserts.AssertionType, headers map[string]any) (asserts.Assertion, error) {
	return asserts.SignWithoutAuthority(typ, headers, nil, k.key)
}
