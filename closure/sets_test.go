package closure_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"offlinestore/assertion"
	"offlinestore/closure"
	"offlinestore/internal/assertiontest"
	"offlinestore/snap"
)

func TestSetGaps(t *testing.T) {
	t.Parallel()
	acme := assertiontest.NewStack(t).NewAccount("acme", "brand")
	type entry = map[string]any
	withDocs := app(6, "none")
	withDocs.Resources = []snap.Resource{{Name: "docs", Revision: 3}}
	snapd := released("snapd", &snap.Revision{Number: 1, Type: "snapd", Architectures: []string{"amd64"}})
	tool := closure.Snap{Name: "tool", Revisions: []*snap.Revision{withDocs}}
	for _, tt := range []struct {
		name string
		snap entry
		want []string
	}{
		{"the pinned revision is here", entry{"revision": "6"}, []string{}},
		{"it is not", entry{"revision": "7"}, []string{"tool revision 7 is needed by validation-set acme/base=2"}},
		{"any revision", entry{}, []string{"tool is needed by validation-set acme/base=2"}}, // revision 6 is in no channel
		{"an optional snap in another revision", entry{"presence": "optional", "revision": "7"}, []string{"tool revision 7 is needed by validation-set acme/base=2"}},
		{"an optional snap", entry{"presence": "optional"}, []string{}},
		{"a forbidden snap", entry{"presence": "invalid"}, []string{}},
		{"an optional snap that is not here", entry{"name": "other", "id": "otherid", "presence": "optional", "revision": "7"}, []string{}},
		{"its component", entry{"revision": "6", "components": entry{"docs": "required", "fonts": "optional"}}, []string{}},
		{"another revision of it", entry{"revision": "6", "components": entry{"docs": entry{"presence": "optional", "revision": "4"}}},
			[]string{"tool+docs revision 4 is needed by validation-set acme/base=2"}},
		{"another component", entry{"revision": "6", "components": entry{"fonts": "required"}}, []string{"tool+fonts is needed by validation-set acme/base=2"}},
	} {
		if tt.snap["name"] == nil {
			tt.snap["name"], tt.snap["id"] = "tool", "toolid"
		}
		set := &closure.Set{Snaps: []closure.Snap{snapd, tool}}
		point := acme.ValidationSet("base", 2, []any{tt.snap}, nil)
		for _, a := range []*assertion.Assertion{point, acme.AccountKey, point} {
			set.AddAssertion(a)
		}
		if diff := cmp.Diff(tt.want, sentences(set.Gaps())); diff != "" {
			t.Errorf("%s: gaps (-want +got):\n%s", tt.name, diff)
		}
	}
}

func TestSetPins(t *testing.T) {
	t.Parallel()
	acme := assertiontest.NewStack(t).NewAccount("acme", "brand")
	set := &closure.Set{}
	set.AddAssertion(acme.ValidationSet("base", 2, []any{
		map[string]any{"name": "tool", "id": "toolid", "revision": "6"}, map[string]any{"name": "other", "id": "otherid"},
	}, nil))
	want := map[closure.Pin]bool{{Kind: closure.KindSnap, Name: "tool", Revision: 6}: true}
	if diff := cmp.Diff(want, set.Pins()); diff != "" {
		t.Errorf("pins (-want +got):\n%s", diff)
	}
}
