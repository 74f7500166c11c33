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

// TestHostileAssertionItems alters a good item of an assertion in a bundle of snaps.
func TestHostileAssertionItems(t *testing.T) {
	t.Parallel()
	brand := assertiontest.NewStack(t).NewAccount("acme", "brand")
	key := brand.Key.KeyID()
	stream := assertionStream(t, brand.Account, brand.AccountKey)
	with := func(edit func(f *forge, it *forgeItem)) func(*forge) {
		return func(f *forge) {
			it := &forgeItem{artifactType: vnd + "assertion.v1", name: "account-key/" + key,
				config: &forgeBlob{mediaType: vnd + "assertion.config.v1+json", data: []byte(`{"type":"account-key","primary-key":["` + key + `"]}`)},
				layers: []*forgeBlob{{mediaType: "application/x.ubuntu.assertion", title: "account-key.assert", data: stream}}}
			f.format = "1.2"
			f.items = append([]*forgeItem{it}, f.items...)
			edit(f, it)
		}
	}
	config := func(text string) func(*forge) {
		return with(func(_ *forge, it *forgeItem) { it.config.data = []byte(text) })
	}
	f := sample(t).forge()
	with(func(*forge, *forgeItem) {})(f)
	if _, err := receiveBytes(t, tarOf(f.seal(testKey()))); err != nil {
		t.Fatalf("the good bundle: %v", err)
	}
	runHostile(t, []hostile{
		{name: "format 1.1", edit: with(func(f *forge, _ *forgeItem) { f.format = "1.1" }), want: "does not follow"},
		{name: "another name", edit: with(func(_ *forge, it *forgeItem) { it.name = "account-key/x" }), want: "want one assertion stream"},
		{name: "another key", edit: config(`{"type":"account-key","primary-key":["x"]}`), want: "want one assertion stream"},
		{name: "no key", edit: config(`{"type":"account-key","primary-key":[]}`), want: "has no public-key-sha3-384"},
		{name: "a longer key", edit: config(`{"type":"account-key","primary-key":["a","b"]}`), want: "primary key has 2 values"},
		{name: "a key that is a path", edit: config(`{"type":"account-key","primary-key":["../x"]}`), want: "can't be part"},
		{name: "an unknown type", edit: config(`{"type":"turtle","primary-key":["x"]}`), want: "not supported"},
		{name: "a type that devices sign", edit: config(`{"type":"serial-request","primary-key":[]}`), want: "not supported"},
		{name: "a config that is none", edit: config(`[]`), want: "config"},
		{name: "a config and more", edit: config(`{"type":"account-key","primary-key":["` + key + `"]}1`), want: "something follows"},
		{name: "an unknown field", edit: config(`{"type":"account-key","primary-key":["` + key + `"],"x":1,"type":"account"}`), want: "account"},
		{name: "no stream", edit: with(func(_ *forge, it *forgeItem) { it.layers = nil }), is: bundle.ErrLimit},
		{name: "two streams", edit: with(func(_ *forge, it *forgeItem) {
			it.layers = append(it.layers, &forgeBlob{mediaType: it.layers[0].mediaType, title: "x.assert", data: []byte("x")})
		}), want: "want one assertion stream"},
		{name: "another title", edit: with(func(_ *forge, it *forgeItem) { it.layers[0].title = "evil.assert" }), want: "does not follow"},
		{name: "an icon", edit: with(func(_ *forge, it *forgeItem) { it.layers[0].mediaType = "image/png" }), want: "layer of type"},
	})
}
