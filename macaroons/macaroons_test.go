package macaroons_test

import (
	"encoding/base64"
	"errors"
	"regexp"
	"strings"
	"testing"

	"gopkg.in/macaroon.v2"

	"offlinestore/macaroons"
)

// makeLogin returns a root with a caveat for login.example, and its discharge.
func makeLogin(t *testing.T) (root, discharge *macaroon.Macaroon) {
	t.Helper()
	root, err := macaroon.New([]byte("root key"), []byte("id"), "store.example", macaroon.V1)
	if err != nil {
		t.Fatal(err)
	}
	if err := root.AddThirdPartyCaveat([]byte("caveat key"), []byte("caveat id"), "login.example"); err != nil {
		t.Fatal(err)
	}
	discharge, err = macaroon.New([]byte("caveat key"), []byte("caveat id"), "login.example", macaroon.V1)
	if err != nil {
		t.Fatal(err)
	}
	return root, discharge
}

func encode(t *testing.T, m *macaroon.Macaroon, e *base64.Encoding) string {
	t.Helper()
	b, err := m.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	return e.EncodeToString(b)
}

func TestAuthorization(t *testing.T) {
	t.Parallel()
	root, discharge := makeLogin(t)
	if id, ok := macaroons.ThirdParty(root, "LOGIN.example"); !ok || id != "caveat id" {
		t.Errorf("ThirdParty = %q, %v", id, ok)
	}
	if id, ok := macaroons.ThirdParty(root, "store.example"); ok {
		t.Errorf("ThirdParty elsewhere = %q", id)
	}
	for name, e := range map[string]*base64.Encoding{"URL": base64.RawURLEncoding, "padded": base64.StdEncoding} {
		header, err := macaroons.Authorization(encode(t, root, e)+"\n", encode(t, discharge, e))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		m := regexp.MustCompile(`^Macaroon root="([\w-]+)", discharge="([\w-]+)"$`).FindStringSubmatch(header)
		if m == nil {
			t.Errorf("%s: header %q", name, header)
			continue
		}
		shown, err := macaroons.Parse(m[1])
		if err != nil {
			t.Fatal(err)
		}
		bound, err := macaroons.Parse(m[2])
		if err != nil {
			t.Fatal(err)
		}
		if err := shown.Verify([]byte("root key"), func(string) error { return nil }, []*macaroon.Macaroon{bound}); err != nil {
			t.Errorf("%s: the store refuses it: %v", name, err)
		}
	}
}

func TestInvalid(t *testing.T) {
	t.Parallel()
	root, _ := makeLogin(t)
	good := encode(t, root, base64.RawURLEncoding)
	for name, text := range map[string]string{"empty": "", "no base64": "secret-secret!", "cut off": good[:len(good)-9], "something else": "c2VjcmV0",
		"JSON": base64.StdEncoding.EncodeToString([]byte(`[{"identifier":""}]`)), "too long": strings.Repeat("A", macaroons.MaxSize+1)} {
		if _, err := macaroons.Parse(text); !errors.Is(err, macaroons.ErrInvalid) || text != "" && strings.Contains(err.Error(), text) {
			t.Errorf("%s: Parse = %v, want ErrInvalid", name, err)
		}
		if _, err := macaroons.Authorization(good, text); !errors.Is(err, macaroons.ErrInvalid) {
			t.Errorf("%s: Authorization = %v, want ErrInvalid", name, err)
		}
		if _, err := macaroons.Authorization(text, good); !errors.Is(err, macaroons.ErrInvalid) {
			t.Errorf("%s: Authorization = %v, want ErrInvalid", name, err)
		}
	}
}
