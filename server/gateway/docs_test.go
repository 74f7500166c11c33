package gateway_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"offlinestore/internal/doctest"
)

// TestTableOfBadRequests compares the table in docs/errors.md with the tests: the same rows, the same answers.
func TestTableOfBadRequests(t *testing.T) {
	t.Parallel()
	type row = struct {
		status string
		test   func(*testing.T)
	}
	rows := map[string]row{
		"macaroon of a login that was altered, or of another store":        {"401", TestForgedPasses},
		"token that was used, has expired, or that nobody has vouched for": {"401", TestVouchedMacaroon},
		"many guesses at the exchange":                                     {"429", TestExchangeIsLimited},
		"change by an admin without the role":                              {"403", TestWhoMayDoWhat},
		"brand whose account assertion is not here":                        {"404", TestBadRequests},
		"malformed name, series, API key, time, cursor or body":            {"400", TestBadRequests},
		"body over the limit":                                              {"413", TestBadRequests},
		"model, key or entry that is here already":                         {"409", TestBadRequests},
		"policy with a key that the brand does not have":                   {"404", TestBadRequests},
		"deletion of a key that a policy uses":                             {"409", TestModelService},
		"second request for a key while the first one runs":                {"409", TestSlowKey},
		"no token configured":                                              {"409", TestTokenFails},
		"token that does not answer, or has no such slot":                  {"503", TestTokenFails},
	}
	want := map[string]string{}
	for name, r := range rows {
		want[name] = r.status
	}
	if diff := cmp.Diff(want, doctest.BadInput(t, "Bad requests to the publisher gateway")); diff != "" {
		t.Errorf("the table of bad requests (-tests +docs/errors.md):\n%s", diff)
	}
}
