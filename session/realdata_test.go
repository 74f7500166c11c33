package session_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"offlinestore/assertion"
	"offlinestore/internal/assertiontest"
	"offlinestore/session"
)

// TestGenuineDevices verifies the assertions of a genuine device, whose key nobody has here, up to Canonical's root.
func TestGenuineDevices(t *testing.T) {
	t.Parallel()
	dir := os.Getenv("OFFLINESTORE_REALDATA")
	if dir == "" {
		t.Skip("OFFLINESTORE_REALDATA names no folder of genuine data")
	}
	read := func(name ...string) *assertion.Assertion {
		t.Helper()
		text, err := os.ReadFile(filepath.Join(append([]string{dir, "asserts", "verified"}, name...)...))
		if err != nil {
			t.Fatal(err)
		}
		a, err := assertion.Decode(text)
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	serial, model := read("serial", "generic-classic-41d8987e.assert"), read("model", "generic-classic.assert")
	trust := assertion.Canonical()
	verify := func(source assertion.Source, serial, model *assertion.Assertion) error {
		v := session.Verifier{Trust: trust, Source: source, Now: monday()}
		return v.VerifyChains(serial, model)
	}
	// A store has the keys of generic devices without an import.
	if err := verify(trust.Known(), serial, model); err != nil {
		t.Errorf("a genuine device: %v", err)
	}
	if err := verify(nil, serial, model); !errors.Is(err, assertion.ErrNotFound) {
		t.Errorf("a genuine device without the keys: %v, want ErrNotFound", err)
	}
	altered, err := assertion.Decode(bytes.Replace(serial.Raw(), []byte("serial: 4"), []byte("serial: 5"), 1))
	if err != nil {
		t.Fatal(err)
	}
	if err := verify(trust.Known(), altered, model); !errors.Is(err, assertion.ErrBadSignature) {
		t.Errorf("a genuine device with another serial: %v, want ErrBadSignature", err)
	}
	// The same device cannot be used with another key: the serial holds it.
	keys := session.NewKeys("a")
	request := assertiontest.DeviceSessionRequest("generic", "generic-classic", serial.HeaderString("serial"), keys.NewNonce(monday()), assertiontest.DeviceKey(), nil)
	v := session.Verifier{Keys: keys, Trust: trust, Source: trust.Known(), Now: monday()}
	p, err := v.Verify(session.Request{Request: string(request.Raw()), Serial: string(serial.Raw()), Model: string(model.Raw())})
	if !errors.Is(err, assertion.ErrMismatch) || p.Device.Brand != "generic" {
		t.Errorf("a request for a genuine device by another key: %+v, %v, want ErrMismatch", p, err)
	}
}
