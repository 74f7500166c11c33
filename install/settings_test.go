//go:build unix

package install_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"offlinestore/install"
	"offlinestore/instance/settings"
	"offlinestore/registration"
)

// TestSettingsAreKnown imports the settings of installers as the host does.
func TestSettingsAreKnown(t *testing.T) {
	t.Parallel()
	https := &registration.Registration{StoreID: "store1", URL: "https://snaps.example:8443", Domain: "snaps.example:8443", HTTPS: true, Port: "8443", PrivateKey: "secret", PublicKey: "public"}
	http := &registration.Registration{StoreID: "store1", URL: "http://snaps.example:8080", Domain: "snaps.example:8080", Port: "8080"}
	for _, c := range []struct {
		store install.Store
		want  map[string]string
	}{
		{install.Store{Registration: https, WithKey: true}, map[string]string{settings.StoreID: "store1", settings.StoreURL: https.URL, settings.Domain: https.Domain,
			settings.HTTPSPort: "8443", settings.KeyPrivate: "secret", settings.KeyPublic: "public"}},
		{install.Store{Registration: http}, map[string]string{settings.StoreID: "store1", settings.StoreURL: http.URL, settings.Domain: http.Domain, settings.HTTPPort: "8080"}},
	} {
		for _, f := range c.store.Files() {
			if f.Name != "settings.yaml" {
				continue
			}
			got, ignored, err := settings.ParseYAML(f.Content)
			if diff := cmp.Diff(c.want, got); err != nil || len(ignored) > 0 || diff != "" {
				t.Errorf("ParseYAML(%q): %v, ignored %v (-want +got):\n%s", f.Content, err, ignored, diff)
			}
			if secret := f.Mode == 0o600; secret != c.store.WithKey {
				t.Errorf("mode %o of settings, with the key: %v", f.Mode, c.store.WithKey)
			}
		}
	}
}
