package assertion_test

import (
	"bytes"
	"errors"
	"testing"

	"offlinestore/assertion"
	"offlinestore/internal/assertiontest"
)

func TestReadKeyRequest(t *testing.T) {
	t.Parallel()
	key := assertiontest.DeviceKey()
	a := assertiontest.KeyRequest("brand1", "serials", key, nil)
	r, err := assertion.ReadKeyRequest(a)
	if err != nil {
		t.Fatal(err)
	}
	if r.AccountID != "brand1" || r.Name != "serials" || r.KeyID != key.KeyID() || r.Since.IsZero() {
		t.Errorf("ReadKeyRequest = %+v", r)
	}
	brand := assertiontest.NewStack(t).NewAccount("brand1", "brand")
	for name, changes := range map[string]assertiontest.Headers{
		"no name": {"name": nil}, "a wrong name": {"name": "Serials"}, "no account": {"account-id": nil}, "no since": {"since": nil},
		"another key's ID": {"public-key-sha3-384": brand.Key.KeyID()},
	} {
		var refused *assertion.VerifyError
		if r, err := assertion.ReadKeyRequest(assertiontest.KeyRequest("brand1", "serials", key, changes)); !errors.As(err, &refused) {
			t.Errorf("%s: ReadKeyRequest = %+v, %v; want a VerifyError", name, r, err)
		}
	}
	if _, err := assertion.ReadKeyRequest(brand.AccountKey); !errors.Is(err, assertion.ErrUnsupported) {
		t.Errorf("an account-key: %v, want ErrUnsupported", err)
	}
	altered, err := assertion.Decode(bytes.Replace(a.Raw(), []byte("account-id: brand1"), []byte("account-id: brand2"), 1))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := assertion.ReadKeyRequest(altered); !errors.Is(err, assertion.ErrBadSignature) {
		t.Errorf("an altered account: %v, want ErrBadSignature", err)
	}
}

// TestKeyRequestOfOther checks that nobody registers the key of somebody else, of which only the public half is known.
func TestKeyRequestOfOther(t *testing.T) {
	t.Parallel()
	key, other := assertiontest.DeviceKey(), assertiontest.NewStack(t).NewAccount("brand1", "brand").Key
	a, err := assertion.Sign(map[string]any{"type": "account-key-request", "account-id": "brand1", "name": "serials", "public-key-sha3-384": key.KeyID(),
		"since": assertiontest.Since}, key.PublicKeyBody(), other)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := assertion.ReadKeyRequest(a); !errors.Is(err, assertion.ErrMismatch) {
		t.Errorf("ReadKeyRequest = %v, want ErrMismatch", err)
	}
}

func TestValidateKeyName(t *testing.T) {
	t.Parallel()
	for name, good := range map[string]bool{"serials": true, "serials-2026": true, "2026a": true, "2026": false, "Serials": false, "a--b": false, "-a": false, "a-": false, "a.b": false, "": false} {
		if err := assertion.ValidateKeyName(name); (err == nil) != good {
			t.Errorf("ValidateKeyName(%q) = %v", name, err)
		}
	}
}
