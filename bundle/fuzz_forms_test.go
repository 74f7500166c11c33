package bundle_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"

	"offlinestore/blob"
	"offlinestore/bundle"
)

// FuzzEncrypted reads foreign bytes with an identity. Nothing but the bundle itself may be read.
func FuzzEncrypted(f *testing.F) {
	c := tiny(f)
	key := newIdentity(f)
	good := encrypt(f, c.pack(f, c.seal(f), bundle.None), key.Recipient())
	f.Add(good)
	f.Add(good[:len(good)/2])
	f.Add([]byte("age-encryption.org/v1\n-> scrypt AAAAAAAAAAAAAAAAAAAAAA 40\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := bundle.NewPackedReader("fuzz", bytes.NewReader(b), key)
		if err == nil {
			defer r.Close()
			_, err = receive(t.Context(), r, trusted(t))
		}
		var none *bundle.EncryptedError
		if err != nil && !refused(err) && !errors.As(err, &none) {
			t.Errorf("refused with %v", err)
		}
	})
}

// FuzzFileNames gives names to two blobs. Every file system must hold them beside each other.
func FuzzFileNames(f *testing.F) {
	for _, name := range []string{"jq_6.snap", "con.x_1", "AUX", "x.", "a.tar.gz", strings.Repeat("x", 70) + ".snap", "Thumbs.db", "a..b", "0.tar.", "x.snap~"} {
		f.Add(name, strings.ToUpper(name))
	}
	f.Fuzz(func(t *testing.T, first, second string) {
		names, seen := new(bundle.FileNames), make(map[string]bool)
		for _, name := range []string{first, second} {
			if !isTitle(name) || first == second { // two blobs have two digests
				return
			}
			path, err := bundle.AddFileName(names, "f/", name, digest.FromString(name))
			if err != nil {
				t.Fatal(err)
			}
			got := strings.TrimPrefix(path, "f/")
			if len(got) > 64 || strings.HasSuffix(got, ".") || blob.IsDevice(got) || blob.IsForeign(got) || strings.ContainsAny(got, `/\:*?"<>|`) || seen[strings.ToLower(got)] {
				t.Errorf("%q has the name %q", name, got)
			}
			seen[strings.ToLower(got)] = true
		}
	})
}

// isTitle reports whether the title of a layer may be s.
func isTitle(s string) bool {
	return s != "" && s[0] != '.' && s[0] != '-' && len(s) <= 255 && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._+-") == ""
}
