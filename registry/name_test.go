package registry_test

import (
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"

	"offlinestore/registry"
)

func TestNames(t *testing.T) {
	t.Parallel()
	const dg = string(nobody)
	for s, want := range map[string][3]string{
		"charm/abc/image@" + dg:         {"charm/abc/image", "", dg},
		"postgres:local-image":          {"postgres", "local-image", ""},
		"postgres":                      {"postgres", "latest", ""},
		"a/b_c/d__e/f--g/h.i:1.2@" + dg: {"a/b_c/d__e/f--g/h.i", "1.2", dg},
	} {
		repository, tag, digest, err := registry.ParseReference(s)
		if got := [3]string{repository, tag, digest}; err != nil || got != want {
			t.Errorf("ParseReference(%q) = %q, %v, want %q", s, got, err, want)
		}
	}
	for _, s := range []string{"", ":", "@", "a:", ":a", "A", "a/", "/a", "a//b", "a@", "a@sha256:00", "a@" + dg + "@" + dg, "a@" + dg + ":1", "host:5000/a", "a b", "a:b c",
		"../a", "a/../b", "a/.", "https://a", "a:.x", "a:" + strings.Repeat("x", 129), strings.Repeat("a", 256), "a___b", "a..b", "ä", "a\n"} {
		if r, tag, d, err := registry.ParseReference(s); err == nil {
			t.Errorf("ParseReference(%q) = %q, %q, %q, want an error", s, r, tag, d)
		}
	}
}

// FuzzNames checks that the tools accept every name that we accept.
func FuzzNames(f *testing.F) {
	f.Add("charm/abc/image@" + string(nobody))
	f.Add("postgres:local-image")
	f.Add("ab__c-d.e/f:g@sha256:")
	f.Fuzz(func(t *testing.T, s string) {
		repository, tag, digest, err := registry.ParseReference(s)
		if err != nil || len(repository) < 2 {
			return
		}
		again := repository
		if tag != "" {
			again += ":" + tag
		}
		if digest != "" {
			again += "@" + digest
		}
		if again != s && again != s+":latest" {
			t.Errorf("ParseReference(%q), put together = %q", s, again)
		}
		if _, err := name.ParseReference("registry.example/" + again); err != nil {
			t.Errorf("ParseReference(%q) = %q: %v", s, again, err)
		}
	})
}
