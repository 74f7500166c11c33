package bundle_test

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"testing"

	"offlinestore/bundle"
	"offlinestore/internal/assertiontest"
	"offlinestore/internal/bundletest"
	"offlinestore/internal/vectortest"
	"offlinestore/snap"
)

// extras are the kinds of items that are new in formats 1.2 to 1.4.
type extras struct {
	assertions   []*bundle.Assertion
	withdrawals  []*bundle.Withdrawal
	stores       []*bundle.Store
	repositories []*bundle.Repository
	// format is the version, if these items do not show it.
	format string
}

func (e *extras) add(tb testing.TB, d *bundle.Builder) {
	tb.Helper()
	for _, a := range e.assertions {
		if err := d.AddAssertion(a); err != nil {
			tb.Fatal(err)
		}
	}
	for _, w := range e.withdrawals {
		if err := d.AddWithdrawal(w); err != nil {
			tb.Fatal(err)
		}
	}
	for _, s := range e.stores {
		if err := d.AddStore(s); err != nil {
			tb.Fatal(err)
		}
	}
	for _, r := range e.repositories {
		if err := d.AddRepository(r); err != nil {
			tb.Fatal(err)
		}
	}
}

// forgeAssertions returns the items of assertions. All of these names end in letters, or in numbers of one length.
func (e *extras) forgeAssertions() (items []*forgeItem) {
	for _, a := range slices.SortedFunc(slices.Values(e.assertions), func(a, b *bundle.Assertion) int { return cmp.Compare(a.Ref.Key(), b.Ref.Key()) }) {
		config := fmt.Appendf(nil, `{"type":%s,"primary-key":%s}`, toJSON(a.Ref.Type), toJSON(a.Ref.PrimaryKey))
		items = append(items, &forgeItem{artifactType: vnd + "assertion.v1", name: a.Ref.Key(),
			config: &forgeBlob{mediaType: vnd + "assertion.config.v1+json", data: config},
			layers: []*forgeBlob{{mediaType: "application/x.ubuntu.assertion", title: a.Ref.Type + ".assert", data: a.Assertions}}})
	}
	return items
}

func (e *extras) forgeWithdrawals() (items []*forgeItem) {
	for _, w := range e.withdrawals {
		name := "withdrawn." + string(w.Kind) + "." + w.Name
		config := map[string]any{"kind": w.Kind, "name": w.Name, "reason": w.Reason}
		if w.ID != "" {
			config["id"] = w.ID
		}
		it := &forgeItem{artifactType: vnd + "withdrawal.v1", name: name, config: &forgeBlob{mediaType: vnd + "withdrawal.config.v1+json", data: toJSON(config)}}
		if len(w.Assertions) > 0 {
			it.layers = []*forgeBlob{{mediaType: "application/x.ubuntu.assertion", title: name + ".assert", data: w.Assertions}}
		}
		items = append(items, it)
	}
	slices.SortFunc(items, func(a, b *forgeItem) int { return cmp.Compare(a.name, b.name) })
	return items
}

// stepperVector returns a bundle with all that is new in format 1.2: a channel with a release for each epoch, assertions that no snap
// leads to, and withdrawals.
func stepperVector(tb testing.TB) *content {
	tb.Helper()
	b := bundletest.New(tb, 0)
	row := snap.Release{Architecture: "amd64", Channel: "latest/stable"}
	older := row
	row.Revision, older.Revision = 3, 2
	b.AddSnap("stepper", row, older)
	for revision, epoch := range map[int]snap.Epoch{2: {Read: []uint32{0, 1}, Write: []uint32{1}}, 3: {Read: []uint32{1, 2}, Write: []uint32{2}}} {
		b.AddRevision("stepper", revision, b.Blob("stepper", int64(200+revision))).Revision.Epoch = epoch
	}
	slices.SortFunc(b.Revisions, func(a, b *bundle.SnapRevision) int { return a.Revision.Number - b.Revision.Number })
	c := vectorContent(tb, b)
	brand := b.Stack.NewAccount("acme", "brand")
	set := brand.ValidationSet("base", 12, []any{map[string]any{"name": "stepper", "id": b.Snaps[0].SnapID, "revision": "3"}}, nil)
	c.assertions = []*bundle.Assertion{
		{Ref: brand.AccountKey.Ref(), Assertions: b.Stream(brand.Account, brand.AccountKey)},
		{Ref: set.Ref(), Assertions: b.Stream(brand.Account, brand.AccountKey, set)},
	}
	c.withdrawals = []*bundle.Withdrawal{
		{WithdrawalConfig: bundle.WithdrawalConfig{Kind: bundle.WithdrawnCharm, Name: "hello", Reason: bundle.ReasonGone}},
		{WithdrawalConfig: bundle.WithdrawalConfig{Kind: bundle.WithdrawnSnap, Name: "jq", ID: jqID, Reason: bundle.ReasonRevoked},
			Assertions: b.Stream(b.Stack.SnapDeclaration(jqID, "", assertiontest.RootID, nil))},
	}
	return c
}

// extraFlaws returns hostile bundles that use the additions of format 1.2.
func extraFlaws(t *testing.T) []flaw {
	t.Helper()
	replace := func(item, from, to string) func(*forge) {
		return func(f *forge) {
			c := f.find(item).config
			if !bytes.Contains(c.data, []byte(from)) {
				t.Fatalf("%s: its config has no %s", item, from)
			}
			c.data = bytes.Replace(c.data, []byte(from), []byte(to), 1)
		}
	}
	const set, revoked = "validation-set/16/acme/base/12", "withdrawn.snap.jq"
	flaws := []flaw{
		{name: "epochs-alike", shows: "A channel has two releases of the same epoch.", edit: replace("stepper_2", `"epoch":{"read":[0,1],"write":[1]}`, `"epoch":{"read":[1,2],"write":[2]}`)},
		{name: "epochs-and-closed", shows: "A channel has a release and is closed.", edit: replace("stepper", `"revision":2`, `"revision":0`)},
		{name: "epochs-twice", shows: "A channel has a release twice.", edit: replace("stepper", `"revision":2`, `"revision":3`)},
		{name: "epochs-too-old", shows: "A channel has two releases, in a bundle that claims to be of format 1.0.", edit: func(f *forge) {
			f.items, f.format = slices.DeleteFunc(f.items, func(it *forgeItem) bool {
				return it.artifactType == vnd+"assertion.v1" || it.artifactType == vnd+"withdrawal.v1"
			}), "1.0"
		}},
		{name: "assertion-key-short", shows: "The item of an assertion has an incomplete primary key.", edit: replace(set, `["16","acme","base","12"]`, `["16","acme","base"]`)},
		{name: "assertion-other-name", shows: "The item of an assertion has the name of another one.", edit: func(f *forge) { f.find(set).name = "validation-set/16/acme/base/13" }},
		{name: "assertion-of-a-device", shows: "Devices sign assertions of this type, and nobody vouches for them.", edit: func(f *forge) {
			it := f.find(set)
			it.name, it.config.data = "serial-request/x", []byte(`{"type":"serial-request","primary-key":["x"]}`)
		}},
		{name: "assertion-without-stream", shows: "The item of an assertion has no stream.", edit: func(f *forge) { f.find(set).layers = nil }, result: vectortest.Limit, step: 8},
		{name: "assertion-absent", shows: "The stream of an assertion's item has another assertion.", edit: func(f *forge) {
			f.find(set).layers[0].data = f.items[0].layers[0].data
		}, result: vectortest.Mismatch, step: 13},
		{name: "withdrawal-and-snap", shows: "A snap is withdrawn and in the bundle.", edit: func(f *forge) {
			it := f.find(revoked)
			it.name, it.layers = "withdrawn.snap.stepper", nil
			it.config.data = []byte(`{"kind":"snap","name":"stepper","reason":"gone"}`)
		}},
		{name: "withdrawal-without-id", shows: "A revoked snap has no snap-id.", edit: replace(revoked, `"id":"`+jqID+`",`, "")},
		{name: "withdrawal-reason", shows: "A snap is withdrawn for an unknown reason.", edit: replace(revoked, `"revoked"`, `"sold"`)},
		{name: "withdrawal-declared", shows: "The declaration of a revoked snap has a name.", base: declared, result: vectortest.Mismatch, step: 13},
	}
	for i := range flaws {
		if flaws[i].base == nil {
			flaws[i].base = stepperVector
		}
		if flaws[i].step == 0 {
			flaws[i].step = 10
		}
	}
	return flaws
}

// declared returns stepperVector with a declaration that revokes nothing.
func declared(tb testing.TB) *content {
	tb.Helper()
	c := stepperVector(tb)
	b := bundletest.New(tb, 0)
	c.withdrawals[1].Assertions = b.Stream(b.Stack.SnapDeclaration(jqID, "jq", assertiontest.RootID, nil))
	return c
}
