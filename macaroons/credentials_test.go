package macaroons_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"offlinestore/macaroons"
)

func toBase64(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(b)
}

// makeTexts returns a root, its discharge, and the forms of credentials with both.
func makeTexts(t *testing.T) (root, discharge string, pairs map[string]string) {
	t.Helper()
	r, d := makeLogin(t)
	root, discharge = encode(t, r, base64.RawURLEncoding), encode(t, d, base64.RawURLEncoding)
	pair := map[string]string{"r": root, "d": discharge}
	ini := "[login.ubuntu.com]\nmacaroon = " + root + "\nunbound_discharge = " + discharge + "\nemail = x\n"
	return root, discharge, map[string]string{
		"snapcraft": toBase64(t, map[string]any{"t": "u1-macaroon", "v": pair}), "old snapcraft": toBase64(t, pair), "with a line end": toBase64(t, pair) + "\n",
		"snapd": `{"macaroon":"` + root + `","discharges":["` + discharge + `"]}`, "INI": ini, "INI in base64": base64.StdEncoding.EncodeToString([]byte(ini)),
	}
}

// TestParseCredentials reads credentials in good and in bad forms. No error repeats them.
func TestParseCredentials(t *testing.T) {
	t.Parallel()
	root, discharge, pairs := makeTexts(t)
	for name, text := range pairs {
		if c, err := macaroons.ParseCredentials(text); err != nil || c.Root != root || c.Discharge != discharge || c.Token != "" {
			t.Errorf("%s: ParseCredentials = %v, %v", name, c, err)
		}
	}
	for name, text := range map[string]string{"bearer": toBase64(t, map[string]string{"t": "bearer", "v": "abc.def-_~"}), "a macaroon": toBase64(t, map[string]string{"t": "macaroon", "v": root}), "bare": root} {
		if c, err := macaroons.ParseCredentials(text); err != nil || c.Token == "" || c.Root != "" {
			t.Errorf("%s: ParseCredentials = %v, %v", name, c, err)
		}
	}
	pair := map[string]string{"r": root, "d": discharge}
	for name, text := range map[string]string{
		"empty": " \n", "words": "secret secret", "half a login": toBase64(t, map[string]string{"r": root}), "another kind": toBase64(t, map[string]any{"t": "secret", "v": pair}),
		"a wrong value": toBase64(t, map[string]any{"t": "u1-macaroon", "v": root}), "a list": `["` + root + `"]`, "two logins": "[a]\nmacaroon=x\n[b]\nmacaroon=y\n",
		"header splitting": toBase64(t, map[string]string{"t": "bearer", "v": "a\r\nX-Secret: b"}), "quotes": toBase64(t, map[string]string{"t": "macaroon", "v": `a", root="b`}),
		"damaged": toBase64(t, pair)[:40], "damaged JSON": `{"r":`, "too long": strings.Repeat("A", 1<<20), "of Candid": toBase64(t, []map[string]string{{"identifier": "x"}}),
		"exchanged macaroons": toBase64(t, map[string]string{"r": "not", "d": "macaroons"}), "two discharges": `{"macaroon":"` + root + `","discharges":["a","b"]}`,
	} {
		c, err := macaroons.ParseCredentials(text)
		if !errors.Is(err, macaroons.ErrFormat) || c != nil {
			t.Errorf("%s: ParseCredentials = %v, want ErrFormat", name, err)
		}
		if err != nil && (len(text) > 3 && strings.Contains(err.Error(), strings.TrimSpace(text)) || strings.Contains(err.Error(), root) || strings.Contains(err.Error(), "secret")) {
			t.Errorf("%s: the error repeats it: %v", name, err)
		}
	}
}

// TestAdmin checks that a store recognises an administrator by all forms of the credentials, and gets no discharge.
func TestAdmin(t *testing.T) {
	t.Parallel()
	root, discharge, texts := makeTexts(t)
	texts["bare"], texts["token"] = root+"\n", toBase64(t, map[string]string{"t": "macaroon", "v": root})
	want, err := macaroons.AdminDigest(root)
	if err != nil || len(want) != 96 {
		t.Fatalf("AdminDigest = %q, %v", want, err)
	}
	for name, text := range texts {
		if m, err := macaroons.Admin(text); err != nil || m != root {
			t.Errorf("%s: Admin = %q, %v; want the root", name, m, err)
		}
		if got, err := macaroons.AdminDigest(text); err != nil || got != want {
			t.Errorf("%s: AdminDigest = %q, %v; want %q", name, got, err, want)
		}
	}
	if other, err := macaroons.AdminDigest(discharge); err != nil || other == want {
		t.Errorf("AdminDigest of another macaroon = %q, %v", other, err)
	}
	for _, text := range []string{"", "words", toBase64(t, map[string]string{"t": "bearer", "v": "abc"})} {
		if m, err := macaroons.Admin(text); !errors.Is(err, macaroons.ErrFormat) || m != "" {
			t.Errorf("Admin(%q) = %q, %v; want ErrFormat", text, m, err)
		}
	}
}

func FuzzParseCredentials(f *testing.F) {
	f.Add(`{"t":"u1-macaroon","v":{"r":"a","d":"b"}}`)
	f.Add("[login.ubuntu.com]\nmacaroon = a\nunbound_discharge = b\n")
	f.Add("eyJ0IjoiYmVhcmVyIiwidiI6ImEifQ==")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := macaroons.ParseCredentials(text)
		if (c == nil) == (err == nil) {
			t.Errorf("ParseCredentials = %v, %v", c, err)
		}
		if err == nil && c.Token != "" && strings.ContainsAny(c.Token, "\r\n\" ") {
			t.Errorf("the token %q splits a header", c.Token)
		}
	})
}
