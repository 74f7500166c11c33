package bundle_test

import (
	"testing"

	"offlinestore/assertion"
	"offlinestore/internal/assertiontest"
	"offlinestore/internal/vectortest"
)

// TestCheckTwins puts two snap-revisions of the same digest and revision into a stream: a genuine one, and a forged one that matches the
// item. A set keeps only the first of two such assertions, and both are verified.
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
		if result := vectortest.ResultOf(err); result != vectortest.BadAssertion {
			t.Errorf("%s: Check = %v, which is %q, want %q", name, err, result, vectortest.BadAssertion)
		}
	}
}
