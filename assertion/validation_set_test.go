package assertion_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"offlinestore/assertion"
	"offlinestore/internal/assertiontest"
)

func TestSetSnaps(t *testing.T) {
	t.Parallel()
	acme := assertiontest.NewStack(t).NewAccount("acme", "brand")
	got, err := acme.ValidationSet("base", 1, []any{
		headers{"name": "pc", "id": "pcid", "revision": "7", "components": headers{"b": headers{"presence": "optional", "revision": "2"}, "a": "required"}},
		headers{"name": "jq", "id": "jqid", "presence": "invalid"},
	}, nil).SetSnaps()
	want := []assertion.SetSnap{
		{Name: "pc", SnapID: "pcid", Presence: "required", Revision: 7, Components: []assertion.SetComponent{{Name: "a", Presence: "required"}, {Name: "b", Presence: "optional", Revision: 2}}},
		{Name: "jq", SnapID: "jqid", Presence: "invalid"},
	}
	if diff := cmp.Diff(got, want); diff != "" || err != nil {
		t.Errorf("%v; snaps (-got +want):\n%s", err, diff)
	}
	if _, err := acme.AccountKey.SetSnaps(); err == nil {
		t.Error("an account-key has snaps")
	}
	for name, snaps := range map[string][]any{
		"no map":                 {"pc"},
		"no name":                {headers{"id": "pcid"}},
		"no id":                  {headers{"name": "pc"}},
		"one twice":              {headers{"name": "pc", "id": "a"}, headers{"name": "pc", "id": "b"}},
		"an id twice":            {headers{"name": "a", "id": "pcid"}, headers{"name": "b", "id": "pcid"}},
		"unknown presence":       {headers{"name": "pc", "id": "pcid", "presence": "maybe"}},
		"revision 0":             {headers{"name": "pc", "id": "pcid", "revision": "0"}},
		"no number":              {headers{"name": "pc", "id": "pcid", "revision": "x1"}},
		"too large":              {headers{"name": "pc", "id": "pcid", "revision": "2147483648"}},
		"a forbidden revision":   {headers{"name": "pc", "id": "pcid", "presence": "invalid", "revision": "3"}},
		"components of no map":   {headers{"name": "pc", "id": "pcid", "components": "docs"}},
		"a component of no kind": {headers{"name": "pc", "id": "pcid", "components": headers{"docs": "maybe"}}},
	} {
		if got, err := acme.ValidationSet("base", 1, snaps, nil).SetSnaps(); err == nil {
			t.Errorf("%s: accepted as %+v", name, got)
		}
	}
}

// TestVerifyValidation verifies approvals of refreshes: only the publisher of the snap that controls them may sign.
func TestVerifyValidation(t *testing.T) {
	t.Parallel()
	s := assertiontest.NewStack(t)
	acme, other := s.NewAccount("acme", "brand"), s.NewAccount("other", "other")
	set := assertion.NewSet(append(append(s.Base(), acme.Assertions()...), other.Assertions()...)...)
	set.Add(s.SnapDeclaration("gateid", "gate", "acme", nil), s.SnapDeclaration("gatedid", "gated", "other", nil))
	v := &assertion.Verifier{Trust: s.Trust(), Source: set, Time: assertiontest.Time()}
	approval := headers{"type": "validation", "series": "16", "snap-id": "gateid", "approved-snap-id": "gatedid", "approved-snap-revision": "3"}
	if err := v.Verify(acme.Sign(approval, nil)); err != nil {
		t.Error(err)
	}
	if err := v.Verify(other.Sign(approval, nil)); !errors.Is(err, assertion.ErrWrongAuthority) {
		t.Errorf("signed by the publisher of the other snap: %v", err)
	}
}
