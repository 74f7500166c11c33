package bundle_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"offlinestore/assertion"
	"offlinestore/internal/assertiontest"
	"offlinestore/internal/bundletest"
	"offlinestore/internal/vectortest"
	"offlinestore/snap"
)

// snapFlaws returns bundles with a wrong snap, or with assertions that contradict it.
func snapFlaws(t *testing.T) []flaw {
	blob := func(edit func(*forgeBlob)) func(*forge) { return func(f *forge) { edit(f.find("jq_6").layers[1]) } }
	// signed makes the bundle with other assertions.
	signed := func(edit func(*bundletest.Bundle)) func(testing.TB) *content {
		return func(tb testing.TB) *content {
			tb.Helper()
			b := bundletest.New(tb, 0)
			b.Predicate.Created = sample(tb).predicate.Created // for keys that expire earlier
			b.Add("jq", 6, 200)
			edit(b)
			return vectorContent(tb, b)
		}
	}
	declare := func(name string) func(testing.TB) *content {
		return signed(func(b *bundletest.Bundle) {
			b.Snaps[0].Assertions = b.Stream(b.Stack.SnapDeclaration(b.Snaps[0].SnapID, name, assertiontest.RootID, nil))
		})
	}
	revise := func(changes assertiontest.Headers) func(testing.TB) *content {
		return signed(func(b *bundletest.Bundle) { b.SignRevision(b.Revisions[0], changes) })
	}
	mismatch, unverified := vectortest.Mismatch, vectortest.BadAssertion
	return []flaw{
		{name: "sha3-missing", shows: "A snap's layer has no SHA3-384.", base: snapVector, edit: blob(func(b *forgeBlob) { b.sha3 = "" }), step: 8},
		{name: "sha3-differs", shows: "A snap's layer has another SHA3-384 than its config.", base: snapVector, edit: blob(func(b *forgeBlob) { b.sha3 = strings.Repeat("0", 96) }), step: 10},
		{name: "sha3-of-another-blob", shows: "A blob has another SHA3-384 than its layer, its config and its snap-revision say.", base: signed(func(b *bundletest.Bundle) {
			r := b.Revisions[0]
			r.Blob.SHA3384[0] ^= 1
			r.Revision.Download.SHA3384 = fmt.Sprintf("%x", r.Blob.SHA3384[:])
			b.SignRevision(r, nil)
		}), result: vectortest.DamagedBlob, damaged: true, step: 11},
		{name: "snap-id", shows: "A revision has another snap-id than its snap.", base: snapVector, edit: change("jq_6", func(i *snap.Item) { i.SnapID = strings.Repeat("x", 32) }), step: 10},
		{name: "snap-id-twice", shows: "Two snaps have one snap-id.", base: snapVector, edit: func(f *forge) {
			other, config, stream := *f.find("jq"), *f.find("jq").config, *f.find("jq").layers[0]
			config.data = recode(config.data, func(l *snap.Listing) { l.Name, l.ChannelMap = "yq", nil })
			stream.title = "yq.assert"
			other.name, other.config, other.layers = "yq", &config, []*forgeBlob{&stream}
			f.items = append(f.items, &other)
		}, step: 10},
		{name: "snap-missing", shows: "A revision's snap is not in the bundle.", base: snapVector, edit: func(f *forge) { f.remove("jq") }, step: 10},
		{name: "assertion-stream-missing", shows: "A snap has no assertion stream.", base: snapVector, edit: func(f *forge) {
			f.find("jq").layers = []*forgeBlob{{mediaType: "image/png", title: "jq.png", data: []byte("x")}}
		}, step: 10},
		{name: "assertion-none", shows: "A snap's stream has no snap-declaration.", base: signed(func(b *bundletest.Bundle) { b.Snaps[0].Assertions = b.Stream() }), result: unverified, step: 13},
		{name: "assertion-altered", shows: "An assertion was changed after it was signed.", base: signed(func(b *bundletest.Bundle) {
			s := b.Snaps[0]
			s.Assertions = bytes.Replace(s.Assertions, []byte("snap-name: jq"), []byte("snap-name: yq"), 1)
		}), result: unverified, step: 13},
		{name: "assertion-malformed", shows: "A stream is no stream of assertions.", base: signed(func(b *bundletest.Bundle) { b.Snaps[0].Assertions = []byte("hello\n") }), result: unverified, step: 13},
		{name: "assertion-untrusted-root", shows: "The assertions are signed by a root that poses as the trusted one.", base: signed(func(b *bundletest.Bundle) {
			b.Stack = bundletest.UntrustedStack(t)
			b.Snaps[0].Assertions = b.Stream(b.Stack.SnapDeclaration(b.Snaps[0].SnapID, "jq", assertiontest.RootID, nil))
			b.SignRevision(b.Revisions[0], nil)
		}), result: unverified, step: 13},
		{name: "assertion-expired-key", shows: "The key of the assertions expired before the bundle was signed.", base: signed(func(b *bundletest.Bundle) {
			b.ExpireStoreKey()
			b.Snaps[0].Assertions = b.Stream(b.Stack.SnapDeclaration(b.Snaps[0].SnapID, "jq", assertiontest.RootID, nil))
			b.SignRevision(b.Revisions[0], nil)
		}), result: unverified, step: 13},
		{name: "assertion-key-missing", shows: "The account-key that signed an assertion is not in the bundle.", base: signed(func(b *bundletest.Bundle) {
			for _, stream := range []*[]byte{&b.Snaps[0].Assertions, &b.Revisions[0].Assertions} {
				*stream = withoutKeys(t, *stream)
			}
		}), result: unverified, step: 13},
		{name: "declared-name", shows: "The snap-declaration has another name.", base: declare("yq"), result: mismatch, step: 13},
		{name: "asserted-revision", shows: "The snap-revision has another number.", base: revise(assertiontest.Headers{"snap-revision": "7"}), result: mismatch, step: 13},
	}
}

// withoutKeys removes the account-keys from a stream.
func withoutKeys(t *testing.T, stream []byte) []byte {
	t.Helper()
	all, err := assertion.DecodeAll(stream)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := assertion.EncodeAll(&out, without(all, "account-key")); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}
