package settings_test

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"offlinestore/instance/settings"
)

// secret is a password that no error may show.
const secret = "hunter2"

const pemBlock = "-----BEGIN X-----\nYWJj\n-----END X-----\n"

var (
	urls    = []string{"http://h", "https://snaps.example.internal", "https://h:8443", "https://[fd00::1]:8443/a/b", "http://127.0.0.1/"}
	notURLs = []string{"h", "//h", "http://", "http:h", "ftp://h", "https://u:" + secret + "@h", "https://h?a", "https://h?", "https://h#", "https://h:0", "https://a_b", "https://h:" + secret}
)

func TestValues(t *testing.T) {
	t.Parallel()
	for key, values := range map[string]struct{ good, bad []string }{
		settings.Domain: {
			good: []string{"store", "store.example", "store.example:8080", "a-b.c-d.example", "xn--bcher-kva.example", "127.0.0.1", "127.0.0.1:80",
				"::1", "[::1]", "[fd00::1]:8443", "1password.example", strings.Repeat("a.", 126) + "a"},
			bad: []string{"http://store.example", "store.example/", "store.example:", "store.example:0", "store.example:65536", "store.example:http",
				"store example", "-a.example", "a-.example", "a..example", ".example", "example.", "a_b.example", "bücher.example", ":80", "[::1", "::1]",
				"[::1]x", "[127.0.0.1]", "[::1]:", "fe80::1%eth0", "[fe80::1%eth0]:80", "1.2.3", "1.2.3.4.5", "1.2.3.256", "a\nb", "a\x00", "\xff",
				"user@store.example", "a?b", "a#b", strings.Repeat("a", 64), strings.Repeat("a.", 127) + "a"},
		},
		settings.HTTPPort: {
			good: []string{"1", "80", "65535"},
			bad:  []string{"0", "65536", "-1", "+80", "080", "0x50", "80 ", "http", "8e1", "99999999999999999999"},
		},
		settings.IPAddress: {
			good: []string{"[::]", "::", "0.0.0.0", "127.0.0.1", "[fd00::1]"},
			bad:  []string{"localhost", "[::", "::]", "[]", "[127.0.0.1]", "127.0.0.1:80", "[::]:80", "fe80::1%eth0", "*", "[[::]]"},
		},
		settings.RegistryBuiltin: {good: []string{"true", "false"}, bad: []string{"yes", "1", "on"}},
		settings.RegistryListen: {
			good: []string{"[::]:5000", ":5000", "127.0.0.1:5000", "[::1]:65535", "0.0.0.0:0", "store.example:5000"},
			bad: []string{"5000", "[::]", "::", "127.0.0.1", "[::]:", "[::]:65536", "[::]:05", ":http", "1.2.3.256:80", "a_b:80", "[127.0.0.1", "http://a:80",
				"[fe80::1%eth0]:80", "a:b:80"},
		},
		settings.RegistryDomain:   {good: []string{"registry.example:5000"}, bad: []string{"https://registry.example", "registry.example/project"}},
		settings.RegistryUsername: {good: []string{"juju", "a b@c"}, bad: []string{"a:b", "a\nb"}},
		settings.HSMTokenLabel: {
			good: []string{"keys", "pin-value", "pkcs11:token=keys", "pkcs11:token=keys?pin-source=file:/run/pin"},
			bad:  []string{"pkcs11:token=keys?pin-value=" + secret, "PKCS11:token=keys?PIN-VALUE=" + secret},
		},
		settings.RegistryPassword: {good: []string{"s3:cr et", "12345", "'"}, bad: []string{secret + "\n", secret + "\xff"}},
		settings.StoreID:          {good: []string{"FqXn8Q3rWLzPyBvE2hKdTtS7mJcUaGo5", "my-store_1"}, bad: []string{"a b", "a/b", strings.Repeat("a", 65), "é"}},
		settings.StoreURL:         {good: urls, bad: notURLs},
		settings.AllowedDeviceServiceURLs: {
			good: []string{"[]", `["` + strings.Join(urls, `", "`) + `"]`},
			bad:  []string{`[`, `{}`, `null`, `[null]`, `[1]`, `["ftp://h"]`, `[] []`, `"http://h"`, "http://h", "[" + strings.Repeat(`"http://h",`, 256) + `"http://h"]`},
		},
		settings.AdminEmails: {
			good: []string{"[]", `["a@b.example", "c+d@e.example"]`},
			bad:  []string{"a@b.example", `["a"]`, `["A <a@b.example>"]`, `["a@b.example", ""]`, `["a@b.example\n"]`},
		},
		settings.TLSCert: {good: []string{pemBlock, pemBlock + pemBlock, "\n" + pemBlock + "\r\n"}, bad: []string{
			secret, pemBlock + secret, secret + "\n" + pemBlock, strings.Replace(pemBlock, "END X", "END Y", 1) + pemBlock, "-----BEGIN X-----\n" + pemBlock, pemBlock + "\x00"}},
		settings.KeyPrivate: {good: []string{"one\ntwo\n", pemBlock, "abc="}, bad: []string{secret + "\x1b", secret + "\xff"}},
		settings.DBConnection: {
			good: []string{"postgres://u:" + secret + "@h:5432/db?sslmode=disable", "postgresql:///db?host=/run/postgresql", "postgres://h1,h2:5432/db",
				"postgres://u:p@h1:5432,h2:5433/db?target_session_attrs=read-write", "postgres://u@[fd00::1]:5432,[fd00::2]:5433/db", "host=a,b port=1,2",
				"host=/run/postgresql dbname=db", "host=h password='a b\\'c'", "host = h  dbname = db ", "password=a\\ b", "user='' host=h"},
			bad: []string{"mysql://u:" + secret + "@h/db", secret, "host=h " + secret, "host='h " + secret, "host='h'" + secret + "=x", "=x", " ",
				"host=h password=" + secret + "\\", "h ost=" + secret, "postgres://u:" + secret + "%zz@h/db", "postgres://u:a/" + secret + "@h/db",
				"postgres://u:12/" + secret + "@h/db", "postgres://u:12?" + secret + "@h/db", "postgres://u:12#" + secret + "@h/db",
				"postgres://h/db?a=%zz" + secret, "postgres://h/db?a;b=" + secret, "postgres://h:" + secret + "/db",
				"postgres://h1:5432,h2:" + secret + "/db", "postgres://h1:5432,h2:" + secret + ",h3:5432/db",
				"host=" + strings.Repeat("h", 64<<10)},
		},
	} {
		s := open(t, filepath.Join(t.TempDir(), "settings.yaml"))
		for _, v := range values.good {
			if err := s.Set(map[string]string{key: v}); err != nil {
				t.Errorf("Set(%s=%q): %v", key, v, err)
			} else if got := get(t, s, key); got != v {
				t.Errorf("Get(%q) = %q, want %q", key, got, v)
			}
		}
		for _, v := range values.bad {
			err := s.Set(map[string]string{key: v})
			var wrong *settings.ValueError
			if !errors.As(err, &wrong) || wrong.Key != key {
				t.Errorf("Set(%s=%.80q): %v, want a ValueError", key, v, err)
			} else if strings.Contains(err.Error(), secret) {
				t.Errorf("Set gives the password away: %v", err)
			}
		}
	}
}

func TestListHidesSecrets(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]string{
		"postgres://u:hunter2@h:5432/db?sslmode=disable":       "postgres://u:<redacted>@h:5432/db?sslmode=disable",
		"postgres://u:hun:t@er2@h/db":                          "postgres://u:<redacted>@h/db",
		"postgres://u@h/db":                                    "postgres://u@h/db",
		"postgres://u@h":                                       "postgres://u@h",
		"postgres://u:hunter2@h":                               "postgres://u:<redacted>@h",
		"postgres:///db?host=/run&password=hunter2&user=u":     "postgres:///db?host=/run&password=<redacted>&user=u",
		"postgres:///db?pass%77ord=hunter2":                    "postgres:///db?pass%77ord=<redacted>",
		"postgres://h?sslpassword=hunter2":                     "postgres://h?sslpassword=<redacted>",
		"host=h password=hunter2 dbname=db":                    "host=h password=<redacted> dbname=db",
		"host=h password = 'hunter 2\\' ' sslpassword=hunter2": "host=h password = <redacted> sslpassword=<redacted>",
		"host=h PASSWORD=hunter\\ 2":                           "host=h PASSWORD=<redacted>",
		"host=h dbname=db":                                     "host=h dbname=db",
	} {
		s := open(t, filepath.Join(t.TempDir(), "settings.yaml"))
		set(t, s, map[string]string{settings.DBConnection: value})
		for _, e := range s.List() {
			if e.Name == settings.DBConnection && (e.Value != want || !e.IsSet) {
				t.Errorf("List shows %q, set %v; want %q", e.Value, e.IsSet, want)
			}
			if e.Name == settings.HTTPPort && (e.Value != "80" || e.IsSet) {
				t.Errorf("List shows %s %q, set %v; want the default", e.Name, e.Value, e.IsSet)
			}
		}
		if got := get(t, s, settings.DBConnection); got != value {
			t.Errorf("Get = %q, want it whole, %q", got, value)
		}
	}
}
