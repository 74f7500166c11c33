package settings_test

import (
	"path/filepath"
	"slices"
	"testing"

	"offlinestore/instance/settings"
)

// TestDiffering compares the settings of two servers. Neither values nor guessable digests of them are compared.
func TestDiffering(t *testing.T) {
	t.Parallel()
	open := func(name string, values map[string]string) map[string]string {
		t.Helper()
		s, err := settings.Open(filepath.Join(t.TempDir(), name))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.SetMissing(values); err != nil {
			t.Fatal(err)
		}
		return s.SharedDigests()
	}
	a := open("a", map[string]string{settings.DeviceAuthSecret: "one", settings.Domain: "a.example", settings.RegistryPassword: "x", settings.HTTPPort: "81"})
	b := open("b", map[string]string{settings.DeviceAuthSecret: "one", settings.Domain: "b.example", settings.RegistryPassword: "y", settings.HTTPPort: "82"})
	c := open("c", map[string]string{settings.DeviceAuthSecret: "two", settings.Domain: "a.example", settings.RegistryPassword: "x"})
	if got := settings.Differing(a, a); len(got) > 0 {
		t.Errorf("a server differs from itself in %v", got)
	}
	got := settings.Differing(a, b)
	slices.Sort(got)
	if want := []string{settings.Domain, settings.RegistryPassword}; !slices.Equal(got, want) {
		t.Errorf("Differing = %v, want %v", got, want)
	}
	if got, want := settings.Differing(a, c), []string{settings.DeviceAuthSecret}; !slices.Equal(got, want) {
		t.Errorf("with another secret, Differing = %v, want %v", got, want)
	}
	if a[settings.RegistryPassword] == c[settings.RegistryPassword] {
		t.Error("the digest of a password does not depend on the secret")
	}
	if _, ok := a[settings.HTTPPort]; ok {
		t.Error("a port is compared")
	}
	delete(b, settings.Domain)
	if got := settings.Differing(a, b); slices.Contains(got, settings.Domain) {
		t.Error("a setting that an older program does not know differs")
	}
}
