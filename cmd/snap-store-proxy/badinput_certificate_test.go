//go:build linux

package main_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"offlinestore/cmd/internal/cli"
	"offlinestore/internal/doctest"
)

// pair is a certificate and its key, as PEM.
type pair struct{ cert, key string }

// newPair makes a self-signed certificate for a.example.
func newPair(t *testing.T, key crypto.Signer, change func(*x509.Certificate)) pair {
	t.Helper()
	c := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"a.example"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(1000 * time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
	if change != nil {
		change(c)
	}
	cert, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return pair{block("CERTIFICATE", cert), block("PRIVATE KEY", private)}
}

func block(typ string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: typ, Bytes: der}))
}

func ecdsaKey(t *testing.T) crypto.Signer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// badCertificate is a row of the table of bad certificates. --force accepts a certificate that could be used at another
// time or under another name.
type badCertificate struct {
	row, stdin, says string
	force            bool
	command          string
}

func badCertificates(t *testing.T) []badCertificate {
	t.Helper()
	key := ecdsaKey(t)
	good, other := newPair(t, key, nil), newPair(t, ecdsaKey(t), nil)
	weak, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	changed := func(change func(*x509.Certificate)) string {
		p := newPair(t, key, change)
		return p.key + p.cert
	}
	short := newPair(t, weak, nil)
	const imported, uses = "import-certificate", "use-ca-certs"
	return []badCertificate{
		{"key of another certificate", good.cert + other.key, "belongs to none", false, imported},
		{"expired certificate", changed(func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) }), "expired on", true, imported},
		{"certificate that is not valid yet", changed(func(c *x509.Certificate) { c.NotBefore = time.Now().Add(time.Hour) }), "not valid before", true, imported},
		{"certificate for another name", changed(func(c *x509.Certificate) { c.DNSNames = []string{"b.example"} }), "is for b.example, not for a.example", true, imported},
		{"certificate that names its host in the subject alone", changed(func(c *x509.Certificate) { c.DNSNames = nil }), "alternative names", true, imported},
		{"certificate for clients", changed(func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth} }), "not for servers", false, imported},
		{"garbage, or DER", "hunter2\x00\xff", "not PEM", false, imported},
		{"PEM that was cut off", good.cert + good.key[:60], "cut short", false, imported},
		{"certificate without a key", good.cert, "no private key", false, imported},
		{"key without a certificate", good.key, "no certificate", false, imported},
		{"encrypted key", good.cert + block("ENCRYPTED PRIVATE KEY", []byte("hunter2")), "encrypted", false, imported},
		{"key that can't be read", good.cert + block("PRIVATE KEY", []byte("hunter2")), "can't be read", false, imported},
		{"two keys, or two certificates for a key", good.cert + good.key + other.key, "2 private keys", false, imported},
		{"RSA key of less than 2048 bits", short.cert + short.key, "too weak", false, imported},
		{"more than a megabyte, or than 32 certificates", strings.Repeat("-", 1<<20+1), "larger than", false, imported},
		{"private key among authorities", good.cert + good.key, "private key", false, uses},
	}
}

func TestBadCertificates(t *testing.T) {
	t.Parallel()
	for _, c := range badCertificates(t) {
		t.Run(c.row, func(t *testing.T) {
			t.Parallel()
			dir := tempDir(t)
			s := &site{t: t, dir: filepath.Join(dir, "data"), tmp: dir}
			s.mustRun("config", "proxy.domain=a.example")
			before := s.settings()
			r := s.runWith(strings.NewReader(c.stdin), c.command)
			if r.code != cli.Failed || !strings.Contains(r.stderr, c.says) || !strings.Contains(r.stderr, "hint: ") {
				t.Errorf("exit code %d, stderr %q; want %d, %q and a hint", r.code, r.stderr, cli.Failed, c.says)
			}
			if strings.Contains(r.stderr+r.stdout, "hunter2") {
				t.Errorf("the input is quoted: %s%s", r.stdout, r.stderr)
			}
			if got := s.settings(); got != before {
				t.Errorf("the settings became %q", got)
			}
			if c.command != "import-certificate" {
				return
			}
			want := cli.Failed
			if c.force {
				want = cli.OK
			}
			if r := s.runWith(strings.NewReader(c.stdin), c.command, "--force"); r.code != want {
				t.Errorf("with --force: exit code %d, want %d: %s", r.code, want, r.stderr)
			}
		})
	}
}

// TestTableOfBadCertificates compares the table of docs/errors.md with the tests.
func TestTableOfBadCertificates(t *testing.T) {
	t.Parallel()
	want := map[string]string{"damaged certificate in `settings.yaml`": fmt.Sprint(cli.Failed)} // TestServeWithSpoiltCertificate
	for _, c := range badCertificates(t) {
		want[c.row] = fmt.Sprint(cli.Failed)
	}
	if diff := cmp.Diff(doctest.BadInput(t, "Bad certificates"), want); diff != "" {
		t.Errorf("the table of bad certificates (-docs/errors.md +tests):\n%s", diff)
	}
}
