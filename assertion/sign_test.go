package assertion_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha3"
	"encoding/base64"
	"errors"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"offlinestore/assertion"
	"offlinestore/internal/assertiontest"
)

func TestSignWritesCanonicalOrder(t *testing.T) {
	t.Parallel()
	s := assertiontest.NewStack(t)
	a, err := assertion.Sign(headers{
		"timestamp": assertiontest.Timestamp, "body-length": "99", "zzz": "last", "aaa": "first", "snap-revision": "7", "snap-size": "1",
		"developer-id": "dev1", "snap-id": "snapid1", "provenance": "global-upload", "snap-sha3-384": digest, "revision": "2", "format": "0",
		"authority-id": "testroot", "type": "snap-revision", "text": "a\nb", "list": []string{"x"}, "map": headers{"b": []any{headers{"k": "v"}, []any{"y"}}, "a": "1\n2"},
	}, []byte("body"), s.StoreKey)
	if err != nil {
		t.Fatal(err)
	}
	want := `type: snap-revision
authority-id: testroot
revision: 2
snap-sha3-384: ` + digest + `
aaa: first
developer-id: dev1
list:
  - x
map:
  a:
      1
      2
  b:
    -
      k: v
    -
      - y
snap-id: snapid1
snap-revision: 7
snap-size: 1
text:
    a
    b
timestamp: ` + assertiontest.Timestamp + `
zzz: last
body-length: 4
sign-key-sha3-384: ` + s.StoreKey.KeyID() + `

body

`
	if got := string(a.Raw()); !strings.HasPrefix(got, want) {
		t.Errorf("the assertion differs (-got +want):\n%s", cmp.Diff(got, want))
	}
	if got, want := string(a.Body()), "body"; got != want {
		t.Errorf("Body() = %q, want %q", got, want)
	}
	for line := range strings.SplitSeq(string(a.Raw()[len(want):]), "\n") {
		if len(line) > 76 {
			t.Errorf("a line of the signature has %d characters", len(line))
		}
	}
}

func TestSignIsDeterministic(t *testing.T) {
	t.Parallel()
	a, b := assertiontest.NewStack(t), assertiontest.NewStack(t)
	if !bytes.Equal(a.RootStream(), b.RootStream()) {
		t.Error("signed twice, the bytes differ")
	}
}

func TestSignRefuses(t *testing.T) {
	t.Parallel()
	s := assertiontest.NewStack(t)
	for name, h := range map[string]headers{
		"no type":        {"authority-id": "x"},
		"empty list":     {"x": []any{}},
		"empty map":      {"x": headers{"y": headers{}}},
		"number":         {"x": 1},
		"nil":            {"x": nil},
		"name not valid": {"X": "y"},
		"too large":      {"x": strings.Repeat("x", assertion.MaxHeaders)},
	} {
		all := headers{"type": "novelty"}
		if name == "no type" {
			delete(all, "type")
		}
		for k, v := range h {
			all[k] = v
		}
		if _, err := assertion.Sign(all, nil, s.StoreKey); err == nil {
			t.Errorf("%s: signed", name)
		}
	}
	a, err := assertion.Sign(headers{"type": "novelty", "x": "a\nb: c"}, nil, s.StoreKey)
	if err != nil || a.HeaderString("x") != "a\nb: c" || a.Header("b") != nil {
		t.Errorf("a header slips in behind a newline: %v", err)
	}
}

func TestKeys(t *testing.T) {
	t.Parallel()
	private, err := assertiontest.PrivateKey("root")
	if err != nil {
		t.Fatal(err)
	}
	id, err := assertion.KeyID(&private.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	s := assertiontest.NewStack(t)
	if got := s.RootKey.KeyID(); got != id || s.Root.SignKeyID() != id {
		t.Errorf("KeyID() = %s, want %s", got, id)
	}
	if got, want := len(s.RootKey.PublicKeyBody()), 717; got != want {
		t.Errorf("a 4096-bit key has %d bytes of text, want %d as in genuine account-keys", got, want)
	}
	curve, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := assertion.NewSigningKey(curve); err == nil {
		t.Error("an ECDSA key is accepted")
	}
	if _, err := assertion.KeyID(&rsa.PublicKey{N: private.N.Lsh(private.N, 4097), E: 65537}); err == nil {
		t.Error("a key of 8193 bits is accepted")
	}
}

func TestDigestHeader(t *testing.T) {
	t.Parallel()
	sum, err := assertion.ParseDigestHeader(digest)
	if err != nil {
		t.Fatal(err)
	}
	if got := assertion.DigestHeader(sum); got != digest {
		t.Errorf("DigestHeader() = %q, want %q", got, digest)
	}
	for _, s := range []string{"", digest[:63], digest + "A", strings.Replace(digest, "_", "/", 1), digest[:62] + "=="} {
		if _, err := assertion.ParseDigestHeader(s); err == nil {
			t.Errorf("ParseDigestHeader(%q): accepted", s)
		}
	}
}

func TestAccountKeyForm(t *testing.T) {
	t.Parallel()
	s := assertiontest.NewStack(t)
	raw := string(s.StoreAccountKey.Raw())
	key := string(s.StoreKey.PublicKeyBody())
	old, err := base64.StdEncoding.DecodeString(key)
	if err != nil {
		t.Fatal(err)
	}
	copy(old[1:4], []byte{0x99, byte((len(old) - 4) >> 8), byte(len(old) - 4)}) // the header of old OpenPGP packets, of the same length
	oldID := sha3.Sum384(old)
	oldKey := base64.StdEncoding.EncodeToString(old)
	for name, text := range map[string]string{
		"not canonical": strings.NewReplacer(key, oldKey, "body-length: 717", "body-length: "+strconv.Itoa(len(oldKey)),
			s.StoreKey.KeyID(), assertion.DigestHeader(oldID[:])).Replace(raw),
		"another key's identifier": strings.Replace(raw, "public-key-sha3-384: "+s.StoreKey.KeyID(), "public-key-sha3-384: "+digest, 1),
		"a signature as key":       strings.Replace(raw, key, string(s.Root.Raw()[len(s.Root.Raw())-len(key):]), 1),
		"until before since":       strings.Replace(raw, "\nsince:", "\nuntil: 2015-01-01T00:00:00Z\nsince:", 1),
		"no since":                 strings.Replace(raw, "\nsince: "+assertiontest.Since, "", 1),
		"name not valid":           strings.Replace(raw, "name: store", "name: -", 1),
		"constraints in format 0":  strings.Replace(raw, "\nsince:", "\nconstraints:\n  - x\nsince:", 1),
		"no account":               strings.Replace(raw, "\naccount-id: testroot", "", 1),
	} {
		if text == raw {
			t.Fatalf("%s: the vector changes nothing", name)
		}
		if _, err := assertion.Decode([]byte(text)); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestDeviceSignatures(t *testing.T) {
	t.Parallel()
	s := assertiontest.NewStack(t)
	brand, device := s.NewAccount("brand1", "brand"), assertiontest.DeviceKey()
	serial := brand.Serial("m", "1", device, nil)
	key, err := assertion.DeviceKey(serial)
	if err != nil {
		t.Fatal(err)
	}
	session := assertiontest.DeviceSessionRequest("brand1", "m", "1", "nonce", device, nil)
	request := assertiontest.SerialRequest("brand1", "m", "REQID", device, nil)
	for _, a := range []*assertion.Assertion{session, request} {
		if err := assertion.VerifyDeviceSignature(a, key); err != nil {
			t.Error(err)
		}
		if err := (&assertion.Verifier{Trust: s.Trust()}).Verify(a); !errors.Is(err, assertion.ErrUnsupported) {
			t.Errorf("Verify(%v) = %v, want %v", a.Ref(), err, assertion.ErrUnsupported)
		}
		tampered, err := assertion.Decode([]byte(strings.Replace(string(a.Raw()), "model: m", "model: n", 1)))
		if err != nil {
			t.Fatal(err)
		}
		if err := assertion.VerifyDeviceSignature(tampered, key); !errors.Is(err, assertion.ErrBadSignature) {
			t.Errorf("tampered %v: got %v, want %v", a.Ref(), err, assertion.ErrBadSignature)
		}
	}
	stranger := assertiontest.DeviceSessionRequest("brand1", "m", "1", "nonce", brand.Key, nil)
	if err := assertion.VerifyDeviceSignature(stranger, key); !errors.Is(err, assertion.ErrMismatch) {
		t.Errorf("signed by another key: got %v, want %v", err, assertion.ErrMismatch)
	}
	if err := assertion.VerifyDeviceSignature(serial, key); !errors.Is(err, assertion.ErrUnsupported) {
		t.Errorf("a serial: got %v, want %v", err, assertion.ErrUnsupported)
	}
	if _, err := assertion.Sign(headers{
		"type": "serial-request", "brand-id": "brand1", "model": "m", "request-id": "REQID", "device-key": string(device.PublicKeyBody()),
	}, nil, brand.Key); !errors.Is(err, assertion.ErrMismatch) {
		t.Errorf("a serial-request for another's key: got %v, want %v", err, assertion.ErrMismatch)
	}
	withAuthority := strings.Replace(string(session.Raw()), "brand-id", "authority-id: brand1\nbrand-id", 1)
	if _, err := assertion.Decode([]byte(withAuthority)); err == nil {
		t.Error("a device-session-request with an authority is accepted")
	}
	wrongKey := strings.Replace(string(serial.Raw()), "device-key-sha3-384: "+device.KeyID(), "device-key-sha3-384: "+digest, 1)
	if _, err := assertion.Decode([]byte(wrongKey)); !errors.Is(err, assertion.ErrMismatch) {
		t.Errorf("serial with another key's identifier: got %v, want %v", err, assertion.ErrMismatch)
	}
}
