package assertion

import "testing"

// TestCompiledIn verifies the compiled-in roots, which Canonical does not, and the assertions that every device has.
func TestCompiledIn(t *testing.T) {
	t.Parallel()
	roots := compiledIn(canonicalRoots).All()
	if len(roots) != 2 {
		t.Errorf("%d roots", len(roots))
	}
	trust, err := new(Trust).With(roots...)
	if err != nil {
		t.Fatal(err)
	}
	canonical := Canonical()
	for _, a := range roots {
		if !canonical.Has(a.Ref()) || !trust.Has(a.Ref()) {
			t.Errorf("%s is no root", a.Ref())
		}
	}
	if len(canonical.accounts) != len(trust.accounts) || len(canonical.keys) != len(trust.keys) {
		t.Error("Canonical has other roots")
	}
}
