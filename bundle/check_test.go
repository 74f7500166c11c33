package bundle_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"

	"offlinestore/assertion"
	"offlinestore/bundle"
	"offlinestore/internal/assertiontest"
	"offlinestore/snap"
)

// signedBundle is a bundle with genuine assertions: a snap of one revision with one component.
type signedBundle struct {
	*content
	stack      *assertiontest.Stack
	publisher  *assertion.Assertion
	blob, comp assertiontest.Blob
	// The streams of the snap and of the revision.
	snap, revision []*assertion.Assertion
}

func newSigned(tb testing.TB) *signedBundle {
	tb.Helper()
	s := &signedBundle{stack: assertiontest.NewStack(tb), content: &content{blobs: make(map[digest.Digest][]byte), predicate: sample(tb).predicate}}
	s.predicate.Created = assertiontest.Time()
	s.publisher = s.stack.Account("publisher1", "Publisher", nil)
	blob, comp := s.content.blob(5000, "signed snap"), s.content.blob(300, "signed component")
	s.blob = assertiontest.BlobOf(s.blobs[blob.Digest])
	s.comp = assertiontest.BlobOf(s.blobs[comp.Digest])
	s.snaps = []*bundle.Snap{{Listing: snap.Listing{Name: "jq", SnapID: jqID, Snap: snap.Details{Title: "jq", Publisher: snap.Publisher{ID: "publisher1"}},
		ChannelMap: []snap.Release{{Architecture: "amd64", Channel: "latest/stable", Revision: 6}}}}}
	s.addSnap("jq", jqID, 6, "amd64", nil, blob, comp)
	s.snap = append(s.stack.Base(), s.publisher, s.stack.SnapDeclaration(jqID, "jq", "publisher1", nil))
	s.revision = append(s.stack.Base(), s.publisher,
		s.stack.SnapRevision(jqID, 6, "publisher1", s.blob, nil),
		s.stack.SnapResourceRevision(jqID, "compa", 1, "publisher1", s.comp, nil),
		s.stack.SnapResourcePair(jqID, "compa", 1, 6, "publisher1", nil))
	return s
}

// replace replaces the assertion that has the type of a.
func replace(all []*assertion.Assertion, a *assertion.Assertion) {
	for i, old := range all {
		if old.Type() == a.Type() {
			all[i] = a
		}
	}
}

func without(all []*assertion.Assertion, typ string) []*assertion.Assertion {
	var out []*assertion.Assertion
	for _, a := range all {
		if a.Type() != typ {
			out = append(out, a)
		}
	}
	return out
}

// encode encodes the assertions into the items.
func (s *signedBundle) encode(tb testing.TB) {
	tb.Helper()
	stream := func(all []*assertion.Assertion) []byte {
		var b bytes.Buffer
		if err := assertion.EncodeAll(&b, all); err != nil {
			tb.Fatal(err)
		}
		return b.Bytes()
	}
	s.snaps[0].Assertions, s.revisions[0].Assertions = stream(s.snap), stream(s.revision)
}

func (s *signedBundle) checkBundle(tb testing.TB, trust *assertion.Trust) ([]*assertion.Assertion, error) {
	tb.Helper()
	s.encode(tb)
	return bundle.Check(&bundle.Head{Snaps: s.snaps, Revisions: s.revisions}, trust, s.predicate.Created)
}

func TestCheck(t *testing.T) {
	t.Parallel()
	s := newSigned(t)
	all, err := s.checkBundle(t, s.stack.Trust())
	if err != nil {
		t.Fatal(err)
	}
	if got, want := len(all), len(s.stack.Base())+5; got != want {
		t.Errorf("%d assertions, want %d, each once", got, want)
	}
}

func TestCheckMismatch(t *testing.T) {
	t.Parallel()
	otherID := strings.Repeat("x", 32)
	tests := map[string]struct {
		edit func(s *signedBundle)
		item string
		want string
	}{
		"another name": {func(s *signedBundle) {
			replace(s.snap, s.stack.SnapDeclaration(jqID, "yq", "publisher1", nil))
		}, "jq", "snap-name"},
		"another publisher": {func(s *signedBundle) { s.snaps[0].Snap.Publisher.ID = "publisher2" }, "jq", "publisher-id"},
		"no declaration": {func(s *signedBundle) {
			replace(s.snap, s.stack.SnapDeclaration(otherID, "other", "publisher1", nil))
			s.revision = without(without(without(s.revision, "snap-revision"), "snap-resource-revision"), "snap-resource-pair")
		}, "jq", "snap-declaration"},
		"another revision": {func(s *signedBundle) {
			replace(s.revision, s.stack.SnapRevision(jqID, 7, "publisher1", s.blob, nil))
		}, "jq_6", "snap-revision"},
		"another size": {func(s *signedBundle) { s.revisions[0].Blob.Size++ }, "jq_6", "snap-size"},
		"another snap": {func(s *signedBundle) {
			s.snap = append(s.snap, s.stack.SnapDeclaration(otherID, "other", "publisher1", nil))
			replace(s.revision, s.stack.SnapRevision(otherID, 6, "publisher1", s.blob, nil))
		}, "jq_6", "snap-id"},
		"another name of the revision": {func(s *signedBundle) { s.revisions[0].Name = "yq" }, "yq_6", "snap-name"},
		"another digest":               {func(s *signedBundle) { s.revisions[0].Blob.SHA3384[0] ^= 1 }, "jq_6", "no snap-revision for its digest"},
		"no snap-revision": {func(s *signedBundle) {
			s.revision = without(s.revision, "snap-revision")
		}, "jq_6", "no snap-revision for its digest"},
		"no snap-resource-revision": {func(s *signedBundle) { s.revision = without(s.revision, "snap-resource-revision") }, "jq_6", "component compa"},
		"no snap-resource-pair":     {func(s *signedBundle) { s.revision = without(s.revision, "snap-resource-pair") }, "jq_6", "component compa"},
		"the pair of another revision": {func(s *signedBundle) {
			replace(s.revision, s.stack.SnapResourcePair(jqID, "compa", 1, 5, "publisher1", nil))
		}, "jq_6", "component compa"},
		"a component of another revision": {func(s *signedBundle) {
			replace(s.revision, s.stack.SnapResourceRevision(jqID, "compa", 2, "publisher1", s.comp, nil))
		}, "jq_6", "resource-revision"},
		"a component of another size":   {func(s *signedBundle) { s.revisions[0].Components[0].Size++ }, "jq_6", "resource-size"},
		"a component of another digest": {func(s *signedBundle) { s.revisions[0].Components[0].SHA3384[0] ^= 1 }, "jq_6", "component compa"},
		"a component more": {func(s *signedBundle) {
			s.revisions[0].Components = append(s.revisions[0].Components, s.revisions[0].Blob)
		}, "jq_6", "blobs of 2"},
		"a component less": {func(s *signedBundle) { s.revisions[0].Components = nil }, "jq_6", "blobs of 0"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSigned(t)
			test.edit(s)
			_, err := s.checkBundle(t, s.stack.Trust())
			var mismatch *bundle.MismatchError
			if !errors.As(err, &mismatch) || mismatch.Item != test.item || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want one of %s with %q", err, test.item, test.want)
			}
		})
	}
}

func TestCheckChain(t *testing.T) {
	t.Parallel()
	expired := func(s *signedBundle) {
		key := s.stack.AccountKey(assertiontest.RootID, "store", s.stack.StoreKey, assertiontest.Headers{"until": "2024-12-31T00:00:00Z"})
		for _, all := range [][]*assertion.Assertion{s.snap, s.revision} {
			replace(all, key)
		}
	}
	tests := map[string]struct {
		edit  func(s *signedBundle)
		trust func(s *signedBundle) *assertion.Trust
		is    error
	}{
		"an untrusted root": {func(*signedBundle) {}, func(*signedBundle) *assertion.Trust { return assertion.Canonical() }, nil},
		"a key that had expired when the bundle was signed": {expired, (*signedBundle).trust, assertion.ErrExpiredKey},
		"no key": {func(s *signedBundle) {
			s.snap, s.revision = without(s.snap, "account-key"), without(s.revision, "account-key")
		}, (*signedBundle).trust, assertion.ErrNotFound},
		"no account": {func(s *signedBundle) {
			s.snap, s.revision = without(s.snap, "account"), without(s.revision, "account")
		}, (*signedBundle).trust, assertion.ErrNotFound},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSigned(t)
			test.edit(s)
			_, err := s.checkBundle(t, test.trust(s))
			if err == nil || test.is != nil && !errors.Is(err, test.is) {
				t.Errorf("got %v, want %v", err, test.is)
			}
		})
	}
	s := newSigned(t)
	expired(s)
	s.predicate.Created = s.predicate.Created.AddDate(-1, 0, 0)
	s.predicate.Created = s.predicate.Created.AddDate(0, 6, 0) // July 2024: after the assertions were signed, before the key expires
	if _, err := s.checkBundle(t, s.stack.Trust()); err != nil {
		t.Errorf("a bundle signed before the key expired: %v", err)
	}
}

func TestCheckCharms(t *testing.T) {
	t.Parallel()
	s := newSigned(t)
	other := s.stack.Account("publisher2", "Other", nil)
	expired := s.stack.AccountKey(assertiontest.RootID, "store", s.stack.StoreKey, assertiontest.Headers{"until": "2024-12-31T00:00:00Z"})
	for name, test := range map[string]struct {
		stream []*assertion.Assertion
		trust  *assertion.Trust
		want   string
	}{
		"a publisher":          {append(s.stack.Base(), s.publisher), s.stack.Trust(), ""},
		"two accounts":         {append(s.stack.Base(), other, s.publisher), s.stack.Trust(), ""},
		"none":                 {nil, s.stack.Trust(), ""},
		"another publisher":    {append(s.stack.Base(), other), s.stack.Trust(), "charm.pg: account"},
		"no key":               {[]*assertion.Assertion{s.publisher}, s.stack.Trust(), "account-key"},
		"an expired key":       {[]*assertion.Assertion{expired, s.publisher}, s.stack.Trust(), "expired"},
		"an untrusted root":    {append(s.stack.Base(), s.publisher), assertion.Canonical(), "account"},
		"an unrelated mistake": {append(s.stack.Base(), s.publisher, s.stack.SnapDeclaration(jqID, "jq", "publisher3", nil)), s.stack.Trust(), "publisher3"},
	} {
		h := &bundle.Head{Charms: charmSample(t).charms[:1]}
		h.Charms[0].Assertions = nil
		if test.stream != nil {
			var b bytes.Buffer
			if err := assertion.EncodeAll(&b, test.stream); err != nil {
				t.Fatal(err)
			}
			h.Charms[0].Assertions = b.Bytes()
		}
		all, err := bundle.Check(h, test.trust, s.predicate.Created)
		switch {
		case test.want == "" && (err != nil || len(all) != len(test.stream)):
			t.Errorf("%s: %d assertions, %v; want %d", name, len(all), err, len(test.stream))
		case test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)):
			t.Errorf("%s: got %v, want %q", name, err, test.want)
		}
	}
	h := &bundle.Head{Charms: charmSample(t).charms[:1]}
	h.Charms[0].Assertions = []byte("hello")
	_, err := bundle.Check(h, s.stack.Trust(), s.predicate.Created)
	var mismatch *bundle.MismatchError
	if !errors.As(err, &mismatch) || mismatch.Item != "charm.pg" {
		t.Errorf("garbage: got %v", err)
	}
}

func (s *signedBundle) trust() *assertion.Trust { return s.stack.Trust() }

func TestCheckGarbage(t *testing.T) {
	t.Parallel()
	for name, stream := range map[string]string{"text": "hello", "cut off": "type: account\n", "": ""} {
		s := newSigned(t)
		s.encode(t)
		s.revisions[0].Assertions = []byte(stream)
		_, err := bundle.Check(&bundle.Head{Snaps: s.snaps, Revisions: s.revisions}, s.stack.Trust(), s.predicate.Created)
		var mismatch *bundle.MismatchError
		if !errors.As(err, &mismatch) || mismatch.Item != "jq_6" {
			t.Errorf("%s: got %v", name, err)
		}
	}
}
