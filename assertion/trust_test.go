package assertion_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"offlinestore/assertion"
	"offlinestore/internal/assertiontest"
)

func TestTrustWith(t *testing.T) {
	t.Parallel()
	s := assertiontest.NewStack(t)
	brand := s.NewAccount("brand1", "brand")
	canonical := assertion.Canonical()
	trust, err := canonical.With(s.Root, s.RootAccountKey)
	if err != nil {
		t.Fatal(err)
	}
	for id, want := range map[string]bool{"canonical": true, assertiontest.RootID: true, "generic": false, "brand1": false, "": false} {
		if got := trust.IsTrustedAccount(id); got != want {
			t.Errorf("IsTrustedAccount(%q) = %t, want %t", id, got, want)
		}
	}
	if canonical.IsTrustedAccount(assertiontest.RootID) {
		t.Error("With has changed the trust it was called on")
	}
	for _, tt := range []struct {
		name  string
		extra []*assertion.Assertion
		want  error
	}{
		{"account without key", []*assertion.Assertion{s.Root}, assertion.ErrNotFound},
		{"key without account", []*assertion.Assertion{s.RootAccountKey}, assertion.ErrNotFound},
		{"key signed by another", []*assertion.Assertion{s.Root, s.RootAccountKey, s.StoreAccountKey}, assertion.ErrMismatch},
		{"account signed by another root", []*assertion.Assertion{s.Root, s.RootAccountKey, signedBy(t, s.RootKey, "root2")}, assertion.ErrWrongAuthority},
		{"account of another authority", append([]*assertion.Assertion{s.Root, s.RootAccountKey}, brand.Account), assertion.ErrWrongAuthority},
	} {
		if _, err := canonical.With(tt.extra...); !errors.Is(err, tt.want) {
			t.Errorf("%s: got %v, want %v", tt.name, err, tt.want)
		}
	}
	if _, err := canonical.With(brand.Model("m", nil)); err == nil {
		t.Error("a model is accepted as a root")
	}
	raw := append([]byte(nil), s.Root.Raw()...)
	raw[len(raw)-9] ^= 1
	if tampered, err := assertion.Decode(raw); err != nil {
		t.Error(err)
	} else if _, err := canonical.With(tampered, s.RootAccountKey); !errors.Is(err, assertion.ErrBadSignature) {
		t.Errorf("tampered root: got %v, want %v", err, assertion.ErrBadSignature)
	}
}

// TestKnown finds the assertions that the builders of images need for generic devices.
func TestKnown(t *testing.T) {
	t.Parallel()
	s := assertiontest.NewStack(t)
	known := s.Trust().Known()
	v := &assertion.Verifier{Trust: assertion.Canonical(), Source: known}
	for _, key := range []string{"account/canonical", "account/generic", "model/16/generic/generic-classic", "account/" + assertiontest.RootID,
		"account-key/-CvQKAwRQ5h3Ffn10FILJoEZUXOv6km9FwA80-Rcj-f-6jadQ89VRswHNiEB9Lxk",
		"account-key/BWDEoaqyr25nF5SNCvEv2v7QnM9QsfCc0PBMYD_i2NGSQ32EF2d4D0hqUel3m8ul",
		"account-key/d-JcZF9nD9eBw7bwMnH61x-bklnQOhQud1Is6o_cn2wTj8EYDi9musrIT9z2MdAa",
		"account-key/wrfougkz3Huq2T_KklfnufCC0HzG7bJ9wP99GV0FF-D3QH3eJtuSRlQc2JhrAoh1",
	} {
		typ, rest, _ := strings.Cut(key, "/")
		ref, err := assertion.RefFromPath(typ, strings.Split(rest, "/"))
		if err != nil {
			t.Fatal(err)
		}
		a, err := known.Find(ref)
		if err != nil {
			t.Errorf("%s: %v", key, err)
		} else if err := v.Verify(a); err != nil && a.AuthorityID() != assertiontest.RootID {
			t.Error(err)
		}
	}
	for _, ref := range []assertion.Ref{s.StoreAccountKey.Ref(), {Type: "account-key", PrimaryKey: []string{"BWDEoaqyr25nF5SNCvEv2v7QnM9QsfCc0PBMYD_i2NGSQ32EF2d4D0hqUel3m8ul"}}} {
		if s.Trust().Has(ref) {
			t.Errorf("%s would be left out of bundles", ref)
		}
	}
}

// signedBy returns a self-signed account with the given key.
func signedBy(t *testing.T, key *assertion.SigningKey, id string) *assertion.Assertion {
	t.Helper()
	a, err := assertion.Sign(headers{
		"type": "account", "authority-id": id, "account-id": id, "display-name": id, "validation": "verified", "timestamp": assertiontest.Timestamp,
	}, nil, key)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestSet(t *testing.T) {
	t.Parallel()
	s := assertiontest.NewStack(t)
	decl := func(format, revision string) *assertion.Assertion {
		return s.SnapDeclaration("snapid1", "hello", "dev1", headers{"format": format, "revision": revision})
	}
	f0r3, f0r5, f4r5, f4r2, novel := decl("0", "3"), decl("0", "5"), decl("4", "5"), decl("4", "2"), s.StoreSign(headers{"type": "novelty"}, nil)
	novel2 := s.StoreSign(headers{"type": "novelty", "x": "y"}, nil)
	for _, order := range [][]*assertion.Assertion{{f0r3, f0r5, f4r2, f4r5, novel, novel2, s.Root}, {s.Root, f4r5, novel2, f4r2, f0r5, novel, f0r3, novel}} {
		set := assertion.NewSet(order...)
		got, err := set.Find(f0r3.Ref())
		if err != nil || got != f4r5 {
			t.Errorf("Find() = format %d revision %d, %v; want the newest format of the highest revision", got.Format(), got.Revision(), err)
		}
		all := set.All()
		if len(all) != 5 || all[0] != s.Root || all[3] != f0r5 || all[4] != f4r5 {
			t.Errorf("All() has %d assertions, or in another order than by ref and format", len(all))
		}
		if _, err := set.Find(assertion.Ref{Type: "novelty"}); err != assertion.ErrNotFound {
			t.Errorf("Find of an unknown type: got %v, want %v", err, assertion.ErrNotFound)
		}
	}
	set := assertion.NewSet(f0r5)
	set.Add(s.SnapDeclaration("snapid1", "renamed", "dev1", headers{"revision": "5"}))
	if got, err := set.Find(f0r5.Ref()); got != f0r5 {
		t.Errorf("of two with the same revision, Find() = %v, %v, want the first", got.Headers(), err)
	}
	if _, err := new(assertion.Set).Find(s.Root.Ref()); err != assertion.ErrNotFound {
		t.Errorf("empty set: got %v, want %v", err, assertion.ErrNotFound)
	}
}

func TestRefs(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		typ  string
		path []string
		full []string
		want string
	}{
		{"snap-revision", []string{"d"}, []string{"d", "global-upload"}, "snap-revision/d"},
		{"snap-revision", []string{"d", "global-upload"}, []string{"d", "global-upload"}, "snap-revision/d"},
		{"snap-revision", []string{"d", "prov"}, []string{"d", "prov"}, "snap-revision/d/prov"},
		{"snap-resource-pair", []string{"i", "n", "1", "2"}, []string{"i", "n", "1", "2", "global-upload"}, "snap-resource-pair/i/n/1/2"},
		{"account", []string{"a"}, []string{"a"}, "account/a"},
		{"validation-set", []string{"16", "a", "n", "3"}, []string{"16", "a", "n", "3"}, "validation-set/16/a/n/3"},
	} {
		ref, err := assertion.RefFromPath(tt.typ, tt.path)
		if err != nil {
			t.Errorf("RefFromPath(%s, %q): %v", tt.typ, tt.path, err)
			continue
		}
		if diff := cmp.Diff(ref.PrimaryKey, tt.full); diff != "" {
			t.Errorf("RefFromPath(%s, %q) differs (-got +want):\n%s", tt.typ, tt.path, diff)
		}
		if got := ref.String(); got != tt.want {
			t.Errorf("String() = %q, want %q", got, tt.want)
		}
	}
	for typ, paths := range map[string][][]string{
		"account":        {{}, {""}, {"a", "b"}, {"a/b"}, {"a\nb"}},
		"snap-revision":  {{}, {"d", ""}, {"d", "p", "q"}},
		"validation-set": {{"16", "a", "n"}, {"16", "a", "n", "0"}, {"16", "a", "n", "01"}, {"16", "a", "n", "latest"}},
		"novelty":        {{"a"}},
	} {
		for _, path := range paths {
			if ref, err := assertion.RefFromPath(typ, path); err == nil {
				t.Errorf("RefFromPath(%s, %q) = %v, want an error", typ, path, ref)
			}
		}
	}
}

func TestSequences(t *testing.T) {
	t.Parallel()
	s := assertiontest.NewStack(t)
	brand := s.NewAccount("brand1", "brand")
	a := brand.ValidationSet("set1", 12, []any{headers{"name": "hello", "id": "snapid1"}}, nil)
	if got, want := a.Sequence(), 12; got != want {
		t.Errorf("Sequence() = %d, want %d", got, want)
	}
	if diff := cmp.Diff(a.SequenceKey(), []string{"16", "brand1", "set1"}); diff != "" {
		t.Errorf("SequenceKey() differs (-got +want):\n%s", diff)
	}
	if s.Root.Sequence() != 0 || s.Root.SequenceKey() != nil {
		t.Error("an account has a place in a sequence")
	}
}
