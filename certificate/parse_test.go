package certificate_test

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"offlinestore/certificate"
)

func TestParseInAnyOrder(t *testing.T) {
	t.Parallel()
	root := newAuthority(t, "root", nil)
	upper := newAuthority(t, "upper", root)
	lower := newAuthority(t, "lower", upper)
	other := newAuthority(t, "stranger", nil)
	key := newKey(t)
	leaf := lower.issue(key.Public(), nil)
	sec1, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	chain := certPEM(leaf) + certPEM(lower.cert) + certPEM(upper.cert)
	for name, text := range map[string]string{
		"as usual":      chain + keyPEM(t, key),
		"backwards":     keyPEM(t, key) + certPEM(upper.cert) + certPEM(lower.cert) + certPEM(leaf),
		"in the middle": certPEM(lower.cert) + block("EC PARAMETERS", []byte{6, 8}) + block("EC PRIVATE KEY", sec1) + certPEM(leaf) + certPEM(upper.cert),
		"twice":         chain + chain + keyPEM(t, key),
		"with words":    "subject=store\r\n" + strings.ReplaceAll(chain, "\n", "\r\n") + "\n\nand the key:\n" + keyPEM(t, key),
	} {
		c, err := certificate.Parse([]byte(text))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got := string(c.ChainPEM()); got != chain {
			t.Errorf("%s: the chain is out of order:\n%s", name, got)
		}
		if got, err := c.KeyPEM(); err != nil || string(got) != keyPEM(t, key) {
			t.Errorf("%s: key = %s, %v", name, got, err)
		}
		if c.RootPEM() != nil || c.Info().PrivateRoot {
			t.Errorf("%s: has a root that nobody gave", name)
		}
	}
	c, err := certificate.Parse([]byte(certPEM(root.cert) + certPEM(other.cert) + chain + keyPEM(t, key)))
	if err != nil {
		t.Fatal(err)
	}
	if got := string(c.RootPEM()); got != certPEM(root.cert) {
		t.Errorf("root = %s", got)
	}
	if got := c.Unused(); len(got) != 1 || !strings.Contains(got[0], "stranger") {
		t.Errorf("Unused() = %q, want the stranger", got)
	}
	again, err := certificate.Parse(slices.Concat(c.ChainPEM(), []byte(keyPEM(t, key))))
	if err != nil || !bytes.Equal(again.ChainPEM(), c.ChainPEM()) {
		t.Errorf("read again: %v", err)
	}
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	root := newAuthority(t, "root", nil)
	key, other := newKey(t), newKey(t)
	leaf := root.issue(key.Public(), nil)
	weak, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	cert, private := certPEM(leaf), keyPEM(t, key)
	for _, tt := range []struct {
		name, text string
		is         error
		says       string
	}{
		{"nothing", "", certificate.ErrNotPEM, ""},
		{"garbage", "\x00\xff garbage", certificate.ErrNotPEM, ""},
		{"DER", string(leaf.Raw), certificate.ErrNotPEM, ""},
		{"no key", cert, certificate.ErrNoKey, ""},
		{"no certificate", private, certificate.ErrNoCertificate, ""},
		{"another's key", cert + keyPEM(t, other), certificate.ErrMismatch, ""},
		{"two keys", cert + private + keyPEM(t, other), nil, "2 private keys"},
		{"two certificates for a key", cert + certPEM(root.issue(key.Public(), nil)) + private, nil, "two certificates"},
		{"encrypted", cert + block("ENCRYPTED PRIVATE KEY", []byte{48, 0}), certificate.ErrEncrypted, ""},
		{"encrypted the old way", cert + "-----BEGIN EC PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\nAAAA\n-----END EC PRIVATE KEY-----\n", certificate.ErrEncrypted, ""},
		{"cut short", cert + private[:len(private)-30], certificate.ErrNotPEM, "cut short"},
		{"cut short in front", cert[:100] + "\n" + cert + private, certificate.ErrNotPEM, "cut short"},
		{"altered base64", strings.Replace(cert, "MII", "M!I", 1) + private, certificate.ErrNotPEM, ""},
		{"an altered key", cert + block("PRIVATE KEY", []byte("secret words")), nil, "can't be read"},
		{"a key of another kind", cert + block("OPENSSH PRIVATE KEY", []byte("x")), nil, "can't be used for TLS"},
		{"a request", block("CERTIFICATE REQUEST", []byte("x")) + private, nil, "of no use"},
		{"a weak key", certPEM(root.issue(weak.Public(), nil)) + keyPEM(t, weak), nil, "1024 bits"},
		{"too large", strings.Repeat(" ", certificate.MaxSize+1), nil, "larger than"},
	} {
		_, err := certificate.Parse([]byte(tt.text))
		if err == nil || tt.is != nil && !errors.Is(err, tt.is) || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: Parse = %v, want %v %s", tt.name, err, tt.is, tt.says)
		}
		if err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: tells the key: %v", tt.name, err)
		}
	}
	var many strings.Builder
	for range 40 {
		many.WriteString(certPEM(root.issue(other.Public(), nil)))
	}
	if _, err := certificate.Parse([]byte(many.String() + private)); err == nil || !strings.Contains(err.Error(), "more than 32") {
		t.Errorf("forty certificates: %v", err)
	}
}

func TestParseRoots(t *testing.T) {
	t.Parallel()
	a, b := newAuthority(t, "a", nil), newAuthority(t, "b", nil)
	got, err := certificate.ParseRoots([]byte(certPEM(a.cert) + certPEM(b.cert)))
	if err != nil || len(got) != 2 || !got[0].Equal(a.cert) || !got[1].Equal(b.cert) {
		t.Errorf("ParseRoots = %v, %v", got, err)
	}
	key := newKey(t)
	server := certPEM(a.issue(key.Public(), func(c *x509.Certificate) { c.BasicConstraintsValid = true }))
	for name, text := range map[string]string{"nothing": "", "a key": certPEM(a.cert) + keyPEM(t, key), "only a key": keyPEM(t, key), "a server's": server} {
		if _, err := certificate.ParseRoots([]byte(text)); err == nil {
			t.Errorf("%s is taken for authorities", name)
		}
	}
}

func FuzzParse(f *testing.F) {
	// The key must be the same in each process. Otherwise the fuzzer takes the varying path of a signature for news.
	text, err := os.ReadFile("testdata/pair.pem")
	if err != nil {
		f.Fatal(err)
	}
	if _, err := certificate.Parse(text); err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add([]byte("-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := certificate.Parse(text)
		if err != nil {
			return
		}
		key, err := c.KeyPEM()
		if err != nil {
			t.Fatal(err)
		}
		again, err := certificate.Parse(append(c.ChainPEM(), key...))
		if err != nil || !bytes.Equal(again.ChainPEM(), c.ChainPEM()) {
			t.Errorf("what was read can't be read again: %v", err)
		}
	})
}
