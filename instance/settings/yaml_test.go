package settings_test

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"offlinestore/instance/settings"
)

func TestExportAndParseYAML(t *testing.T) {
	t.Parallel()
	s := open(t, filepath.Join(t.TempDir(), "settings.yaml"))
	want := map[string]string{
		settings.Domain: "store.example", settings.TLSKey: pemBlock, settings.TLSCert: pemBlock + pemBlock, settings.AuthSecret: "a: 'b' #",
		settings.AdminEmails: `["a@b.example"]`, settings.Airgap: "true", settings.HTTPPort: "8080", settings.KeyPrivate: "\n a\r\n\tb ",
		settings.DBConnection: "postgres://u:" + secret + "@h/db",
	}
	set(t, s, want)
	text, err := s.ExportYAML()
	if err != nil {
		t.Fatal(err)
	}
	got, ignored, err := settings.ParseYAML(text)
	if err != nil || len(ignored) > 0 {
		t.Fatalf("ParseYAML(%s): ignores %v, %v", text, ignored, err)
	}
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("exported and read again (-got +want):\n%s", diff)
	}
	other := open(t, filepath.Join(t.TempDir(), "other.yaml"))
	set(t, other, got)
	again, err := other.ExportYAML()
	if err != nil || string(again) != string(text) {
		t.Errorf("exported on another host: %s, %v; want %s", again, err, text)
	}
	empty, err := open(t, filepath.Join(t.TempDir(), "none.yaml")).ExportYAML()
	if err != nil || string(empty) != "{}\n" {
		t.Errorf("no settings are exported as %q, %v", empty, err)
	}
}

func TestParseYAMLOfTheOriginal(t *testing.T) {
	t.Parallel()
	got, ignored, err := settings.ParseYAML([]byte(`
internal.store.id: FqXn8Q3rWLzPyBvE2hKdTtS7mJcUaGo5
internal.airgap.gateway-hash: abc
proxy.domain: snaps.example.internal
proxy.airgap: true
proxy.trust-forwarded-proto: 'False'
proxy.port.snapdevicegw: 8000
proxy.port.http: 80
proxy.cache.size: 2048
proxy.admin-emails: [admin@example.internal]
proxy.device-auth.allowed-device-service-urls: ["https://serial-vault-partners.canonical.com"]
proxy.hsm.token-pin: null
proxy.memcached.connection: []
proxy.oci-registry:
  domain: registry.jujucharms.com
  username:
  password: ""
proxy.tls.cert: |
  -----BEGIN X-----
  YWJj
  -----END X-----
`))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		settings.StoreID: "FqXn8Q3rWLzPyBvE2hKdTtS7mJcUaGo5", settings.Domain: "snaps.example.internal", settings.Airgap: "true",
		settings.TrustForwardedProto: "false", settings.HTTPPort: "80", settings.AdminEmails: `["admin@example.internal"]`,
		settings.AllowedDeviceServiceURLs: `["https://serial-vault-partners.canonical.com"]`, settings.TLSCert: pemBlock, settings.CacheSize: "2048",
	}
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("settings (-got +want):\n%s", diff)
	}
	var names []string
	for _, i := range ignored {
		if i.Why == "" {
			t.Errorf("%s is ignored for no reason", i.Name)
		}
		names = append(names, i.Name)
	}
	wantNames := []string{"internal.airgap.gateway-hash", "proxy.memcached.connection", settings.RegistryDomain, "proxy.port.snapdevicegw"}
	if diff := cmp.Diff(names, wantNames); diff != "" {
		t.Errorf("ignored (-got +want):\n%s", diff)
	}
}

func TestParseYAMLRefuses(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"proxy.domain: a\nproxy.domian: b\n":        "line 2: unknown setting \"proxy.domian\"; did you mean proxy.domain?",
		"internal.nothing: 1\n":                     "line 1: unknown setting",
		"proxy.port.http: eighty\n":                 "line 1: proxy.port.http: not a port",
		"proxy.domain: a\nproxy: {domain: b}\n":     "proxy.domain is set a second time",
		"proxy.domain: [a]\n":                       "line 1: proxy.domain: a list",
		"proxy.admin-emails: [[a]]\n":               "a list of other things",
		"proxy.admin-emails: [a]\n":                 "number 1 of the list: not an email address",
		"proxy.domain: {}\n":                        "not a plain value",
		"proxy.domain: &a x\nproxy.ipaddress: *a\n": "line 2: proxy.ipaddress: not a plain value",
		"[a]":                    "line 1: not a list of lines",
		"a: b\n---\nc: d\n":      "more than one YAML document",
		"proxy.domain: a\n\t:\n": "line 2",
		"? [a]\n: b\n":           "line 1",
		strings.Repeat("{a: ", 20) + strings.Repeat("}", 20): "nested too deep",
		strings.Repeat("# comment\n", 200000):                "larger than",
		"proxy.db.connection: postgres://u:hunter2@h:x/db":   "line 1: proxy.db.connection: not a URL",
	} {
		_, _, err := settings.ParseYAML([]byte(text))
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), secret) {
			t.Errorf("ParseYAML(%.60q): %v, want an error with %q", text, err, want)
		}
	}
}

// TestObsolete checks also that no setting is obsolete.
func TestObsolete(t *testing.T) {
	t.Parallel()
	for _, k := range settings.Keys() {
		if why, ok := settings.Obsolete()[k.Name]; ok {
			t.Errorf("%s is a setting, and has no meaning: %s", k.Name, why)
		}
	}
	s := open(t, filepath.Join(t.TempDir(), "settings.yaml"))
	for name, why := range settings.Obsolete() {
		err := s.Set(map[string]string{name: "1"})
		var unknown *settings.UnknownKeyError
		if !errors.As(err, &unknown) || unknown.Obsolete != why || err.Error() != name+" has no meaning here: "+why {
			t.Errorf("Set(%s): %v, want an UnknownKeyError that says %q", name, err, why)
		}
	}
}

func FuzzParseYAML(f *testing.F) {
	f.Add("proxy.domain: a\nproxy: {port: {http: 80}}\nproxy.admin-emails: [a@b.example]\n")
	f.Add("proxy.tls.cert: |\n  -----BEGIN X-----\n  YWJj\n  -----END X-----\nproxy.cache.size: 1\nproxy.airgap: True\n")
	f.Add("a: &a [*a]\n---\n? b\n")
	f.Fuzz(func(t *testing.T, text string) {
		values, _, err := settings.ParseYAML([]byte(text))
		if err != nil {
			return
		}
		again, err := settings.Encode(values)
		if err != nil {
			t.Fatalf("Encode(%q): %v", values, err)
		}
		got, err := settings.Parse(again)
		if err != nil {
			t.Fatalf("a file with what ParseYAML took is refused: %v", err)
		}
		if diff := cmp.Diff(got, values); diff != "" {
			t.Errorf("a file with what ParseYAML took (-got +want):\n%s", diff)
		}
	})
}
