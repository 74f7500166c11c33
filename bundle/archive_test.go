package bundle_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"offlinestore/bundle"
	"offlinestore/charm"
	"offlinestore/internal/bundletest"
)

// TestCheckArchive changes the metadata in an item, and swaps the archives of items.
func TestCheckArchive(t *testing.T) {
	t.Parallel()
	const yaml = "applications:\n  pg:\n    charm: pg\n"
	b := bundletest.New(t, 0)
	pg := b.AddCharmRevision("pg", 9, *bundletest.Base("22.04"), *bundletest.Base("24.04"))
	other := b.AddCharmRevision("other", 9, *bundletest.Base("22.04"))
	kit := b.AddBundleRevision("kit", 2, yaml)
	for name, test := range map[string]struct {
		item    *bundle.CharmRevision
		archive *bundle.CharmRevision
		edit    func(*charm.Revision)
		want    string
	}{
		"a charm":             {pg, pg, func(*charm.Revision) {}, ""},
		"fewer bases":         {pg, pg, func(r *charm.Revision) { r.Bases = r.Bases[1:] }, ""},
		"a bundle":            {kit, kit, func(*charm.Revision) {}, ""},
		"no README told":      {kit, kit, func(r *charm.Revision) { r.ReadmeMD = "" }, ""},
		"other metadata":      {pg, pg, func(r *charm.Revision) { r.MetadataYAML += "x: y\n" }, "charm.pg_9: metadata.yaml"},
		"other config":        {pg, pg, func(r *charm.Revision) { r.ConfigYAML = "" }, "charm.pg_9: config.yaml"},
		"other actions":       {pg, pg, func(r *charm.Revision) { r.ActionsYAML = "{}\n" }, "charm.pg_9: actions.yaml"},
		"another base":        {pg, pg, func(r *charm.Revision) { r.Bases[0] = bundletest.Base("20.04") }, "no base ubuntu@20.04 amd64"},
		"another charm":       {pg, other, func(*charm.Revision) {}, "calls itself other"},
		"a bundle as a charm": {pg, kit, func(*charm.Revision) {}, "metadata.yaml"},
		"a charm as a bundle": {kit, pg, func(*charm.Revision) {}, "bundle.yaml"},
		"another bundle.yaml": {kit, kit, func(r *charm.Revision) { r.BundleYAML += "\n" }, "charm.kit_2: bundle.yaml"},
		"another README":      {kit, kit, func(r *charm.Revision) { r.ReadmeMD += "\n" }, "charm.kit_2: README.md"},
	} {
		item := test.item.Item
		item.Revision.Bases = append([]*charm.Base{}, item.Revision.Bases...)
		test.edit(&item.Revision)
		raw := b.Content(test.archive.Blob.Digest)
		err := bundle.CheckArchive(&item, bytes.NewReader(raw), int64(len(raw)))
		var mismatch *bundle.MismatchError
		if test.want == "" && err != nil || test.want != "" && (!errors.As(err, &mismatch) || !strings.Contains(err.Error(), test.want)) {
			t.Errorf("%s: got %v, want %q", name, err, test.want)
		}
	}
	if err := bundle.CheckArchive(&pg.Item, bytes.NewReader([]byte("no zip")), 6); err == nil {
		t.Error("what is no zip was taken")
	}
}
