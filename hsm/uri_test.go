package hsm_test

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"offlinestore/hsm"
)

func TestParseURI(t *testing.T) {
	for text, want := range map[string]hsm.URI{
		"pkcs11:":                     {SlotID: -1},
		"pkcs11:token=A%20key;id=%00": {Token: "A key", ID: []byte{0}, SlotID: -1},
		// The examples of section 3 of RFC 7512.
		"pkcs11:object=my-pubkey;type=public":                          {Object: "my-pubkey", Type: "public", SlotID: -1},
		"pkcs11:object=my-key;type=private?pin-source=file:/etc/token": {Object: "my-key", Type: "private", PINSource: "file:/etc/token", SlotID: -1},
		"pkcs11:token=The%20Software%20PKCS%2311%20Softtoken;manufacturer=Snake%20Oil,%20Inc.;model=1.0;object=my-key;type=private;serial=?pin-source=file:/etc/token": {
			Token: "The Software PKCS#11 Softtoken", Manufacturer: "Snake Oil, Inc.", Model: "1.0", Object: "my-key", Type: "private", PINSource: "file:/etc/token", SlotID: -1},
		"pkcs11:object=my-sign-key;type=private?module-name=mypkcs11": {Object: "my-sign-key", Type: "private", ModuleName: "mypkcs11", SlotID: -1},
		"pkcs11:token=Software%20PKCS%2311%20softtoken;manufacturer=Snake%20Oil,%20Inc.?pin-value=the-pin": {
			Token: "Software PKCS#11 softtoken", Manufacturer: "Snake Oil, Inc.", PINValue: "the-pin", SlotID: -1},
		"pkcs11:slot-id=0?x-unknown=1&module-path=/a/b.so": {ModulePath: "/a/b.so"},
		"pkcs11:slot-description=Sun%20Metaslot":           {SlotID: -1},
	} {
		got, err := hsm.ParseURI(text)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("ParseURI(%s) = %+v, %v; want %+v", text, got, err, want)
		}
	}
	for _, text := range []string{
		"", "pkcs11", "PKCS11:token=a", "pkcs12:", "pkcs11:token", "pkcs11:token=a;token=b", "pkcs11:token=%zz", "pkcs11:token=%0", "pkcs11:a=b",
		"pkcs11:type=cert", "pkcs11:slot-id=-1", "pkcs11:slot-id=x", "pkcs11:?module-name=../x", "pkcs11:token=a;", "pkcs11:token=a%00b",
		"pkcs11:?pin-value=a&pin-value=b", "pkcs11:token=" + strings.Repeat("a", 5000),
	} {
		if u, err := hsm.ParseURI(text); !errors.Is(err, hsm.ErrURI) {
			t.Errorf("ParseURI(%.50q) = %+v, %v; want ErrURI", text, u, err)
		}
	}
}

func TestPINSource(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "pin")
	if err := os.WriteFile(path, []byte("1234\r\nmore\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, source := range []string{path, "file:" + path, "file://" + path} {
		if pin, err := (hsm.URI{PINSource: source}).PIN(); err != nil || pin != "1234" {
			t.Errorf("PIN of %s = %q, %v; want 1234", source, pin, err)
		}
	}
	for _, source := range []string{"|/bin/echo 1", "pin", "file:pin", dir, "/dev/zero", path + "-missing"} {
		if pin, err := hsm.ReadPIN(source); err == nil {
			t.Errorf("PIN of %s = %q, want an error", source, pin)
		}
	}
}

func FuzzURI(f *testing.F) {
	f.Add("pkcs11:token=A%20key;id=%00%ff;object=k;type=private?module-path=/a&pin-source=file:/b")
	f.Add("pkcs11:slot-id=7;serial=1;model=m;manufacturer=x?module-name=y&z=1")
	f.Fuzz(func(t *testing.T, text string) {
		u, err := hsm.ParseURI(text)
		if err != nil {
			return
		}
		again, err := hsm.ParseURI(u.String())
		if u.PINValue = ""; err != nil && len(u.String()) < 4<<10 {
			t.Fatalf("ParseURI(%s): %v", u, err)
		}
		if len(u.ID) == 0 {
			u.ID = nil
		}
		if err == nil && !reflect.DeepEqual(again, u) {
			t.Fatalf("ParseURI(%q) = %+v, and again %+v", text, u, again)
		}
	})
}
