package charm_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"offlinestore/charm"
)

func TestOpenBundleArchive(t *testing.T) {
	t.Parallel()
	text := "applications: {db: {charm: postgresql}}\n"
	in := zipOf(t, member{"bundle.yaml", text}, member{"README.md", "# Read\n"})
	got, err := charm.OpenBundleArchive(bytes.NewReader(in), int64(len(in)))
	if err != nil {
		t.Fatal(err)
	}
	want := &charm.BundleArchive{BundleYAML: text, ReadmeMD: "# Read\n", File: &charm.BundleFile{Applications: []charm.Application{{Name: "db", Charm: "postgresql"}}}}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("OpenBundleArchive (-want +got):\n%s", d)
	}
	for want, in := range map[string][]byte{
		"no README.md":    zipOf(t, member{"bundle.yaml", text}),
		"no bundle.yaml":  zipOf(t, member{"README.md", text}),
		"in the folder b": zipOf(t, member{"b/bundle.yaml", text}, member{"b/README.md", ""}),
		"no applications": zipOf(t, member{"bundle.yaml", "name: x\n"}, member{"README.md", ""}),
		"not a zip file":  []byte(text),
	} {
		if _, err := charm.OpenBundleArchive(bytes.NewReader(in), int64(len(in))); !errors.Is(err, charm.ErrArchive) || !strings.Contains(err.Error(), want) {
			t.Errorf("OpenBundleArchive = %v, want an ErrArchive with %q", err, want)
		}
	}
}
