package closure_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"offlinestore/assertion"
	"offlinestore/bundle"
	"offlinestore/charm"
	"offlinestore/closure"
	"offlinestore/internal/assertiontest"
	"offlinestore/internal/bundletest"
	"offlinestore/snap"
)

// head returns the head of a bundle as its reader returns it.
func head(b *bundletest.Bundle) *bundle.Head {
	return &bundle.Head{Snaps: b.Snaps, Revisions: b.Revisions, Charms: b.Charms, CharmRevisions: b.CharmRevisions, CharmResources: b.CharmResources, Images: b.Images}
}

func TestOfBundles(t *testing.T) {
	t.Parallel()
	jq := bundletest.New(t, 1).Add("jq", 6, 100)
	older := bundletest.New(t, 0).Add("jq", 5, 100)
	core := "core22"
	older.Revisions[0].Revision.Base = &core
	base := bundletest.New(t, 1).Add("core24", 5, 100)
	base.Revisions[0].Revision.Type, base.Revisions[0].Revision.Base = "base", nil
	byNumber := bundletest.New(t, 1)
	byNumber.AddSnap("snapd")
	number := byNumber.AddRevision("snapd", 3, byNumber.Blob("snapd", 10))
	number.Revision.Type, number.Revision.Base = "snapd", nil
	kit := bundletest.New(t, 1).AddWholeCharm("app", 7, 100)
	kit.CharmRevisions[0].Snaps = []charm.SnapHint{{Name: "tool"}}
	kit.RemoveManifest(kit.Images[len(kit.Images)-1].Digest)
	kit.AddCharmBundle("kit")
	kit.AddBundleRevision("kit", 2, "applications:\n  a: {charm: web}\n")
	tests := []struct {
		name    string
		bundles []*bundletest.Bundle
		want    []string
	}{
		{"a snap", []*bundletest.Bundle{jq}, []string{"core24 for amd64 is needed by jq", "snapd for amd64 is needed by jq"}},
		{"its base in another bundle", []*bundletest.Bundle{jq, base}, []string{"snapd for amd64 is needed by core24, jq"}},
		{"two revisions of it", []*bundletest.Bundle{jq, older, base}, []string{"core22 for amd64 is needed by jq", "snapd for amd64 is needed by core24, jq"}},
		{"a revision by its number is not what devices look for", []*bundletest.Bundle{base, byNumber}, []string{"snapd for amd64 is needed by core24"}},
		{"charms", []*bundletest.Bundle{kit}, []string{
			"image " + kit.CharmResources[1].Image.Name + " is needed by charm app revision 7",
			"snap tool for amd64 is needed by charm app revision 7", "charm web is needed by bundle kit revision 2"}},
	}
	for _, tt := range tests {
		var heads []*bundle.Head
		for _, b := range tt.bundles {
			heads = append(heads, head(b))
		}
		s, err := closure.OfBundles(heads...)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(tt.want, sentences(s.Gaps())); diff != "" {
			t.Errorf("%s: gaps (-want +got):\n%s", tt.name, diff)
		}
	}
}

// TestGapsOf shows that the needs of one bundle may be filled by any of the bundles.
func TestGapsOf(t *testing.T) {
	t.Parallel()
	jq, app := head(bundletest.New(t, 1).Add("jq", 6, 100)), head(bundletest.New(t, 1).Add("app", 1, 100))
	all, err := closure.OfBundles(jq, app)
	if err != nil {
		t.Fatal(err)
	}
	part, err := closure.OfBundles(app)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"core24 for amd64 is needed by app", "snapd for amd64 is needed by app"}
	if diff := cmp.Diff(want, sentences(all.GapsOf(part))); diff != "" {
		t.Errorf("gaps (-want +got):\n%s", diff)
	}
}

func TestModels(t *testing.T) {
	t.Parallel()
	account := assertiontest.NewStack(t).NewAccount("acme", "device")
	entry := func(pairs ...any) map[string]any {
		m := make(map[string]any)
		for i := 0; i < len(pairs); i += 2 {
			m[pairs[i].(string)] = pairs[i+1]
		}
		return m
	}
	tests := []struct {
		name    string
		changes assertiontest.Headers
		want    []string
	}{
		{"Ubuntu Core 16", assertiontest.Headers{"classic": nil, "gadget": "pc", "kernel": "pc-kernel", "required-snaps": []any{"hello"}}, []string{
			"core for amd64 is needed by model acme/box", "hello for amd64 is needed by model acme/box", "model acme/box has no gadget for amd64 here: it needs pc",
			"model acme/box has no kernel for amd64 here: it needs pc-kernel"}},
		{"Ubuntu Core 18", assertiontest.Headers{"classic": nil, "gadget": "pc=18", "kernel": "pc-kernel=18", "base": "core18"}, []string{
			"core18 for amd64 is needed by model acme/box", "model acme/box has no gadget for amd64 here: it needs pc in 18/stable",
			"model acme/box has no kernel for amd64 here: it needs pc-kernel in 18/stable"}},
		{"classic", nil, []string{}},
		{"Ubuntu Core 24", assertiontest.Headers{"classic": nil, "base": "core24", "snaps": []any{
			entry("name", "pc", "type", "gadget", "default-channel", "24/edge"),
			entry("name", "kern", "type", "kernel", "default-channel", "latest/stable", "components", map[string]any{
				"wifi": "required", "nvidia": map[string]any{"presence": "required"}, "docs": "optional", "have": "required"}),
			entry("name", "app", "type", "app", "presence", "optional"),
		}}, []string{
			"core24 for amd64 is needed by model acme/box", "kern+nvidia for amd64 is needed by model acme/box", "kern+wifi for amd64 is needed by model acme/box",
			"model acme/box has no gadget for amd64 here: it needs pc in 24/edge"}},
		{"a snap of the name with another ID", assertiontest.Headers{"classic": nil, "base": "core", "snaps": []any{
			entry("name", "kern", "type", "kernel", "id", strings.Repeat("b", 32)), entry("name", "snapd", "type", "snapd", "id", strings.Repeat("c", 32)),
		}}, []string{"core for amd64 is needed by model acme/box", "model acme/box has no kernel for amd64 here: it needs kern"}},
	}
	kernel := &snap.Revision{Number: 1, Type: "kernel", Architectures: []string{"amd64"}, Resources: []snap.Resource{{Name: "have"}}}
	for _, tt := range tests {
		s := &closure.Set{Models: []*assertion.Assertion{account.Model("box", tt.changes)}, Snaps: []closure.Snap{
			withID(released("kern", kernel), strings.Repeat("a", 32)), released("snapd", &snap.Revision{Number: 1, Type: "snapd", Architectures: []string{"amd64"}})}}
		if diff := cmp.Diff(tt.want, sentences(s.Gaps())); diff != "" {
			t.Errorf("%s: gaps (-want +got):\n%s", tt.name, diff)
		}
	}
}

func withID(s closure.Snap, id string) closure.Snap {
	s.SnapID = id
	return s
}

// TestModelOfBundle shows that a model among the assertions of a bundle counts.
func TestModelOfBundle(t *testing.T) {
	t.Parallel()
	b := bundletest.New(t, 1).Add("snapd", 1, 10)
	b.Revisions[0].Revision.Type = "snapd"
	b.Revisions[0].Revision.Base = nil
	b.Revisions[0].Assertions = b.Stream(b.Stack.NewAccount("acme", "device").Model("box", assertiontest.Headers{"classic": nil, "base": "core24", "gadget": "pc=24", "kernel": "pc-kernel"}))
	s, err := closure.OfBundles(head(b), head(b))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"core24 for amd64 is needed by model acme/box", "model acme/box has no gadget for amd64 here: it needs pc in 24/stable", "model acme/box has no kernel for amd64 here: it needs pc-kernel"}
	if diff := cmp.Diff(want, sentences(s.Gaps())); diff != "" {
		t.Errorf("gaps (-want +got):\n%s", diff)
	}
}
