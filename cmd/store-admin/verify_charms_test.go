package main

import (
	"errors"
	"io"
	"path/filepath"
	"strings"
	"testing"

	"offlinestore/bundle"
	"offlinestore/internal/bundletest"
)

// TestVerifyCharms verifies charms and resources that were signed and differ from the bundle's description.
func TestVerifyCharms(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		edit func(b *bundletest.Bundle)
		want string
	}{
		"good":     {func(*bundletest.Bundle) {}, ""},
		"a charm":  {func(b *bundletest.Bundle) { b.CharmRevisions[0].Revision.ConfigYAML += "# more\n" }, "charm.pg_7: config.yaml"},
		"a bundle": {func(b *bundletest.Bundle) { b.CharmRevisions[1].Revision.BundleYAML += "# more\n" }, "charm.kit_2: bundle.yaml"},
		"a resource": {func(b *bundletest.Bundle) {
			b.CharmResources[0].Resource.Download.SHA384 = strings.Repeat("0", 96)
		}, "pg.data_7 .*another SHA-384"},
		"a resource twice": {func(b *bundletest.Bundle) {
			r := *b.CharmResources[0]
			r.Resource.Revision, r.Resource.Download.SHA384 = 8, strings.Repeat("0", 96)
			b.CharmResources = append(b.CharmResources, &r)
		}, "another SHA-384"},
	} {
		b := bundletest.New(t, 0).AddWholeCharm("pg", 7, 500).Add("jq", 6, 300)
		b.AddCharmBundle("kit")
		b.AddBundleRevision("kit", 2, "applications:\n  pg:\n    charm: pg\n")
		test.edit(b)
		file := filepath.Join(t.TempDir(), "test.tar")
		b.WriteFile(file, bundle.None)
		v := &verification{opening: opening{keys: []bundle.PublicKey{bundletest.Public(t, b.Key)}}, trust: b.Stack.Trust()}
		err := runVerify(t.Context(), io.Discard, []string{file}, v)
		first, second, _ := strings.Cut(test.want, ".*")
		var damaged *bundle.BlobError
		var mismatch *bundle.MismatchError
		switch {
		case test.want == "" && err != nil:
			t.Errorf("%s: %v", name, err)
		case test.want != "" && (err == nil || !strings.Contains(err.Error(), first) || !strings.Contains(err.Error(), second)):
			t.Errorf("%s: got %v, want %q", name, err, test.want)
		case test.want != "" && !errors.As(err, &damaged) && !errors.As(err, &mismatch):
			t.Errorf("%s: %v names no blob", name, err)
		}
	}
}
