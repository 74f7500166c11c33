package assertion_test

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"offlinestore/assertion"
	"offlinestore/internal/assertiontest"
)

func TestVerifyMissing(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	device := assertiontest.DeviceKey()
	for _, tt := range []struct {
		a    *assertion.Assertion
		want string
	}{
		{f.SnapDeclaration("x", "x", "nobody", nil), "account/nobody"},
		{f.SnapRevision("nosnap", 1, "dev1", f.blob, nil), "snap-declaration/16/nosnap"},
		{f.SnapRevision("snapid1", 1, "nobody", f.blob, nil), "account/nobody"},
		{f.SnapResourceRevision("nosnap", "c", 1, "dev1", f.blob, nil), "snap-declaration/16/nosnap"},
		{f.SnapResourcePair("nosnap", "c", 1, 1, "dev1", nil), "snap-declaration/16/nosnap"},
		{f.SnapResourcePair("snapid1", "c", 1, 1, "nobody", nil), "account/nobody"},
		{f.Store("s", "nobody", "https://x.example", nil), "account/nobody"},
		{f.AccountKey("nobody", "k", device, nil), "account/nobody"},
		{f.other.Serial("m", "1", device, headers{"brand-id": "brand1"}), "model/16/brand1/m"},
	} {
		err := f.verifier().Verify(tt.a)
		got, ok := errors.AsType[*assertion.MissingError](err)
		if !ok || got.Ref.String() != tt.want || got.NeededBy.Key() != tt.a.Ref().Key() || !errors.Is(err, assertion.ErrNotFound) {
			t.Errorf("%v: got %v, want that %s is missing", tt.a.Ref(), err, tt.want)
		}
	}
	// The error names the missing assertion and the one that needs it, also when they are two steps away.
	v := assertion.Verifier{Trust: f.Trust(), Source: assertion.NewSet(append(f.Base(), f.SnapDeclaration("snapid1", "hello", "dev1", nil))...), Time: assertiontest.Time()}
	err := v.Verify(f.revision(nil))
	got, _ := errors.AsType[*assertion.MissingError](err)
	if got == nil || got.NeededBy.String() != "snap-declaration/16/snapid1" || !strings.Contains(err.Error(), "snap-revision/") {
		t.Errorf("got %v, want that the snap-declaration lacks its publisher", err)
	}
	v.Source = nil
	if err := v.Verify(f.revision(nil)); !errors.Is(err, assertion.ErrNotFound) {
		t.Errorf("without a source: got %v, want %v", err, assertion.ErrNotFound)
	}
}

func TestVerifyUntrustedRoots(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	err := (&assertion.Verifier{Trust: assertion.Canonical(), Source: assertion.NewSet(append(f.set.All(), f.Root, f.RootAccountKey)...), Time: assertiontest.Time()}).Verify(f.revision(nil))
	if !errors.Is(err, assertion.ErrUntrustedRoot) {
		t.Errorf("root not in the trust: got %v, want %v", err, assertion.ErrUntrustedRoot)
	}
	// A chain of the same account-ids, with other keys.
	fake, err := assertion.Sign(headers{
		"type": "account-key", "authority-id": assertiontest.RootID, "account-id": assertiontest.RootID, "name": "fake",
		"public-key-sha3-384": f.other.Key.KeyID(), "since": assertiontest.Since,
	}, f.other.Key.PublicKeyBody(), f.other.Key)
	if err != nil {
		t.Fatal(err)
	}
	f.set = assertion.NewSet(fake, f.Account("dev1", "Developer", nil))
	revision := assertiontest.RevisionHeaders("snapid1", 1, "dev1", f.blob)
	f.checkVerify(t, "key that signs itself", f.other.Sign(revision, headers{"authority-id": assertiontest.RootID}), assertion.ErrUntrustedRoot)
}

func TestVerifyTampered(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	raw := string(f.revision(nil).Raw())
	sig := strings.Index(raw, "\n\n") + 2
	packet, err := base64.StdEncoding.DecodeString(raw[sig:])
	if err != nil {
		t.Fatal(err)
	}
	tag := slices.Clone(packet)
	tag[tagOffset(t, tag)] ^= 1
	for name, text := range map[string]string{
		"header":          strings.Replace(raw, "snap-revision: 7", "snap-revision: 8", 1),
		"added header":    strings.Replace(raw, "\nsnap-id", "\na: b\nsnap-id", 1),
		"added body":      strings.Replace(raw, "\nsign-key", "\nbody-length: 1\nsign-key", 1)[:sig+len("body-length: 1\n")] + "x\n\n" + raw[sig:],
		"cut signature":   raw[:len(raw)-8],
		"empty base64":    raw[:sig] + "AQ==",
		"not base64":      raw[:sig] + "!" + raw[sig+1:],
		"no version byte": raw[:sig] + "B" + raw[sig+1:],
		"two packets":     raw[:sig] + base64.StdEncoding.EncodeToString(append(packet, packet[1:]...)),
		"a public key":    raw[:sig] + string(f.StoreKey.PublicKeyBody()),
		"digest's start":  raw[:sig] + base64.StdEncoding.EncodeToString(tag),
		"another's":       raw[:sig] + raw[sig:len(raw)-100] + strings.Repeat("A", 100),
	} {
		a, err := assertion.Decode([]byte(text))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		f.checkVerify(t, name, a, assertion.ErrBadSignature)
	}
}

// tagOffset returns the offset of the two bytes of the digest in a signature, which precede the number at its end.
func tagOffset(t *testing.T, packet []byte) int {
	t.Helper()
	for i := len(packet) - 4; i > 0; i-- {
		if bits := int(packet[i+2])<<8 | int(packet[i+3]); i+4+(bits+7)/8 == len(packet) && bits > 1000 {
			return i
		}
	}
	t.Fatal("no number ends the signature")
	return 0
}

// countingSource counts the calls of Find for each ref.
type countingSource struct {
	*assertion.Set
	count map[string]int
}

func (s countingSource) Find(ref assertion.Ref) (*assertion.Assertion, error) {
	s.count[ref.String()]++
	return s.Set.Find(ref)
}

func TestVerifyOnce(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.set.Add(f.SnapDeclaration("snapid1", "hello", "brand1", headers{"revision": "1"}))
	source := countingSource{f.set, make(map[string]int)}
	v := assertion.Verifier{Trust: f.Trust(), Source: source, Time: assertiontest.Time()}
	for i := range 20 {
		if err := v.Verify(f.SnapRevision("snapid1", i+1, "dev1", f.blob, nil)); err != nil {
			t.Fatal(err)
		}
	}
	// Only the snap-declaration needs its publisher, so the publisher is looked up as often as the snap-declaration is verified.
	if got := source.count["account/brand1"]; got != 1 {
		t.Errorf("a snap-declaration needed 20 times was verified %d times, want once", got)
	}
}

func TestVerifyDistrustsSource(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	v := f.verifier()
	v.Source = sourceFunc(func(assertion.Ref) (*assertion.Assertion, error) { return f.StoreAccountKey, nil })
	if err := v.Verify(f.revision(nil)); !errors.Is(err, assertion.ErrMismatch) {
		t.Errorf("source that answers with another assertion: got %v, want %v", err, assertion.ErrMismatch)
	}
	broken := errors.New("disk on fire")
	v.Source = sourceFunc(func(assertion.Ref) (*assertion.Assertion, error) { return nil, broken })
	if err := v.Verify(f.revision(nil)); !errors.Is(err, broken) || errors.Is(err, assertion.ErrNotFound) {
		t.Errorf("source that fails: got %v, want %v", err, broken)
	}
}

type sourceFunc func(assertion.Ref) (*assertion.Assertion, error)

func (f sourceFunc) Find(ref assertion.Ref) (*assertion.Assertion, error) { return f(ref) }

func TestVerifyChains(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	keys := []*assertion.SigningKey{f.RootKey}
	chain := func(signer, key *assertion.SigningKey) *assertion.Assertion {
		a, err := assertion.Sign(headers{
			"type": "account-key", "authority-id": assertiontest.RootID, "account-id": assertiontest.RootID,
			"public-key-sha3-384": key.KeyID(), "since": assertiontest.Since,
		}, key.PublicKeyBody(), signer)
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	var all []*assertion.Assertion
	for range 40 {
		private, err := rsa.GenerateKey(rand.Reader, 1024)
		if err != nil {
			t.Fatal(err)
		}
		key, err := assertion.NewSigningKey(private)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, chain(keys[len(keys)-1], key))
		keys = append(keys, key)
	}
	f.checkVerify(t, "long chain", all[9], nil, all...)
	f.checkVerify(t, "too long a chain", all[39], assertion.ErrUnsupported)
	f.set = assertion.NewSet(chain(keys[1], keys[2]), chain(keys[2], keys[1]))
	f.checkVerify(t, "cycle", chain(keys[1], keys[3]), assertion.ErrUntrustedRoot)
}

func TestVerifyJudgesNowByDefault(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.set.Add(f.AccountKey(f.brand.ID, "default", f.brand.Key, headers{"revision": "1", "until": time.Now().Add(-time.Hour).UTC().Format(time.RFC3339)}))
	v := assertion.Verifier{Trust: f.Trust(), Source: f.set}
	if err := v.Verify(f.brand.Model("m", nil)); !errors.Is(err, assertion.ErrExpiredKey) {
		t.Errorf("got %v, want %v", err, assertion.ErrExpiredKey)
	}
}

// TestVerifyRemembered verifies assertions with a Trust that remembers a good signature of the same content.
func TestVerifyRemembered(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	trust, a := f.Trust(), f.revision(nil)
	verify := func(a *assertion.Assertion, at time.Time) error {
		return (&assertion.Verifier{Trust: trust, Source: f.set, Time: at}).Verify(a)
	}
	raw := a.Raw()
	tampered := func(i int) *assertion.Assertion {
		changed := append([]byte(nil), raw...)
		changed[i] ^= 1
		b, err := assertion.Decode(changed)
		if err != nil {
			return nil
		}
		return b
	}
	content := bytes.Index(raw, []byte("\n\n"))
	if content < 100 {
		t.Fatalf("content of %d bytes", content)
	}
	for range 2 {
		if err := verify(a, assertiontest.Time()); err != nil {
			t.Fatal(err)
		}
		// The memory is about the signature alone: the times of the keys are judged again.
		if err := verify(a, time.Date(1990, 1, 1, 0, 0, 0, 0, time.UTC)); !errors.Is(err, assertion.ErrKeyNotYetValid) {
			t.Errorf("before the key: %v, want %v", err, assertion.ErrKeyNotYetValid)
		}
		tried := 0
		for i := range content {
			if b := tampered(i); b != nil {
				tried++
				if err := verify(b, assertiontest.Time()); err == nil {
					t.Fatalf("accepted with byte %d changed", i)
				}
			}
		}
		if tried < 100 {
			t.Errorf("%d tampered assertions were decoded, want more", tried)
		}
		// The last bytes of the signature are its number.
		if b := tampered(len(raw) - 9); b == nil || verify(b, assertiontest.Time()) == nil {
			t.Error("accepted with another signature")
		}
	}
}

// TestMaySign asks before signing, and compares the answer with the verification of the signed assertion.
func TestMaySign(t *testing.T) {
	t.Parallel()
	s := assertiontest.NewStack(t)
	brand := s.NewAccount("brand1", "brand")
	constrained := headers{"format": "1", "constraints": []any{map[string]any{"headers": map[string]any{"type": "serial", "model": "pump"}}}}
	for name, tt := range map[string]struct {
		key   headers // changes of the account-key
		model string
		want  error
	}{
		"good":                   {nil, "pump", nil},
		"allowed by constraints": {constrained, "pump", nil},
		"another model":          {constrained, "valve", assertion.ErrConstraints},
		"too early":              {headers{"since": "2025-06-01T00:00:00Z"}, "pump", assertion.ErrKeyNotYetValid},
		"too late":               {headers{"until": "2024-12-01T00:00:00Z"}, "pump", assertion.ErrExpiredKey},
		"of another account":     {headers{"account-id": assertiontest.RootID}, "pump", assertion.ErrWrongAuthority},
	} {
		key := s.AccountKey("brand1", "default", brand.Key, tt.key)
		serial := brand.Serial(tt.model, "1", assertiontest.DeviceKey(), headers{"timestamp": assertiontest.Time().Format(time.RFC3339)})
		source := assertion.NewSet(append(s.Base(), brand.Account, key)...)
		v := assertion.Verifier{Trust: s.Trust(), Source: source, Time: assertiontest.Time()}
		if err := v.MaySign(serial.Headers(), key); !errors.Is(err, tt.want) {
			t.Errorf("%s: MaySign = %v, want %v", name, err, tt.want)
		}
		if err := v.Verify(serial); !errors.Is(err, tt.want) {
			t.Errorf("%s: Verify = %v, want %v", name, err, tt.want)
		}
	}
}
