package bundle_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"offlinestore/assertion"
	"offlinestore/bundle"
	"offlinestore/internal/assertiontest"
)

// assertionStream returns a stream.
func assertionStream(t *testing.T, list ...*assertion.Assertion) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := assertion.EncodeAll(&b, list); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestAssertionItem takes an account-key and a validation-set through a bundle. Such a bundle is of format 1.2.
func TestAssertionItem(t *testing.T) {
	t.Parallel()
	s := assertiontest.NewStack(t)
	brand := s.NewAccount("acme", "brand")
	set := brand.ValidationSet("base", 12, []any{map[string]any{"name": "jq", "id": "jqid"}}, nil)
	items := []*bundle.Assertion{
		{Ref: brand.AccountKey.Ref(), Assertions: assertionStream(t, brand.Account, brand.AccountKey)},
		{Ref: set.Ref(), Assertions: assertionStream(t, brand.Account, brand.AccountKey, set)},
	}
	d := &bundle.Builder{}
	for _, a := range items {
		if err := d.AddAssertion(a); err != nil {
			t.Fatal(err)
		}
	}
	sealed, err := d.Seal(t.Context(), bundle.Predicate{Created: assertiontest.Time()}, testKey())
	if err != nil {
		t.Fatal(err)
	}
	var packed bytes.Buffer
	if err := sealed.WriteTar(t.Context(), &packed, bundle.None, nil, nil); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"vnd.offlinestore.bundle.format":"1.2"`, `"org.opencontainers.image.ref.name":"validation-set/16/acme/base/12"`} {
		if !bytes.Contains(packed.Bytes(), []byte(want)) {
			t.Errorf("index.json lacks %s", want)
		}
	}
	got, err := receiveBytes(t, packed.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if n := len(got.head.Assertions); n != 2 || got.head.Assertions[1].Ref.Key() != set.Ref().Key() {
		t.Fatalf("the head has %d assertions", n)
	}
	if _, err := bundle.Check(got.head, s.Trust(), assertiontest.Time()); err == nil || !strings.Contains(err.Error(), s.StoreKey.KeyID()) {
		t.Errorf("without the store's key: %v", err)
	}
	got.head.Assertions[0].Assertions = assertionStream(t, append(s.Base(), brand.Account, brand.AccountKey)...)
	all, err := bundle.Check(got.head, s.Trust(), assertiontest.Time())
	if err != nil || len(all) != 4 {
		t.Errorf("%d assertions, %v", len(all), err)
	}
	got.head.Assertions[1].Assertions = assertionStream(t, brand.AccountKey)
	if _, err := bundle.Check(got.head, s.Trust(), assertiontest.Time()); !errors.As(err, new(*bundle.MismatchError)) {
		t.Errorf("an item whose stream lacks its assertion: %v", err)
	}
}

// TestAssertionItemRefused adds assertions that no bundle may hold.
func TestAssertionItemRefused(t *testing.T) {
	t.Parallel()
	for _, ref := range []assertion.Ref{
		{Type: "novelty", PrimaryKey: []string{"x"}},
		{Type: "device-session-request", PrimaryKey: []string{"acme", "box", "1"}}, // a device signs it
		{Type: "serial-request"},
		{Type: "validation-set", PrimaryKey: []string{"16", "acme", "base"}},
		{Type: "validation-set", PrimaryKey: []string{"16", "acme", "base", "0"}},
		{Type: "account-key", PrimaryKey: []string{"a/b"}},
		{Type: "snap-revision", PrimaryKey: []string{"digest"}}, // not the whole key
	} {
		if err := new(bundle.Builder).AddAssertion(&bundle.Assertion{Ref: ref, Assertions: []byte("x")}); err == nil {
			t.Errorf("%v is accepted", ref)
		}
	}
}
