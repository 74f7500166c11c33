package registration_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"os"
	"path/filepath"
	"testing"

	"offlinestore/assertion"
	"offlinestore/internal/assertiontest"
	"offlinestore/registration"
)

const storeURL = "https://snaps.example.internal"

// sample is a store that a test root has registered.
type sample struct {
	stack    *assertiontest.Stack
	operator *assertion.Assertion
}

func newSample(tb testing.TB) *sample {
	s := assertiontest.NewStack(tb)
	return &sample{s, s.Account("operator1", "The operator", nil)}
}

// stream returns the assertions in the worst order: each comes before the assertions that it needs.
func (s *sample) stream(tb testing.TB, url string, changes assertiontest.Headers) []byte {
	tb.Helper()
	return encode(tb, append([]*assertion.Assertion{s.stack.Store("store1", "operator1", url, changes), s.operator}, s.stack.Base()...)...)
}

func encode(tb testing.TB, all ...*assertion.Assertion) []byte {
	tb.Helper()
	var b bytes.Buffer
	if err := assertion.EncodeAll(&b, all); err != nil {
		tb.Fatal(err)
	}
	return b.Bytes()
}

// fields returns the fields of a registration bundle.
func (s *sample) fields(tb testing.TB) map[string]any {
	private, public := keyPair(tb)
	return map[string]any{"domain": "snaps.example.internal", "private_key": private, "public_key": public, "store_id": "store1",
		"store_assertion": string(s.stream(tb, storeURL, nil))}
}

func keyPair(tb testing.TB) (private, public string) {
	tb.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		tb.Fatal(err)
	}
	pub, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		tb.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})), string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: pub}))
}

func pack(tb testing.TB, fields map[string]any) []byte {
	tb.Helper()
	text, err := json.Marshal(fields)
	if err != nil {
		tb.Fatal(err)
	}
	return []byte(base64.StdEncoding.EncodeToString(text) + "\n")
}

func targz(tb testing.TB, entries ...tar.Header) []byte {
	tb.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	for _, h := range entries {
		content := h.PAXRecords["OFFLINE.content"] // in this test, an entry keeps its content here
		h.PAXRecords, h.Size, h.Mode = nil, int64(len(content)), 0o644
		if err := w.WriteHeader(&h); err != nil {
			tb.Fatal(err)
		}
		if _, err := w.Write([]byte(content)); err != nil {
			tb.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		tb.Fatal(err)
	}
	if err := z.Close(); err != nil {
		tb.Fatal(err)
	}
	return b.Bytes()
}

func file(name string, content []byte) tar.Header {
	return tar.Header{Name: name, Typeflag: tar.TypeReg, PAXRecords: map[string]string{"OFFLINE.content": string(content)}}
}

// realdata returns genuine data. CI fails without it.
func realdata(t *testing.T, name string) []byte {
	t.Helper()
	dir := os.Getenv("OFFLINESTORE_REALDATA")
	if dir == "" {
		dir = filepath.Join("..", "..", "shared", "realdata")
		if _, err := os.Stat(dir); err != nil {
			t.Skip("no genuine data here")
		}
	}
	text, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func verify(c *registration.Claim, s *sample) (*registration.Registration, error) {
	return registration.Verify(c, s.stack.Trust(), storeURL, assertiontest.Time())
}
