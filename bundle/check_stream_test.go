package bundle_test

import (
	"errors"
	"testing"

	"offlinestore/assertion"
	"offlinestore/bundle"
	"offlinestore/internal/assertiontest"
)

// TestCheckTwins puts two snap-revisions of the same digest and revision into a stream: a genuine one, and one that was not
// verified, because a set keeps only the first of two such assertions. The item matches the second.
func TestCheckTwins(t *testing.T) {
	t.Parallel()
	for name, forgedFirst := range map[string]bool{"the forged one first": true, "the genuine one first": false} {
		s := newSigned(t)
		forger := &assertiontest.Stack{RootKey: s.stack.RootKey, StoreKey: assertiontest.DeviceKey()}
		genuine := s.stack.SnapRevision(jqID, 5, "publisher1", s.blob, nil)
		forged := forger.SnapRevision(jqID, 6, "publisher1", s.blob, assertiontest.Headers{"sign-key-sha3-384": s.stack.StoreAccountKey.HeaderString("public-key-sha3-384")})
		s.revision = append(without(s.revision, "snap-revision"), forged)
		s.snap = append(s.snap, genuine) // so that the set keeps the genuine one
		if forgedFirst {
			s.revision = append([]*assertion.Assertion{forged}, without(s.revision, "snap-revision")...)
		}
		_, err := s.checkBundle(t, s.stack.Trust())
		var mismatch *bundle.MismatchError
		if !errors.As(err, &mismatch) {
			t.Errorf("%s: Check = %v, want a MismatchError", name, err)
		}
	}
}
