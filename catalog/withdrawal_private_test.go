package catalog_test

import (
	"testing"

	"offlinestore/catalog"
)

// TestWithdrawalOfPrivate checks that a private snap is not closed by an export that could not see it, and that a revocation closes it.
func TestWithdrawalOfPrivate(t *testing.T) {
	t.Parallel()
	s, _ := open(t)
	apply(t, s, withStore(withPrivate(imp("a", 0), "pump", "acme"), "acme", "", "pump"))
	gone := imp("b", 1)
	gone.Withdrawals = []catalog.Withdrawal{{Kind: catalog.ItemSnap, Name: "pump", Reason: "gone"}}
	apply(t, s, gone)
	diff(t, "channels after an export that does not see the snap", rows(load(t, s).Snaps[0].ChannelMap), []string{"latest/stable/amd64=1"})
	revoked := imp("c", 2)
	revoked.Withdrawals = []catalog.Withdrawal{{Kind: catalog.ItemSnap, Name: "pump", ID: snapID("pump"), Reason: "revoked"}}
	apply(t, s, revoked)
	diff(t, "channels after a revocation", rows(load(t, s).Snaps[0].ChannelMap), []string{"latest/stable/amd64=0"})
}
