package bundle_test

import (
	"errors"
	"testing"

	"offlinestore/assertion"
	"offlinestore/bundle"
	"offlinestore/internal/assertiontest"
)

// TestCheckTwins has two snap-revisions of the same digest and revision in a stream: a genuine one, and one that nobody verified,
// since of twins a set keeps the first. The item is made to match the other.
func TestCheckTwins(t *testing.T) {
	t.Parallel()
	for name, forgedFirst := range map[string]bool{"the forged one first": true, "the genuine one first": false} {
		s := newSigned(t)
		forger := &assertiontest.Stack{RootKey: s.stack.RootKey, StoreKey: assertiontest.DeviceKey()}
		genuine := s.stack.SnapRevision(jqID, 5, "publisher1", s.blob, nil)
		forged := forger.SnapRevision(jqID, 6, "publisher1", s.blob, assertiontest.Headers{"sign-key-sha3-384": s.stack.StoreAccountKey.HeaderString("public-key-sha3-384")})
		s.revision = append(without(s.revision, "snap-revision"), forged)
		s.snap = append(s.snap, genuine) // so that the genuine one is the one that the set keeps
		if forgedFirst {
			s.revision = append([]*assertion.Assertion{forged}, without(s.revision, "snap-revision")...)
		}
		_, err := s.check(t, s.stack.Trust())
		var mismatch *bundle.MismatchError
		if !errors.As(err, &mismatch) {
			t.Errorf("%s: Check = %v, want a MismatchError", name, err)
		}
	}
}
