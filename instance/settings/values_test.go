package settings_test

import (
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"offlinestore/instance/settings"
)

// TestDecodedValues sets each setting, and checks that one field of Values changes, a different one for each.
func TestDecodedValues(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "settings.yaml")
	samples := map[settings.Kind]string{
		settings.KindDomain: "store.example:8443", settings.KindConnection: "host=db", settings.KindPort: "8080", settings.KindAddress: "127.0.0.1",
		settings.KindBool: "true", settings.KindListen: "127.0.0.1:5001", settings.KindUser: "jo", settings.KindText: "secret",
		settings.KindURL: "https://store.example", settings.KindURLList: `["https://device.example"]`, settings.KindEmailList: `["jo@example.internal"]`,
		settings.KindID: "AbC", settings.KindPEM: "-----BEGIN X-----\nAAAA\n-----END X-----", settings.KindKey: "key",
		settings.KindBackend: settings.BackendS3, settings.KindBucket: "blobs", settings.KindMegabytes: "10",
		settings.KindProxy: "http://proxy.example:3128", settings.KindDuration: "90m", settings.KindRate: "500k",
	}
	seen := map[string]string{}
	for _, k := range settings.Keys() {
		s, err := settings.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		before := reflect.ValueOf(s.Values())
		sample := samples[k.Kind]
		if k.Default == "true" {
			sample = "false"
		}
		if err := s.Set(map[string]string{k.Name: sample}); err != nil {
			t.Fatal(err)
		}
		after := reflect.ValueOf(s.Values())
		var changed []string
		for i := range before.NumField() {
			if !cmp.Equal(before.Field(i).Interface(), after.Field(i).Interface()) {
				changed = append(changed, before.Type().Field(i).Name)
			}
		}
		if len(changed) != 1 || seen[changed[0]] != "" {
			t.Errorf("set %s: fields %q changed, want one of its own", k.Name, changed)
			continue
		}
		seen[changed[0]] = k.Name
	}
	if want := reflect.TypeFor[settings.Values]().NumField(); len(seen) != want {
		t.Errorf("%d fields of Values belong to settings, want all %d", len(seen), want)
	}
}

// TestDefaultValues checks the defaults that programs rely on.
func TestDefaultValues(t *testing.T) {
	t.Parallel()
	s, err := settings.Open(filepath.Join(t.TempDir(), "settings.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	want := settings.Values{
		AdminEmails: []string{}, AdminListen: "127.0.0.1:8013", AllowedDeviceServiceURLs: []string{}, HTTPPort: "80", HTTPSPort: "443",
		IPAddress: "[::]", RegistryListen: "[::]:5000", CacheSize: 2 << 30, StorageBackend: "local",
		S3Bucket: "scanned-production", S3PathStyle: true, S3Region: "us-east-1", Upstream: "https://api.snapcraft.io", CharmhubUpstream: "https://api.charmhub.io", StaleIfError: 24 * time.Hour,
	}
	if diff := cmp.Diff(want, s.Values()); diff != "" {
		t.Errorf("Values (-want +got):\n%s", diff)
	}
}
