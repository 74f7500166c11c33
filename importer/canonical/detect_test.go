package canonical_test

import (
	"errors"
	"strings"
	"testing"

	"offlinestore/bundle"
	"offlinestore/importer/canonical"
	"offlinestore/internal/bundletest"
	"offlinestore/internal/canonicaltest"
)

func TestIsExport(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		file string
		want bool
	}{
		"charms-export":      {tarGz(t, member{"bundle.yaml", canonicaltest.AskFor}), true},
		"a folder first":     {tarGz(t, member{"charms-export/", ""}, member{"charms-export/app.tar.gz", "x"}), true},
		"a charm first":      {tarGz(t, member{"app_20.charm", "x"}), true},
		"signed":             {string(bundletest.New(t, 1).Add("jq", 1, 100).Tar(bundle.Gzip)), false},
		"signed, unpacked":   {string(bundletest.New(t, 1).Add("jq", 1, 100).Tar(bundle.None)), false},
		"something else":     {tarGz(t, member{"README", "x"}), false},
		"gzip of nothing":    {canonicaltest.Gzip(t, ""), false},
		"gzip of no archive": {canonicaltest.Gzip(t, strings.Repeat("x", 2000)), false},
		"text":               {"hello", false},
		"nothing":            {"", false},
	} {
		if got, err := canonical.IsExport(strings.NewReader(c.file)); got != c.want || err != nil {
			t.Errorf("%s: IsExport = %v, %v; want %v", name, got, err, c.want)
		}
	}
	disk := errors.New("the disk is on fire")
	if _, err := canonical.IsExport(failingReader{disk}); !errors.Is(err, disk) {
		t.Errorf("IsExport of a file that can't be read = %v, want that", err)
	}
}
