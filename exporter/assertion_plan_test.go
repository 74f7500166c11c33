package exporter_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"offlinestore/assertion"
	"offlinestore/exporter"
	"offlinestore/internal/assertiontest"
	"offlinestore/internal/upstreamtest"
)

// export plans, fetches and packs a request.
func export(t *testing.T, e *exporter.Exporter, req exporter.Request) (*exporter.Plan, []string) {
	t.Helper()
	p, err := e.Plan(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Fetch(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	h := pack(t, e, p)
	var streams [][]byte
	for _, a := range h.Assertions {
		streams = append(streams, a.Assertions)
	}
	for _, s := range h.Snaps {
		streams = append(streams, s.Assertions)
	}
	var refs []string
	for _, stream := range streams {
		list, err := assertion.DecodeAll(stream)
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range list {
			refs = append(refs, a.Ref().String())
		}
	}
	return p, refs
}

// TestModelKeys asks for the keys of Canonical's models with snapd, once, and carries the genuine ones.
func TestModelKeys(t *testing.T) {
	t.Parallel()
	s := demo(t)
	e, r := newExporter(t, s)
	req := exporter.Request{Names: []string{"snapd", "core", "bare"}, Channels: []string{"stable"}, Architectures: []string{"amd64"}}
	export(t, e, req)
	if n := s.Count("/v2/assertions/account-key/9tydnLa6MTJ"); n != 1 || len(r.warnings) > 0 {
		t.Errorf("%d requests for the key of Ubuntu Core; warnings %q", n, r.warnings)
	}
	acme := s.Brand().Key.KeyID()
	if diff := cmp.Diff(e.ModelKeys(t.Context(), strings.Repeat("A", 64), acme), []string{acme}); diff != "" || len(r.warnings) > 0 {
		t.Errorf("keys (-got +want):\n%s\nwarnings %q", diff, r.warnings)
	}
	e.Trust = assertion.Canonical()
	if got := e.ModelKeys(t.Context(), acme); len(got) > 0 || len(r.warnings) != 1 {
		t.Errorf("a key of another root: %q, warnings %q", got, r.warnings)
	}
	s.Inject(upstreamtest.Fault{Path: "/v2/assertions/account-key/", Do: upstreamtest.Status(500)})
	if got := e.ModelKeys(t.Context(), acme); len(got) > 0 || len(r.warnings) != 2 {
		t.Errorf("a store that fails: %q, warnings %q", got, r.warnings)
	}
	before := s.Count("/v2/assertions/account-key/")
	e.OptionalTime = 50 * time.Millisecond
	s.Inject(upstreamtest.Fault{Path: "/v2/assertions/account-key/", Do: upstreamtest.Stall(0)})
	start := time.Now()
	if got := e.ModelKeys(t.Context(), acme, strings.Repeat("A", 64)); len(got) > 0 || len(r.warnings) != 3 || time.Since(start) > 5*time.Second {
		t.Errorf("a store without an answer: %q after %s, warnings %q", got, time.Since(start), r.warnings)
	}
	if n := s.Count("/v2/assertions/account-key/") - before; n != 1 {
		t.Errorf("%d requests to a store without an answer, want one", n)
	}
}

func TestAccountKeys(t *testing.T) {
	t.Parallel()
	s := demo(t)
	acme := s.Brand()
	e, r := newExporter(t, s)
	req := exporter.Request{AccountKeys: []exporter.AccountKey{{Account: acme.ID, ID: acme.Key.KeyID()}}}
	p, refs := export(t, e, req)
	want := []string{s.Stack.StoreAccountKey.Ref().String(), "account/acme", "account-key/" + acme.Key.KeyID()}
	if diff := cmp.Diff(refs, want, cmpopts.SortSlices(func(a, b string) bool { return a < b })); diff != "" {
		t.Errorf("assertions (-got +want):\n%s", diff)
	}
	if got := r.downloads; len(got) != 1 || got[0] != "account-key "+acme.Key.KeyID()+"..." || len(p.Snaps) > 0 {
		t.Errorf("downloads %q, %d snaps", got, len(p.Snaps))
	}

	req.AccountKeys[0].Account = "other"
	p, err := e.Plan(t.Context(), req)
	if err == nil {
		err = e.Fetch(t.Context(), p)
	}
	if !errors.Is(err, exporter.ErrConflict) {
		t.Errorf("the key of another account: %v", err)
	}
	req.AccountKeys[0] = exporter.AccountKey{Account: "acme", ID: strings.Repeat("A", 64)}
	if p, err = e.Plan(t.Context(), req); err == nil {
		err = e.Fetch(t.Context(), p)
	}
	if !errors.As(err, new(*exporter.MissingError)) {
		t.Errorf("an unknown key: %v", err)
	}
}

// TestBuiltInKeys exports a key that every device has, because an operator may ask for it.
func TestBuiltInKeys(t *testing.T) {
	t.Parallel()
	s := demo(t)
	known := s.Stack.Trust().Known()
	const id = "d-JcZF9nD9eBw7bwMnH61x-bklnQOhQud1Is6o_cn2wTj8EYDi9musrIT9z2MdAa"
	key, err := known.Find(assertion.Ref{Type: "account-key", PrimaryKey: []string{id}})
	if err != nil {
		t.Fatal(err)
	}
	s.AddAssertions(key)
	e, _ := newExporter(t, s)
	_, refs := export(t, e, exporter.Request{AccountKeys: []exporter.AccountKey{{Account: "generic", ID: id}}})
	if diff := cmp.Diff(refs, []string{"account-key/" + id}); diff != "" {
		t.Errorf("assertions (-got +want):\n%s", diff)
	}
}

func TestParseValidationSet(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]exporter.ValidationSet{
		"acme/tools":    {Account: "acme", Name: "tools"},
		"acme/tools=12": {Account: "acme", Name: "tools", Sequence: 12},
	} {
		got, err := exporter.ParseValidationSet(text)
		if err != nil || got != want || got.String() != text {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "acme", "/", "acme/", "/tools", "acme/tools=", "acme/tools=0", "acme/tools=01", "acme/tools=-1", "acme/tools=x", "acme/a/b", "acme/tools=1=2"} {
		if got, err := exporter.ParseValidationSet(text); err == nil {
			t.Errorf("%q is accepted as %+v", text, got)
		}
	}
}

// TestValidationSet exports the revision that a set pins, and not the one in stable.
func TestValidationSet(t *testing.T) {
	t.Parallel()
	s := demo(t)
	e, r := newExporter(t, s)
	req := exporter.Request{Channels: []string{"stable"}, Architectures: []string{"amd64"}, ValidationSets: []exporter.ValidationSet{{Account: "acme", Name: "tools"}}}
	p, refs := export(t, e, req)
	var got []string
	for _, sn := range p.Snaps {
		got = append(got, sn.Listing.Name)
		if sn.Listing.Name == "jq" && (len(sn.Revisions) != 1 || sn.Revisions[0].Revision.Number != 8 || len(sn.Listing.ChannelMap) > 0) {
			t.Errorf("jq has %d revisions, rows %+v; want revision 8, and no row", len(sn.Revisions), sn.Listing.ChannelMap)
		}
	}
	if diff := cmp.Diff(got, []string{"hello", "jq", "core", "core24", "snapd"}); diff != "" {
		t.Errorf("snaps (-got +want):\n%s", diff)
	}
	if !strings.Contains(strings.Join(refs, " "), "validation-set/16/acme/tools/2") || len(p.Gaps)+len(r.warnings) > 0 {
		t.Errorf("assertions %q, gaps %v, warnings %q", refs, p.Gaps, r.warnings)
	}

	acme := s.Brand()
	s.AddAssertions(acme.ValidationSet("odd", 1, []any{map[string]any{"name": "jq", "id": upstreamtest.ID("jq"), "revision": "6",
		"components": map[string]any{"docs": map[string]any{"presence": "required", "revision": "7"}, "fonts": "required"}}}, nil))
	req.ValidationSets[0].Name = "odd"
	if p, _ = export(t, e, req); len(p.Gaps) != 2 || !strings.Contains(p.Gaps[0].String(), "the store releases revision 1") || !strings.Contains(p.Gaps[1].String(), "has none") {
		t.Errorf("gaps of components: %v", p.Gaps)
	}
	docs := func(n int) upstreamtest.Component {
		return upstreamtest.Component{Name: "docs", Revision: n, Blob: upstreamtest.Bytes(fmt.Appendf(nil, "hsqs docs %d", n))}
	}
	err := s.AddRevision("hello", upstreamtest.Rev{Revision: 999, Blob: upstreamtest.Bytes([]byte("hsqs hello")), Components: []upstreamtest.Component{docs(8)},
		Further: []upstreamtest.Component{docs(5)}})
	if err != nil {
		t.Fatal(err)
	}
	s.AddAssertions(acme.ValidationSet("older", 1, []any{map[string]any{"name": "hello", "id": upstreamtest.ID("hello"), "revision": "999",
		"components": map[string]any{"docs": map[string]any{"presence": "optional", "revision": "5"}}}}, nil))
	req.ValidationSets[0].Name = "older"
	p, _ = export(t, e, req)
	var components []string
	for _, sn := range p.Snaps {
		for _, c := range sn.Revisions[0].Components() {
			components = append(components, fmt.Sprint(sn.Listing.Name, "+", c.Name, " ", c.Revision))
		}
	}
	if diff := cmp.Diff(components, []string{"hello+docs 8", "hello+docs 5"}); diff != "" || len(p.Gaps) > 0 {
		t.Errorf("the released component and the pinned one (-got +want):\n%s\ngaps %v", diff, p.Gaps)
	}
	s.AddAssertions(acme.ValidationSet("wrong", 1, []any{map[string]any{"name": "jq", "id": upstreamtest.ID("hello")}}, nil))
	req.ValidationSets[0].Name = "wrong"
	if _, err := e.Plan(t.Context(), req); !errors.As(err, new(*exporter.StoreError)) {
		t.Errorf("a set with another snap-id: %v", err)
	}
	s.AddAssertions(acme.ValidationSet("absent", 1, []any{map[string]any{"name": "jq", "id": upstreamtest.ID("jq"), "revision": "999"}}, nil))
	req.ValidationSets[0].Name = "absent"
	if _, err := e.Plan(t.Context(), req); !errors.As(err, new(*exporter.MissingError)) {
		t.Errorf("a set with an unknown revision: %v", err)
	}
}

// TestModelSet exports a model whose validation set requires a snap of the model without a revision. The model decides the channel.
func TestModelSet(t *testing.T) {
	t.Parallel()
	s := demo(t)
	acme := s.Brand()
	s.AddAssertions(acme.ValidationSet("free", 1, []any{map[string]any{"name": "jq", "id": upstreamtest.ID("jq")},
		map[string]any{"name": "hello", "id": upstreamtest.ID("hello")}}, nil),
		acme.ValidationSet("docs", 1, []any{map[string]any{"name": "jq", "id": upstreamtest.ID("jq"),
			"components": map[string]any{"docs": map[string]any{"presence": "optional", "revision": "1"}}}}, nil))
	req := exporter.Request{Channels: []string{"stable"}, Architectures: []string{"amd64"}, Models: []exporter.Model{{Assertion: acme.Model("pump", assertiontest.Headers{
		"classic": nil, "base": "core24", "grade": "signed", "snaps": []any{
			map[string]any{"name": "jq", "id": upstreamtest.ID("jq"), "type": "app", "default-channel": "latest/edge"}}})}}}
	for name, want := range map[string][]string{
		"free": {"hello 38 [2.0/stable amd64]", "jq 8 [latest/edge amd64]"}, "docs": {"jq 8 [latest/edge amd64]"},
	} {
		req.ValidationSets = []exporter.ValidationSet{{Account: "acme", Name: name}}
		e, _ := newExporter(t, s)
		p, err := e.Plan(t.Context(), req)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, sn := range p.Snaps {
			for _, r := range sn.Revisions {
				if sn.Listing.Name == "jq" || sn.Listing.Name == "hello" {
					got = append(got, fmt.Sprint(sn.Listing.Name, " ", r.Revision.Number, " ", r.From))
				}
			}
		}
		if diff := cmp.Diff(got, want); diff != "" {
			t.Errorf("%s (-got +want):\n%s", name, diff)
		}
	}
}

// TestValidations exports a snap that controls the refreshes of another, with the approvals of its publisher.
func TestValidations(t *testing.T) {
	t.Parallel()
	s := demo(t)
	acme := s.Brand()
	gate := upstreamtest.Snap{Name: "gate", Base: "none", Controls: []string{"gated", "nowhere"},
		Publisher: upstreamtest.Publisher{ID: acme.ID, Username: acme.ID, DisplayName: acme.ID, Validation: "unproven"}}
	for _, sn := range []upstreamtest.Snap{gate, {Name: "gated", Base: "none"}} {
		if err := s.AddSnap(sn); err != nil {
			t.Fatal(err)
		}
	}
	upload := func(name string, revision int) {
		t.Helper()
		rev := upstreamtest.Rev{Revision: revision, Blob: upstreamtest.Bytes([]byte("hsqs " + name + strings.Repeat("x", revision)))}
		if err := errors.Join(s.AddRevision(name, rev), s.Release(name, "", "stable", revision)); err != nil {
			t.Fatal(err)
		}
	}
	upload("gate", 1)
	upload("gated", 5)
	s.Approve("gate", "gated", 5, nil)
	approval := "validation/16/" + upstreamtest.ID("gate") + "/" + upstreamtest.ID("gated") + "/5"
	for _, names := range [][]string{{"gate", "gated"}, {"gate"}} {
		e, r := newExporter(t, s)
		_, refs := export(t, e, exporter.Request{Names: names, Channels: []string{"stable"}, Architectures: []string{"amd64"}, NoDeps: true})
		if got := strings.Join(refs, " "); strings.Count(got, approval) != 1 || len(r.warnings) > 0 {
			t.Errorf("%q: assertions %s, warnings %q; want %s", names, got, r.warnings, approval)
		}
	}

	upload("gated", 6)
	e, r := newExporter(t, s)
	req := exporter.Request{Names: []string{"gate", "gated"}, Channels: []string{"stable"}, Architectures: []string{"amd64"}, NoDeps: true}
	export(t, e, req)
	const want = "gate controls the refreshes of gated and does not approve its revision 6: devices that have gate will not refresh to it"
	if diff := cmp.Diff(r.warnings, []string{want}); diff != "" {
		t.Errorf("warnings (-got +want):\n%s", diff)
	}
	s.Approve("gate", "gated", 6, assertiontest.Headers{"revoked": "true", "revision": "1"})
	r.warnings = nil
	if _, refs := export(t, e, req); len(r.warnings) != 1 || !strings.Contains(strings.Join(refs, " "), "/6") {
		t.Errorf("a revoked approval: warnings %q, assertions %q", r.warnings, refs)
	}
}
