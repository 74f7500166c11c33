package admin_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"offlinestore/internal/doctest"
)

// badRows returns the rows about administration in the table of docs/errors.md. Their tests are here; the last row's test is the
// script admin.txtar of snap-store-proxy.
func badRows() map[string]struct {
	status string
	test   func(*testing.T)
} {
	type row = struct {
		status string
		test   func(*testing.T)
	}
	return map[string]row{
		"forged macaroon, or one with a caveat that the store doesn't know": {"401", TestForgedMacaroons},
		"expired macaroon": {"401", TestExpiredMacaroons},
		"discharge of another root, or not bound to its root":             {"401", TestForgedMacaroons},
		"discharge that is refreshed a second time":                       {"401", TestReplayedDischarge},
		"macaroons of an admin that was removed, or has another password": {"401", TestRemovedAdmin},
		"overrides by an admin who is no operator":                        {"403", TestRolesOfOverrides},
		"one-time token, used or expired":                                 {"401", TestOneTimeToken},
		"brute force at the discharge":                                    {"429", TestBruteForce},
		"malformed overrides request":                                     {"400", TestMalformedOverrides},
		"oversized overrides request":                                     {"413", TestMalformedOverrides},
		"request that any web page could send":                            {"415", TestMalformedOverrides},
		"override of a snap, track or revision that is not here":          {"404", TestMalformedOverrides},
		"administration asked for on the port of devices":                 {"404", nil},
	}
}

// TestTableOfBadAdministration compares the table with the tests: the same rows, the same answers.
func TestTableOfBadAdministration(t *testing.T) {
	t.Parallel()
	want := map[string]string{}
	for row, r := range badRows() {
		want[row] = r.status
	}
	if diff := cmp.Diff(want, doctest.BadInput(t, "Bad administration")); diff != "" {
		t.Errorf("the table of bad administration (-tests +docs/errors.md):\n%s", diff)
	}
}
