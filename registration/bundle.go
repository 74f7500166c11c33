package registration

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"
)

// bundleFile is the content of the file that the original's 'register --output-file' writes in base64.
type bundleFile struct {
	Domain         string `json:"domain"`
	PrivateKey     string `json:"private_key"`
	PublicKey      string `json:"public_key"`
	StoreID        string `json:"store_id"`
	StoreAssertion string `json:"store_assertion"`
}

// ParseBundle reads a registration bundle, registration_bundle.b64.
func ParseBundle(text []byte) (*Claim, error) {
	if len(text) > MaxBundle {
		return nil, fmt.Errorf("registration bundle: %w: more than %d bytes", ErrFormat, MaxBundle)
	}
	raw, err := decodeBase64(text)
	if err != nil {
		return nil, fmt.Errorf("registration bundle: %w: not base64", ErrFormat)
	}
	f, err := decodeBundle(raw)
	if err != nil {
		return nil, fmt.Errorf("registration bundle: %w: %w", ErrFormat, err)
	}
	c, err := ParseStream([]byte(f.StoreAssertion))
	if err != nil {
		return nil, fmt.Errorf("registration bundle: %w", err)
	}
	c.domain, c.storeID, c.privateKey, c.publicKey = f.Domain, f.StoreID, f.PrivateKey, f.PublicKey
	return c, nil
}

// decodeBase64 decodes base64 with or without line breaks, as base64 and base64 -w0 write it.
func decodeBase64(text []byte) ([]byte, error) {
	packed := strings.Map(func(r rune) rune {
		if r == '\n' || r == '\r' {
			return -1
		}
		return r
	}, strings.TrimSpace(string(text)))
	return base64.StdEncoding.Strict().DecodeString(packed)
}

// decodeBundle decodes one JSON object with all fields. It ignores unknown fields, which a later version may add.
func decodeBundle(raw []byte) (*bundleFile, error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	var f *bundleFile
	if err := d.Decode(&f); err != nil {
		return nil, errors.New("not JSON as expected") // the decoder's error may quote a key
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, errors.New("something follows the JSON")
	}
	if f == nil || f.Domain == "" || f.StoreID == "" || f.StoreAssertion == "" {
		return nil, errors.New("domain, store_id and store_assertion have to be in it")
	}
	for _, key := range []string{f.PrivateKey, f.PublicKey} {
		if len(key) > maxKey || !utf8.ValidString(key) || strings.ContainsFunc(key, notInKeys) {
			return nil, errors.New("a key in it is no text, or too long")
		}
	}
	return f, verifyPair(f.PrivateKey, f.PublicKey)
}

func notInKeys(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\r' }

// verifyPair verifies that the keys belong together, if they are PEM. The form is not documented, so keys in another form are
// carried unchanged.
func verifyPair(private, public string) error {
	if (private == "") != (public == "") {
		return errors.New("one of private_key and public_key is missing")
	}
	want, ok := publicOf(private)
	if !ok {
		return nil
	}
	got, ok := parsePublic(public)
	if !ok {
		return nil
	}
	if k, comparable := want.(interface{ Equal(crypto.PublicKey) bool }); comparable && !k.Equal(got) {
		return errors.New("its private and its public key are no pair")
	}
	return nil
}

// publicOf returns the public half of a private key in PEM.
func publicOf(text string) (crypto.PublicKey, bool) {
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		return nil, false
	}
	var key any
	var err error
	switch block.Type {
	case "RSA PRIVATE KEY":
		key, err = x509.ParsePKCS1PrivateKey(block.Bytes)
	case "EC PRIVATE KEY":
		key, err = x509.ParseECPrivateKey(block.Bytes)
	default:
		key, err = x509.ParsePKCS8PrivateKey(block.Bytes)
	}
	signer, ok := key.(crypto.Signer)
	if err != nil || !ok {
		return nil, false
	}
	return signer.Public(), true
}

func parsePublic(text string) (crypto.PublicKey, bool) {
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		return nil, false
	}
	if block.Type == "RSA PUBLIC KEY" {
		key, err := x509.ParsePKCS1PublicKey(block.Bytes)
		return key, err == nil
	}
	key, err := x509.ParsePKIXPublicKey(block.Bytes)
	return key, err == nil
}
