package bundle_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	crand "crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"math/big"
	"strings"
	"testing"

	"offlinestore/bundle"
)

func TestParsePublicKey(t *testing.T) {
	t.Parallel()
	key := publicOf(t, testKey())
	for _, text := range []string{string(key.PEM()), string(key.PEM()) + "\n \r\n", "\r\n\n" + strings.ReplaceAll(string(key.PEM()), "\n", "\r\n")} {
		got, err := bundle.ParsePublicKey([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		if got.ID() != key.ID() || !bytes.Equal(got.PEM(), key.PEM()) {
			t.Errorf("%s, want %s", got.ID(), key.ID())
		}
	}
	der, err := x509.MarshalPKIXPublicKey(testKey().Public())
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(der)
	if want := "sha256:" + hex.EncodeToString(sum[:]); key.ID() != want {
		t.Errorf("ID %s, want %s", key.ID(), want)
	}
	if got := (bundle.PublicKey{}).Algorithm(); got != "no key" {
		t.Errorf("the zero key is %s", got)
	}
}

func TestParsePublicKeyRefuses(t *testing.T) {
	t.Parallel()
	good := string(publicOf(t, testKey()).PEM())
	pemOf := func(pub any) string {
		der, err := x509.MarshalPKIXPublicKey(pub)
		if err != nil {
			t.Fatal(err)
		}
		return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
	}
	p384, err := ecdsa.GenerateKey(elliptic.P384(), crand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	rsa2048, err := rsa.GenerateKey(crand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct{ text, want string }{
		"nothing":              {"", "no PEM"},
		"text":                 {"hello", "no PEM"},
		"two keys":             {good + good, "something follows"},
		"text after the key":   {good + "x", "something follows"},
		"text before the key":  {"x\n" + good, "something precedes"},
		"half a key before it": {"-----BEGIN PUBLIC KEY-----\nx\n" + good, "something precedes"},
		"headers":              {strings.Replace(good, "KEY-----\n", "KEY-----\na: b\n\n", 1), "headers"},
		"a private key":        {strings.ReplaceAll(good, "PUBLIC", "PRIVATE"), "PRIVATE KEY"},
		"no key in it":         {string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: []byte("x")})), "parse public key"},
		"P-384":                {pemOf(p384.Public()), "P-256"},
		"the exponent 1":       {pemOf(&rsa.PublicKey{N: new(big.Int).Lsh(big.NewInt(1), 3071), E: 1}), "exponent"},
		"RSA-2048":             {pemOf(rsa2048.Public()), "2048 bits"},
	} {
		if _, err := bundle.ParsePublicKey([]byte(test.text)); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v, want one with %q", name, err, test.want)
		}
	}
	if _, err := bundle.NewPublicKey("hello"); err == nil {
		t.Error("a string was taken for a key")
	}
}
