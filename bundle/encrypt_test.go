package bundle_test

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"filippo.io/age"

	"offlinestore/bundle"
)

// newIdentity returns a new identity of age.
func newIdentity(tb testing.TB) *age.X25519Identity {
	tb.Helper()
	i, err := age.GenerateX25519Identity()
	if err != nil {
		tb.Fatal(err)
	}
	return i
}

// encrypt encrypts an archive, and compares its size with the one that was known before.
func encrypt(tb testing.TB, plain []byte, to ...age.Recipient) []byte {
	tb.Helper()
	e, err := bundle.NewEncryption(to...)
	if err != nil {
		tb.Fatal(err)
	}
	var b bytes.Buffer
	w, err := e.To(&b)
	if err != nil {
		tb.Fatal(err)
	}
	if _, err := w.Write(plain); err != nil {
		tb.Fatal(err)
	}
	if err := w.Close(); err != nil {
		tb.Fatal(err)
	}
	if n := int64(b.Len()); n != e.Size(int64(len(plain))) {
		tb.Errorf("%d bytes, want %d", n, e.Size(int64(len(plain))))
	}
	return b.Bytes()
}

// receiveEncrypted reads a bundle in a file with identities.
func receiveEncrypted(t *testing.T, packed []byte, with ...age.Identity) (*receivedBundle, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "bundle.tar.age")
	if err := os.WriteFile(path, packed, 0o600); err != nil {
		t.Fatal(err)
	}
	in, err := bundle.OpenInput(path)
	if err != nil {
		return nil, err
	}
	in.Unlock(with...)
	r, err := in.Take()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return receive(t.Context(), r, trusted(t))
}

func TestEncrypted(t *testing.T) {
	t.Parallel()
	c := fullSample(t)
	s := c.seal(t)
	first, second := newIdentity(t), newIdentity(t)
	hybrid, err := age.GenerateHybridIdentity()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range framings {
		packed := encrypt(t, c.pack(t, s, f), first.Recipient(), second.Recipient())
		for _, with := range [][]age.Identity{{first}, {second}, {hybrid, first}} {
			got, err := receiveEncrypted(t, packed, with...)
			if err != nil {
				t.Fatal(err)
			}
			checkReceived(t, got, c, s)
		}
		var none *bundle.EncryptedError
		if _, err := receiveEncrypted(t, packed); !errors.As(err, &none) || none.Recipients != 2 || len(none.Tried) != 0 {
			t.Errorf("without an identity: %v", err)
		}
		other := newIdentity(t)
		if _, err := receiveEncrypted(t, packed, other, hybrid); !errors.As(err, &none) || !slices.Contains(none.Tried, other.Recipient().String()) {
			t.Errorf("with another identity: %v", err)
		}
	}
	if got, err := receiveEncrypted(t, encrypt(t, c.pack(t, s, bundle.None), hybrid.Recipient()), hybrid); err != nil {
		t.Error(err)
	} else {
		checkReceived(t, got, c, s)
	}
}

// TestPassphrase shows that the work of a passphrase is never done: it may be gigabytes.
func TestPassphrase(t *testing.T) {
	t.Parallel()
	r, err := age.NewScryptRecipient("correct horse")
	if err != nil {
		t.Fatal(err)
	}
	r.SetWorkFactor(10)
	c := tiny(t)
	packed := encrypt(t, c.pack(t, c.seal(t), bundle.None), r)
	packed = bytes.Replace(packed, []byte(" 10\n"), []byte(" 30\n"), 1)
	i, err := age.NewScryptIdentity("correct horse")
	if err != nil {
		t.Fatal(err)
	}
	var none *bundle.EncryptedError
	for _, with := range [][]age.Identity{nil, {newIdentity(t)}, {i}} {
		if _, err := receiveEncrypted(t, packed, with...); !errors.As(err, &none) || none.Recipients != 0 {
			t.Errorf("with %d identities: %v, want an error about a passphrase", len(with), err)
		}
	}
}

// TestEncryptedDamage cuts encrypted bundles off, and flips their bits.
func TestEncryptedDamage(t *testing.T) {
	t.Parallel()
	c := fullSample(t)
	s := c.seal(t)
	key := newIdentity(t)
	packed := encrypt(t, c.pack(t, s, bundle.None), key.Recipient())
	refuses := func(b []byte, what string, at int) {
		t.Helper()
		var none *bundle.EncryptedError
		if _, err := receiveEncrypted(t, b, key); !refused(err) && !errors.As(err, &none) {
			t.Errorf("%s %d of %d: %v", what, at, len(packed), err)
		}
	}
	rnd := rand.New(rand.NewPCG(5, 6))
	times := 300
	if testing.Short() {
		times = 40
	}
	for n := range times {
		at := rnd.IntN(len(packed))
		if n%3 == 0 {
			at = rnd.IntN(250) // the header
		}
		refuses(packed[:at], "cut off after", at)
		b := slices.Clone(packed)
		b[at] ^= 1 << rnd.IntN(8)
		refuses(b, "flipped bit in byte", at)
	}
	for _, at := range []int{len(packed) - 1, len(packed) - 16, len(packed) - 17} {
		refuses(packed[:at], "cut off after", at)
	}
	refuses(append(slices.Clone(packed), 0), "longer than", len(packed))
	refuses([]byte("age-encryption.org/v1\n"+strings.Repeat("-> X25519 a\n", 100_000)), "endless header", 0)
	refuses(encrypt(t, packed, key.Recipient()), "encrypted twice", 0)
}

// TestEncryptedPipe reads an encrypted bundle from a stream that fails.
func TestEncryptedPipe(t *testing.T) {
	t.Parallel()
	c := tiny(t)
	packed := encrypt(t, c.pack(t, c.seal(t), bundle.None), newIdentity(t).Recipient())
	for _, n := range []int{30, 200} {
		failing := io.MultiReader(bytes.NewReader(packed[:n]), failingReader{})
		if _, err := bundle.NewReader("pipe", failing); !errors.Is(err, io.ErrClosedPipe) || errors.Is(err, bundle.ErrCorrupt) {
			t.Errorf("after %d bytes: %v, want the error of the pipe", n, err)
		}
	}
}

// failingReader is a pipe that broke.
type failingReader struct{}

func (failingReader) Read([]byte) (int, error) { return 0, io.ErrClosedPipe }
