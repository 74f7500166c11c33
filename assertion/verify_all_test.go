package assertion_test

import (
	"strings"
	"testing"

	"offlinestore/assertion"
	"offlinestore/internal/assertiontest"
)

// TestVerifyAll compares VerifyAll with Verify of one assertion after the other, for good lists and for lists with a bad one.
func TestVerifyAll(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	altered := func(a *assertion.Assertion) *assertion.Assertion {
		bad, err := assertion.Decode([]byte(strings.Replace(string(a.Raw()), "snap-size: ", "snap-size: 1", 1)))
		if err != nil {
			t.Fatal(err)
		}
		return bad
	}
	var good []*assertion.Assertion
	for n := range 150 {
		good = append(good, f.SnapRevision("snapid1", n+1, "dev1", assertiontest.BlobOf([]byte{byte(n)}), nil))
	}
	byUnknown := assertiontest.RevisionHeaders("snapid1", 7, "dev1", f.blob)
	byUnknown["authority-id"], byUnknown["timestamp"] = assertiontest.RootID, assertiontest.Since
	unknown, err := assertion.Sign(byUnknown, nil, assertiontest.DeviceKey())
	if err != nil {
		t.Fatal(err)
	}
	for name, put := range map[string]*assertion.Assertion{
		"good": good[0], "altered": altered(good[3]), "unknown key": unknown, "unknown snap": f.SnapRevision("nosnap", 1, "dev1", f.blob, nil),
	} {
		for _, at := range []int{0, 63, 64, 149} {
			list := append([]*assertion.Assertion{}, good...)
			list[at] = put
			var want error
			for v, i := f.verifier(), 0; i < len(list) && want == nil; i++ {
				want = v.Verify(list[i])
			}
			got := f.verifier().VerifyAll(list)
			if (got == nil) != (name == "good") || (want == nil) != (got == nil) || want != nil && got.Error() != want.Error() {
				t.Errorf("%s at %d: got %v, want %v", name, at, got, want)
			}
		}
	}
}

// TestVerifyAllRemembersGoodOnes checks that a bad signature stays bad after the others of its batch were checked beside it.
func TestVerifyAllRemembersGoodOnes(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	good := f.revision(nil)
	bad, err := assertion.Decode([]byte(strings.Replace(string(good.Raw()), "snap-revision: 7", "snap-revision: 8", 1)))
	if err != nil {
		t.Fatal(err)
	}
	v := f.verifier() // its trust remembers signatures
	for range 2 {
		if err := v.VerifyAll([]*assertion.Assertion{good, bad, good}); err == nil {
			t.Fatal("an altered assertion is verified")
		}
	}
}
