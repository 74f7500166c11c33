package charm_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"offlinestore/charm"
	"offlinestore/charm/snaphint"
)

// realData returns the folder of genuine files. It skips the test without the folder, unless the environment names it.
func realData(t *testing.T) string {
	t.Helper()
	if dir := os.Getenv("OFFLINESTORE_REALDATA"); dir != "" {
		return dir
	}
	root, err := filepath.Abs(".")
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(root, "go.mod")); err == nil {
			break
		}
		if filepath.Dir(root) == root {
			t.Skip("not inside of a module")
		}
		root = filepath.Dir(root)
	}
	dir := filepath.Join(root, "..", "shared", "realdata")
	if _, err := os.Stat(dir); err != nil {
		t.Skip("no genuine data here")
	}
	return dir
}

func openReal(t *testing.T, name string) (*charm.Archive, error) {
	t.Helper()
	f, err := os.Open(filepath.Join(realData(t), "charms", name))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	return charm.OpenArchive(f, info.Size())
}

func TestOpenRealCharms(t *testing.T) {
	t.Parallel()
	tests := []struct {
		file  string
		name  string
		bases []charm.Base
	}{
		{"charmcraft__6c86ab9f__test-charm_amd64.charm", "test-charm", []charm.Base{{Architecture: "amd64", Channel: "24.04", Name: "ubuntu"}}},
		{"juju__df641541__wordpress.charm", "wordpress-k8s", []charm.Base{{Architecture: "amd64", Channel: "20.04", Name: "ubuntu"}, {Architecture: "arm64", Channel: "20.04", Name: "ubuntu"}}},
		{"python-libjuju__18fcbc60__charm.charm", "charm", []charm.Base{{Architecture: "amd64", Channel: "20.04", Name: "ubuntu"}, {Architecture: "arm64", Channel: "20.04", Name: "ubuntu"}}},
	}
	for _, tt := range tests {
		a, err := openReal(t, tt.file)
		if err != nil {
			t.Errorf("%s: %v", tt.file, err)
			continue
		}
		if a.Metadata.Name != tt.name {
			t.Errorf("%s: name %q, want %q", tt.file, a.Metadata.Name, tt.name)
		}
		if d := cmp.Diff(tt.bases, a.ConcreteBases([]string{"arm64", "amd64"})); d != "" {
			t.Errorf("%s: bases (-want +got):\n%s", tt.file, d)
		}
		content, err := os.ReadFile(filepath.Join(realData(t), "charms", tt.file))
		if err != nil {
			t.Fatal(err)
		}
		if snaps, err := snaphint.Find(t.Context(), bytes.NewReader(content), int64(len(content))); len(snaps) > 0 || err != nil {
			t.Errorf("%s: snaps %v, %v, want none", tt.file, snaps, err)
		}
	}
}

func TestOpenRealCharmInAFolder(t *testing.T) {
	t.Parallel()
	_, err := openReal(t, "craft-store__c642adb6__test.charm")
	if !errors.Is(err, charm.ErrArchive) || !strings.Contains(err.Error(), "in the folder lengau-craft-store-test_ubuntu-22.04-amd64/") {
		t.Errorf("OpenArchive = %v, want an error that names the folder", err)
	}
}

func parseReal(t *testing.T, name string) (*charm.BundleFile, error) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(realData(t), "bundles", name))
	if err != nil {
		t.Fatal(err)
	}
	return charm.ParseBundle(text)
}

func TestParseRealBundles(t *testing.T) {
	t.Parallel()
	tests := []struct {
		file  string
		count int
		first charm.Application
	}{
		{"cos-lite__bundle.yaml", 4, charm.Application{Name: "alertmanager", Charm: "alertmanager-k8s", Channel: "edge"}},
		{"charmed-kubernetes-1.29__bundle.yaml", 7, charm.Application{Name: "calico", Charm: "calico", Channel: "1.29/stable", Base: charm.Base{Name: "ubuntu", Channel: "22.04"}}},
		{"ck-fragment-cdk__bundle.yaml", 5, charm.Application{Name: "easyrsa", Charm: "easyrsa", Base: charm.Base{Name: "ubuntu", Channel: "24.04"}}},
	}
	for _, tt := range tests {
		b, err := parseReal(t, tt.file)
		if err != nil {
			t.Errorf("%s: %v", tt.file, err)
			continue
		}
		if len(b.Applications) != tt.count {
			t.Errorf("%s: %d applications, want %d", tt.file, len(b.Applications), tt.count)
		}
		if d := cmp.Diff(tt.first, b.Applications[0]); d != "" {
			t.Errorf("%s: first application (-want +got):\n%s", tt.file, d)
		}
	}
}

func TestRefuseRealBundles(t *testing.T) {
	t.Parallel()
	for file, want := range map[string][]string{
		"charmed-kubernetes-1.14__bundle.yaml": {"Charm Store", "cs:~containers/easyrsa-253, ", "cs:~containers/kubernetes-worker-"},
		"postgresql-snaps.yaml":                {"no applications"},
	} {
		_, err := parseReal(t, file)
		for _, w := range want {
			if err == nil || !strings.Contains(err.Error(), w) {
				t.Errorf("%s: %v, want an error with %q", file, err, w)
			}
		}
	}
}
