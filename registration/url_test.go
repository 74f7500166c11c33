package registration_test

import (
	"errors"
	"strings"
	"testing"

	"offlinestore/registration"
)

func TestParseURL(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"https://snaps.example.internal":      "https://snaps.example.internal",
		"HTTPS://Snaps.Example.Internal:443/": "https://snaps.example.internal",
		"http://10.0.0.1":                     "http://10.0.0.1",
		"http://10.0.0.1:80":                  "http://10.0.0.1",
		"http://snaps:443":                    "http://snaps:443",
		"https://[FD00::0:1]:8443":            "https://[fd00::1]:8443",
	} {
		u, err := registration.ParseURL(in)
		if err != nil {
			t.Errorf("ParseURL(%q): %v", in, err)
			continue
		}
		if u.String() != want {
			t.Errorf("ParseURL(%q) = %q, want %q", in, u, want)
		}
	}
	for _, in := range []string{
		"", "snaps.example.internal", "ftp://snaps.example.internal", "https://", "https:///path", "https://snaps.example.internal/path", "https://snaps.example.internal?q",
		"https://snaps.example.internal?", "https://snaps.example.internal#f", "https://snaps.example.internal#", "https://user:hunter2@snaps.example.internal",
		"https://user:hunter2@snaps.example.internal:port", "https://snaps.example.internal:", "https://snaps.example.internal:0", "https://snaps.example.internal:65536",
		"https://snaps.example.internal:080", "https://-snaps", "https://a..b", "https://1.2.3", "https://1.2.3.4.5", "https://[fe80::1%25eth0]", "https://bücher.example",
		"https://a b", "https://a\n", "https://" + strings.Repeat("a", 64) + ".example", "https://" + strings.Repeat("a.", 160) + "example", "https://snaps_1.example",
	} {
		u, err := registration.ParseURL(in)
		if !errors.Is(err, registration.ErrURL) {
			t.Errorf("ParseURL(%q) = %v, %v, want %v", in, u, err, registration.ErrURL)
		}
		if err != nil && strings.Contains(err.Error(), "hunter2") {
			t.Errorf("ParseURL(%q) says the password: %v", in, err)
		}
	}
}
