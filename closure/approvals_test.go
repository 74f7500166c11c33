package closure_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"offlinestore/assertion"
	"offlinestore/closure"
	"offlinestore/internal/assertiontest"
)

func TestApprovalGaps(t *testing.T) {
	t.Parallel()
	stack := assertiontest.NewStack(t)
	acme := stack.NewAccount("acme", "brand")
	gated := released("gated", app(5, "none"))
	gated.SnapID = "gatedid"
	gated.Revisions = append(gated.Revisions, app(6, "none")) // in no channel
	declaration := func(revision string, controlled ...any) *assertion.Assertion {
		h := assertiontest.Headers{"revision": revision}
		if len(controlled) > 0 {
			h["refresh-control"] = controlled
		}
		return stack.SnapDeclaration("gateid", "gate", "acme", h)
	}
	approval := func(revision string, changes assertiontest.Headers) *assertion.Assertion {
		return acme.Sign(assertiontest.Headers{"type": "validation", "series": "16", "snap-id": "gateid", "approved-snap-id": "gatedid", "approved-snap-revision": revision}, changes)
	}
	const missing = "approval of gated revision 5 is needed by gate"
	for _, tt := range []struct {
		name       string
		assertions []*assertion.Assertion
		want       []string
	}{
		{"no control", []*assertion.Assertion{declaration("1")}, []string{}},
		{"no approval", []*assertion.Assertion{declaration("1", "gatedid", "elsewhere")}, []string{missing}},
		{"an approval", []*assertion.Assertion{declaration("1", "gatedid"), approval("5", nil)}, []string{}},
		{"of another revision", []*assertion.Assertion{declaration("1", "gatedid"), approval("6", nil)}, []string{missing}},
		{"a revoked one", []*assertion.Assertion{declaration("1", "gatedid"), approval("5", nil), approval("5", assertiontest.Headers{"revoked": "true", "revision": "1"})}, []string{missing}},
		{"a control that ended", []*assertion.Assertion{declaration("2"), declaration("1", "gatedid")}, []string{}},
	} {
		set := &closure.Set{Snaps: []closure.Snap{gated, released("snapd", base(1, "amd64"))}}
		for _, a := range tt.assertions {
			set.AddAssertion(a)
		}
		if diff := cmp.Diff(tt.want, sentences(set.Gaps())); diff != "" {
			t.Errorf("%s: gaps (-want +got):\n%s", tt.name, diff)
		}
	}
}
