//go:build linux

package main_test

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"filippo.io/age"

	"offlinestore/bundle"
	"offlinestore/cmd/internal/cli"
)

// encryptTo encrypts an archive.
func encryptTo(t *testing.T, plain []byte, recipients ...age.Recipient) []byte {
	t.Helper()
	e, err := bundle.NewEncryption(recipients...)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	w, err := e.To(&b)
	if err == nil {
		_, err = w.Write(plain)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// recipient makes the site's identity, and returns the recipient.
func (s *site) recipient() age.Recipient {
	s.t.Helper()
	list, err := age.ParseRecipients(strings.NewReader(s.mustRun("identity").stdout))
	if err != nil {
		s.t.Fatal(err)
	}
	return list[0]
}

// TestEncryptedForAnother pushes bundles that are encrypted to somebody else, with an identity and without one.
func TestEncryptedForAnother(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	before := s.served()
	other, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	path := s.file("other.tar.age", encryptTo(t, update(t).Tar(bundle.None), other.Recipient()))
	for _, want := range []string{"'snap-store-proxy identity' makes one", "--encrypt-to age1"} {
		if r := s.run("push-snap", path); r.code != cli.Failed || !strings.Contains(r.stderr, want) {
			t.Errorf("exit code %d, want %d and a hint with %q: %s", r.code, cli.Failed, want, r.stderr)
		}
		s.serves(before)
		s.recipient()
	}
	s.isClean()
}

// TestEncryptedDamage pushes encrypted bundles that were cut off or altered.
func TestEncryptedDamage(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	before := s.served()
	good := encryptTo(t, mixedUpdate(t, 0, 40_000).Tar(bundle.None), s.recipient())
	rnd := rand.New(rand.NewPCG(7, 8))
	times := 24
	if testing.Short() {
		times = 6
	}
	for n := range times {
		at := rnd.IntN(len(good))
		if n%4 == 0 {
			at = rnd.IntN(230) // the header
		}
		bad := slices.Clone(good)
		bad[at] ^= 1 << rnd.IntN(8)
		if n%2 == 0 {
			bad = good[:at]
		}
		if r := s.run("push-snap", s.file("bad.tar.age", bad)); r.code != cli.Damaged && (r.code != cli.Failed || at > 230) {
			t.Errorf("altered or cut off at %d: exit code %d: %s", at, r.code, r.stderr)
		}
		s.serves(before)
	}
	s.mustRun("push-snap", s.file("good.tar.age", good))
	s.servesMixedUpdate(0)
	s.isClean()
}

// TestKillWhileDecrypting kills pushes of an encrypted bundle in the middle.
func TestKillWhileDecrypting(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	before := s.served()
	packed := encryptTo(t, mixedUpdate(t, 0, 100_000).Tar(bundle.None), s.recipient())
	step := len(packed) / 10
	if testing.Short() {
		step = len(packed) / 3
	}
	for at := 100; at < len(packed); at += step {
		s.killAfter(packed[:at])
		s.serves(before)
	}
	s.mustRun("push-snap", s.file("good.tar.age", packed))
	s.servesMixedUpdate(0)
	s.isClean()
}
