package assertion_test

import (
	"errors"
	"strconv"
	"testing"

	"offlinestore/assertion"
	"offlinestore/internal/assertiontest"
)

type headers = assertiontest.Headers

// fixture is a store with a brand, a developer without a key, and a snap.
type fixture struct {
	*assertiontest.Stack
	brand, other *assertiontest.Account
	blob         assertiontest.Blob
	set          *assertion.Set
}

func newFixture(tb testing.TB) *fixture {
	tb.Helper()
	s := assertiontest.NewStack(tb)
	f := &fixture{Stack: s, brand: s.NewAccount("brand1", "brand"), other: s.NewAccount("other1", "other"), blob: assertiontest.BlobOf([]byte("snap"))}
	f.set = assertion.NewSet(append(s.Base(), s.Account("dev1", "Developer", nil), s.SnapDeclaration("snapid1", "hello", "dev1", nil))...)
	f.set.Add(append(f.brand.Assertions(), f.other.Assertions()...)...)
	return f
}

func (f *fixture) verifier() *assertion.Verifier {
	return &assertion.Verifier{Trust: f.Trust(), Source: f.set, Time: assertiontest.Time()}
}

func (f *fixture) revision(changes headers) *assertion.Assertion {
	return f.SnapRevision("snapid1", 7, "dev1", f.blob, changes)
}

// checkVerify verifies a with the given additions to the source. A nil want means success.
func (f *fixture) checkVerify(t *testing.T, name string, a *assertion.Assertion, want error, more ...*assertion.Assertion) {
	t.Helper()
	f.set.Add(more...)
	if err := f.verifier().Verify(a); !errors.Is(err, want) {
		t.Errorf("%s: got %v, want %v", name, err, want)
	}
}

func TestVerifyAuthority(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	wrong := assertion.ErrWrongAuthority
	device := assertiontest.DeviceKey()
	model := f.brand.Model("model1", headers{"serial-authority": []any{"other1"}})
	byBrand := headers{"brand-id": f.brand.ID}
	f.checkVerify(t, "account", f.brand.Sign(headers{"type": "account", "account-id": "x", "display-name": "x", "validation": "unproven"}, nil), wrong)
	f.checkVerify(t, "snap-declaration", f.brand.Sign(headers{"type": "snap-declaration", "series": "16", "snap-id": "x", "snap-name": "x", "publisher-id": "dev1"}, nil), wrong)
	f.checkVerify(t, "snap-revision", f.brand.Sign(assertiontest.RevisionHeaders("snapid1", 7, "dev1", f.blob), nil), wrong)
	f.checkVerify(t, "store", f.brand.Sign(headers{"type": "store", "store": "s", "operator-id": f.brand.ID}, nil), wrong)
	f.checkVerify(t, "base-declaration", f.brand.Sign(headers{"type": "base-declaration", "series": "16"}, nil), wrong)
	f.checkVerify(t, "model", model, nil)
	f.checkVerify(t, "serial", f.brand.Serial("model1", "1", device, nil), nil)
	f.checkVerify(t, "serial by the model's authority", f.other.Serial("model1", "2", device, byBrand), nil, model)
	f.checkVerify(t, "serial by another authority", f.other.Serial("model2", "2", device, byBrand), wrong, f.brand.Model("model2", nil))
	f.checkVerify(t, "repair of another brand", f.other.Sign(headers{"type": "repair", "brand-id": f.brand.ID, "repair-id": "1"}, nil), wrong)
	f.checkVerify(t, "confdb-schema", f.brand.Sign(headers{"type": "confdb-schema", "account-id": f.brand.ID, "name": "n"}, nil), nil)
	f.checkVerify(t, "confdb-schema of another account", f.brand.Sign(headers{"type": "confdb-schema", "account-id": "x", "name": "n"}, nil), wrong)
	f.checkVerify(t, "key of another account", f.brand.Sign(headers{"type": "snap-build", "snap-sha3-384": digest, "authority-id": "other1"}, nil), wrong)
}

func TestSignRefusesAnotherAccountsAssertion(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for _, h := range []headers{
		{"type": "model", "series": "16", "brand-id": "other1", "model": "m"},
		{"type": "validation-set", "series": "16", "account-id": "other1", "name": "n", "sequence": "1"},
	} {
		h["authority-id"], h["timestamp"] = f.brand.ID, assertiontest.Timestamp
		if _, err := assertion.Sign(h, nil, f.brand.Key); !errors.Is(err, assertion.ErrWrongAuthority) {
			t.Errorf("%s: got %v, want %v", h["type"], err, assertion.ErrWrongAuthority)
		}
	}
}

func TestVerifyDelegatedRevisions(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.set.Add(f.SnapDeclaration("snapid1", "hello", "dev1", headers{"revision": "1", "format": "5", "revision-authority": []any{
		headers{"account-id": "brand1", "provenance": []any{"prov-a", "prov-b"}, "min-revision": "5", "max-revision": "8"},
		headers{"account-id": "other1", "provenance": []any{"prov-b"}},
	}}))
	sign := func(by *assertiontest.Account, revision int, provenance string) *assertion.Assertion {
		return by.Sign(assertiontest.RevisionHeaders("snapid1", revision, "dev1", f.blob), headers{"provenance": provenance})
	}
	wrong := assertion.ErrWrongAuthority
	f.checkVerify(t, "allowed", sign(f.brand, 5, "prov-a"), nil)
	f.checkVerify(t, "second provenance", sign(f.brand, 8, "prov-b"), nil)
	f.checkVerify(t, "second entry", sign(f.other, 1, "prov-b"), nil)
	f.checkVerify(t, "revision too small", sign(f.brand, 4, "prov-a"), wrong)
	f.checkVerify(t, "revision too large", sign(f.brand, 9, "prov-a"), wrong)
	f.checkVerify(t, "provenance of another", sign(f.other, 5, "prov-a"), wrong)
	f.checkVerify(t, "unknown provenance", sign(f.brand, 5, "prov-c"), wrong)
	f.checkVerify(t, "default provenance", sign(f.brand, 5, "global-upload"), wrong)
	f.checkVerify(t, "the store, not delegated", f.revision(headers{"provenance": "prov-a"}), wrong)
	f.checkVerify(t, "snap without delegation", f.brand.Sign(assertiontest.RevisionHeaders("snapid2", 5, "dev1", f.blob), headers{"provenance": "prov-a"}), wrong,
		f.SnapDeclaration("snapid2", "other", "dev1", nil))
	// The revisions of a component have their own count. For a pair, the revision of the snap counts.
	for _, tt := range []struct {
		typ                string
		resource, revision string
		want               error
	}{
		{"snap-resource-revision", "5", "", nil},
		{"snap-resource-revision", "4", "", wrong},
		{"snap-resource-pair", "1", "5", nil},
		{"snap-resource-pair", "5", "4", wrong},
	} {
		h := headers{"type": tt.typ, "snap-id": "snapid1", "resource-name": "comp", "resource-revision": tt.resource, "developer-id": "dev1", "provenance": "prov-a"}
		if tt.revision != "" {
			h["snap-revision"] = tt.revision
		} else {
			h["resource-sha3-384"], h["resource-size"] = digest, "1"
		}
		f.checkVerify(t, tt.typ+" "+tt.resource+" "+tt.revision, f.brand.Sign(h, nil), tt.want)
	}
}

func TestVerifyKeyValidity(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	rekey := func(revision, since, until string) *assertion.Assertion {
		changes := headers{"revision": revision, "since": since}
		if until != "" {
			changes["until"] = until
		}
		return f.AccountKey(f.brand.ID, "default", f.brand.Key, changes)
	}
	old := f.brand.Model("old", headers{"timestamp": "2020-01-01T00:00:00Z"})
	at := f.brand.Model("at", headers{"timestamp": "2024-01-01T00:00:00Z"})
	f.checkVerify(t, "since the timestamp", at, nil, rekey("1", "2024-01-01T00:00:00Z", ""))
	f.checkVerify(t, "timestamp before since", old, assertion.ErrKeyNotYetValid)
	f.checkVerify(t, "before since", old, assertion.ErrKeyNotYetValid, rekey("2", "2025-01-01T00:00:01Z", ""))
	f.checkVerify(t, "expires later", old, nil, rekey("3", assertiontest.Since, "2025-01-01T00:00:01Z"))
	f.checkVerify(t, "expires now", old, assertion.ErrExpiredKey, rekey("4", assertiontest.Since, "2025-01-01T00:00:00Z"))
	f.checkVerify(t, "timestamp at until", f.brand.Model("late", headers{"timestamp": "2025-06-01T00:00:00Z"}), assertion.ErrExpiredKey,
		rekey("5", assertiontest.Since, "2025-06-01T00:00:00Z"))

	// All keys of the chain must be valid, not only the signing key.
	expired := f.AccountKey(assertiontest.RootID, "store", f.StoreKey, headers{"revision": "1", "until": "2024-12-31T00:00:00Z"})
	f.checkVerify(t, "store key expired", f.revision(nil), assertion.ErrExpiredKey, expired)
	f.checkVerify(t, "account by the expired store key", f.brand.Model("m", nil), assertion.ErrExpiredKey)
}

func TestVerifyConstraints(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	revision := 0
	constrain := func(hs ...headers) *assertion.Assertion {
		revision++
		var list []any
		for _, h := range hs {
			list = append(list, headers{"headers": h})
		}
		return f.AccountKey(f.brand.ID, "default", f.brand.Key, headers{"format": "1", "revision": strconv.Itoa(revision), "constraints": list})
	}
	model := f.brand.Model("model-1", headers{"grade": "signed", "list": []any{"a", "b"}, "map": headers{"k": "v"}})
	no := assertion.ErrConstraints
	f.checkVerify(t, "type", model, nil, constrain(headers{"type": "model"}))
	f.checkVerify(t, "regular expression", model, nil, constrain(headers{"type": "model", "model": "model-[0-9]+"}))
	f.checkVerify(t, "anchored", model, no, constrain(headers{"type": "model", "model": "model-"}))
	f.checkVerify(t, "another type", model, no, constrain(headers{"type": "serial"}))
	f.checkVerify(t, "second alternative", model, nil, constrain(headers{"type": "serial"}, headers{"type": "model", "grade": []any{"dangerous", "signed"}}))
	f.checkVerify(t, "list", model, nil, constrain(headers{"type": "model", "list": "[ab]", "map": headers{"k": "v"}, "nope": "$MISSING"}))
	f.checkVerify(t, "item of a list", model, no, constrain(headers{"type": "model", "list": "[a]"}))
	f.checkVerify(t, "header missing", model, no, constrain(headers{"type": "model", "nope": ".*"}))
	f.checkVerify(t, "header not missing", model, no, constrain(headers{"type": "model", "grade": "$MISSING"}))
	for _, h := range []headers{
		{"type": "m.*"}, {"model": ".*"}, {"type": "model", "model": "("}, {"type": "model", "model": "x)|(.*"}, {"type": "model", "model": "$OTHER"},
	} {
		f.set.Add(constrain(h))
		if err := f.verifier().Verify(model); err == nil || errors.Is(err, no) {
			t.Errorf("constraint %v: got %v, want that it is refused itself", h, err)
		}
	}
}

func TestVerifyFormats(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.checkVerify(t, "snap-declaration of a future format", f.SnapDeclaration("x", "x", "dev1", headers{"format": "99"}), nil)
	f.checkVerify(t, "snap-revision of a future format", f.revision(headers{"format": "1"}), assertion.ErrUnsupported)
	f.checkVerify(t, "account-key of a future format", f.AccountKey("dev1", "default", assertiontest.DeviceKey(), headers{"format": "2"}), assertion.ErrUnsupported)
	f.checkVerify(t, "unknown type", f.StoreSign(headers{"type": "novelty"}, nil), assertion.ErrUnsupported)
	f.checkVerify(t, "opaque type", f.brand.Sign(headers{"type": "preseed", "series": "16", "brand-id": "brand1", "model": "m", "system-label": "l", "format": "9"}, nil), nil)
}
