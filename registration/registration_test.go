package registration_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"offlinestore/assertion"
	"offlinestore/internal/assertiontest"
	"offlinestore/registration"
)

func TestGenuineStream(t *testing.T) {
	t.Parallel()
	text := realdata(t, "chains/snapd-enterprise-store.assert")
	c, err := registration.ParseStream(text)
	if err != nil {
		t.Fatal(err)
	}
	r, err := registration.Verify(c, assertion.Canonical(), "https://SNAPD-enterprise-store.canonical.com:443/", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	got := *r
	got.Stream, got.IssuedAt = nil, time.Time{}
	want := registration.Registration{URL: "https://snapd-enterprise-store.canonical.com", HTTPS: true, Domain: "snapd-enterprise-store.canonical.com",
		Port: "443", StoreID: "tNHLyNjAZfQIxZGNtWQ7rXTlCWLvmwa6", OperatorID: "BhgbYoDtThegqVkEU7oiZP8GQwCoUIxz"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Verify (-want +got):\n%s", diff)
	}
	if !bytes.Equal(bytes.TrimSpace(r.Stream), bytes.TrimSpace(text)) {
		t.Errorf("the stream is not byte for byte what was signed")
	}
	var other *registration.URLError
	if _, err := registration.Verify(c, assertion.Canonical(), storeURL, time.Now()); !errors.As(err, &other) || !strings.Contains(err.Error(), storeURL) {
		t.Errorf("for another URL: %v, want a *URLError that names it", err)
	}
}

func TestStreamOrder(t *testing.T) {
	t.Parallel()
	s := newSample(t)
	c, err := registration.ParseStream(s.stream(t, storeURL, nil))
	if err != nil {
		t.Fatal(err)
	}
	r, err := verify(c, s)
	if err != nil {
		t.Fatal(err)
	}
	all, err := assertion.DecodeAll(r.Stream)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, a := range all {
		got = append(got, a.Type())
	}
	if diff := cmp.Diff([]string{"account-key", "account", "store"}, got); diff != "" {
		t.Errorf("types in the stream (-want +got):\n%s", diff)
	}
}

func TestBundle(t *testing.T) {
	t.Parallel()
	s := newSample(t)
	fields := s.fields(t)
	fields["added_later"] = 1
	c, err := registration.ParseBundle(pack(t, fields))
	if err != nil {
		t.Fatal(err)
	}
	r, err := verify(c, s)
	if err != nil {
		t.Fatal(err)
	}
	if r.PrivateKey != fields["private_key"] || r.PublicKey != fields["public_key"] || r.StoreID != "store1" {
		t.Errorf("keys or id are not those of the bundle: %q, %q", r.StoreID, r.PublicKey)
	}
}

// TestRefusedStreams tries streams that Verify must refuse.
func TestRefusedStreams(t *testing.T) {
	t.Parallel()
	s := newSample(t)
	store := s.stack.Store("store1", "operator1", storeURL, nil)
	stranger := s.stack.NewAccount("stranger", "other")
	var missing *assertion.MissingError
	var untrusted *assertion.VerifyError
	var url *registration.URLError
	for name, c := range map[string]struct {
		text []byte
		want func(error) bool
	}{
		"nothing":       {nil, isA(registration.ErrNoStore)},
		"no store":      {encode(t, s.operator), isA(registration.ErrNoStore)},
		"no assertions": {[]byte("hello\n"), isA(registration.ErrFormat)},
		"two stores":    {encode(t, store, s.stack.Store("store2", "operator1", storeURL, nil)), isA(registration.ErrFormat)},
		"many":          {bytes.Repeat(append(encode(t, s.operator), '\n'), 65), isA(registration.ErrFormat)},
		"long":          {bytes.Repeat([]byte("a"), registration.MaxStream+1), isA(registration.ErrFormat)},
		"cut off":       {encode(t, store)[:40], isA(registration.ErrFormat)},
		"no account":    {encode(t, append(s.stack.Base(), store)...), func(err error) bool { return errors.As(err, &missing) }},
		"another URL":   {s.stream(t, "https://other.example", nil), func(err error) bool { return errors.As(err, &url) }},
		"no URL":        {s.stream(t, storeURL, assertiontest.Headers{"url": nil}), func(err error) bool { return errors.As(err, &url) }},
		"a path":        {s.stream(t, storeURL+"/path", nil), func(err error) bool { return errors.As(err, &url) }},
		"altered":       {bytes.Replace(s.stream(t, storeURL, nil), []byte("store: store1"), []byte("store: store2"), 1), func(err error) bool { return errors.As(err, &untrusted) }},
		"not the store's to sign": {encode(t, append(append(s.stack.Base(), stranger.Assertions()...), s.operator,
			stranger.Sign(store.Headers(), assertiontest.Headers{"authority-id": "stranger"}))...), func(err error) bool { return errors.As(err, &untrusted) }},
		"an unverified bystander": {encode(t, append(append(s.stack.Base(), s.operator, store),
			stranger.Sign(assertiontest.Headers{"type": "validation-set", "series": "16", "account-id": "stranger", "name": "x", "sequence": "1",
				"snaps": []any{map[string]any{"name": "jq", "id": "jqjqjqjqjqjqjqjqjqjqjqjqjqjqjqjq"}}, "timestamp": assertiontest.Timestamp}, nil))...),
			func(err error) bool { return errors.As(err, &missing) || errors.As(err, &untrusted) }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			claim, err := registration.ParseStream(c.text)
			if err == nil {
				_, err = verify(claim, s)
			}
			if err == nil || !c.want(err) {
				t.Errorf("%v, want another error", err)
			}
		})
	}
}

func TestUntrustedRoot(t *testing.T) {
	t.Parallel()
	s := newSample(t)
	c, err := registration.ParseStream(append(append(s.stack.RootStream(), '\n'), s.stream(t, storeURL, nil)...))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := registration.Verify(c, assertion.Canonical(), storeURL, assertiontest.Time()); !errors.Is(err, assertion.ErrUntrustedRoot) {
		t.Errorf("with Canonical's root alone: %v, want %v", err, assertion.ErrUntrustedRoot)
	}
}

func isA(target error) func(error) bool {
	return func(err error) bool { return errors.Is(err, target) }
}

// TestAlteredBundles alters one field at a time.
func TestAlteredBundles(t *testing.T) {
	t.Parallel()
	s := newSample(t)
	_, otherPublic := keyPair(t)
	for name, change := range map[string]func(map[string]any){
		"domain":          func(f map[string]any) { f["domain"] = "other.example" },
		"no domain":       func(f map[string]any) { f["domain"] = "" },
		"store id":        func(f map[string]any) { f["store_id"] = "store2" },
		"no store id":     func(f map[string]any) { delete(f, "store_id") },
		"assertion":       func(f map[string]any) { f["store_assertion"] = "type: store\n\nAAAA" },
		"no assertion":    func(f map[string]any) { delete(f, "store_assertion") },
		"other key":       func(f map[string]any) { f["public_key"] = otherPublic },
		"one key":         func(f map[string]any) { delete(f, "public_key") },
		"control in key":  func(f map[string]any) { f["private_key"] = "a\x1bb" },
		"long key":        func(f map[string]any) { f["private_key"] = strings.Repeat("a", 40<<10) },
		"number for text": func(f map[string]any) { f["domain"] = 5 },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fields := s.fields(t)
			change(fields)
			secret, _ := fields["private_key"].(string)
			claim, err := registration.ParseBundle(pack(t, fields))
			if err == nil {
				_, err = verify(claim, s)
			}
			if !errors.Is(err, registration.ErrFormat) {
				t.Errorf("%v, want %v", err, registration.ErrFormat)
			}
			if err != nil && strings.Contains(err.Error(), secret[:min(len(secret), 40)]) {
				t.Errorf("the error quotes the key: %v", err)
			}
		})
	}
	good := pack(t, s.fields(t))
	for name, text := range map[string][]byte{
		"empty": nil, "not base64": []byte("{}"), "not JSON": []byte("aGVsbG8="), "null": []byte("bnVsbA=="), "cut off": good[:len(good)/2/4*4],
		"twice": append(bytes.TrimSpace(good), good...), "long": bytes.Repeat([]byte("A"), registration.MaxBundle+4),
	} {
		if _, err := registration.ParseBundle(text); !errors.Is(err, registration.ErrFormat) {
			t.Errorf("%s: %v, want %v", name, err, registration.ErrFormat)
		}
	}
}

// TestForeignKeys tries keys in an unknown form, which the original may write.
func TestForeignKeys(t *testing.T) {
	t.Parallel()
	s := newSample(t)
	fields := s.fields(t)
	fields["private_key"], fields["public_key"] = "c2VjcmV0", "cHVibGlj"
	c, err := registration.ParseBundle(pack(t, fields))
	if err != nil {
		t.Fatal(err)
	}
	if r, err := verify(c, s); err != nil || r.PrivateKey != "c2VjcmV0" {
		t.Errorf("Verify: %v, want the keys as they are", err)
	}
}
