package catalog_test

import (
	"fmt"
	"strings"
	"testing"

	"offlinestore/catalog"
)

// withdraw adds the statement that a snap or charm is gone.
func withdraw(in *catalog.Import, kind catalog.ItemKind, name string) *catalog.Import {
	in.Withdrawals = append(in.Withdrawals, catalog.Withdrawal{Kind: kind, Name: name, Reason: "gone"})
	return in
}

// TestWithdrawalOrder applies the same bundles in every order. The newest bundle about a snap decides whether its channels are open.
func TestWithdrawalOrder(t *testing.T) {
	t.Parallel()
	bundles := []func() *catalog.Import{
		func() *catalog.Import {
			return with(imp("old", 0), "jq", []int{6}, "latest/stable/amd64=6", "latest/edge/amd64=6")
		},
		func() *catalog.Import {
			return withCharm(withdraw(withdraw(imp("gone", 1), catalog.ItemSnap, "jq"), catalog.ItemCharm, "app"), "web", []int{1}, "latest/stable@ubuntu 22.04 amd64=1")
		},
		func() *catalog.Import { return with(imp("back", 2), "jq", []int{7}, "latest/stable/amd64=7") },
		func() *catalog.Import {
			return withCharm(imp("app", 0), "app", []int{3}, "latest/stable@ubuntu 22.04 amd64=3")
		},
	}
	want := "latest/edge/amd64=0 latest/stable/amd64=7; latest/stable@ubuntu 22.04 amd64=0; latest/stable@ubuntu 22.04 amd64=1"
	for _, order := range [][]int{{0, 1, 2, 3}, {3, 2, 1, 0}, {1, 0, 3, 2}, {2, 0, 1, 3}, {1, 3, 2, 0}, {0, 1, 2, 3, 0, 1, 3}} {
		s, _ := open(t)
		for _, i := range order {
			apply(t, s, bundles[i]())
		}
		c := load(t, s)
		diff(t, "the channel map of now, from the history", rows(c.Snaps[0].AsOf(c.Moment).ChannelMap), rows(c.Snaps[0].ChannelMap))
		got := []string{strings.Join(rows(c.Snaps[0].ChannelMap), " ")}
		for _, ch := range c.Charms {
			got = append(got, strings.Join(charmRows(ch.ChannelMap), " "))
		}
		if strings.Join(got, "; ") != want {
			t.Errorf("order %v gives %s, want %s", order, strings.Join(got, "; "), want)
		}
	}
}

// TestWithdrawalReport reports the closed channels, once. Forcing an older bundle opens them again, for good.
func TestWithdrawalReport(t *testing.T) {
	t.Parallel()
	s, _ := open(t)
	old := with(imp("old", 0), "jq", []int{6}, "latest/stable/amd64=6")
	apply(t, s, old)
	r := apply(t, s, withdraw(imp("gone", 1), catalog.ItemSnap, "jq"))
	diff(t, "withdrawals", r.Withdrawals, []catalog.Withdrawal{{Kind: "snap", Name: "jq", Reason: "gone"}})
	diff(t, "moves", r.SnapMoves, []catalog.SnapMove{{Snap: "jq", Architecture: "amd64", Channel: "latest/stable", From: 6}})
	if r := apply(t, s, withdraw(imp("gone again", 2), catalog.ItemSnap, "jq")); !r.IsEmpty() {
		t.Errorf("the second statement reports %+v, want nothing", r)
	}
	old.PushChannelMap = true
	apply(t, s, old)
	apply(t, s, with(imp("other", -1), "jq", []int{5}, "latest/edge/amd64=5"))
	diff(t, "rows after an older bundle was forced", rows(load(t, s).Snaps[0].ChannelMap), []string{"latest/edge/amd64=5", "latest/stable/amd64=6"})
}

// TestWithdrawalOfAnother leaves a snap alone that has the name and another snap-id.
func TestWithdrawalOfAnother(t *testing.T) {
	t.Parallel()
	s, _ := open(t)
	apply(t, s, with(imp("old", 0), "jq", []int{6}, "latest/stable/amd64=6"))
	gone := withdraw(imp("gone", 1), catalog.ItemSnap, "jq")
	gone.Withdrawals[0].ID = snapID("another")
	apply(t, s, gone)
	diff(t, "rows", rows(load(t, s).Snaps[0].ChannelMap), []string{"latest/stable/amd64=6"})
	gone = withdraw(imp("gone2", 2), catalog.ItemSnap, "jq")
	gone.Withdrawals[0].ID = snapID("jq")
	apply(t, s, gone)
	diff(t, "rows", fmt.Sprint(rows(load(t, s).Snaps[0].ChannelMap)), "[latest/stable/amd64=0]")
}

// TestForcedWithdrawalTwice forces an old bundle and the statement that its snap is gone, together and one after the other. The same list
// again changes nothing and leaves no line in the history.
func TestForcedWithdrawalTwice(t *testing.T) {
	t.Parallel()
	s, _ := open(t)
	apply(t, s, with(withCharm(imp("newest", 9), "app", []int{9}, "latest/stable"+jammy+"=9"), "jq", []int{9}, "latest/stable/amd64=9"))
	old := forced(with(withCharm(imp("old", 1), "app", []int{6}, "latest/stable"+jammy+"=6"), "jq", []int{6}, "latest/stable/amd64=6"))
	gone := forced(withdraw(withdraw(imp("gone", 2), catalog.ItemSnap, "jq"), catalog.ItemCharm, "app"))
	for i, tt := range []struct {
		list []*catalog.Import
		want int
	}{{[]*catalog.Import{old, gone}, 0}, {[]*catalog.Import{old}, 6}, {[]*catalog.Import{gone}, 0}} {
		applyAll(t, s, tt.list...)
		lines := histories(t, s)
		for range 2 {
			for _, r := range applyAll(t, s, tt.list...) {
				diff(t, fmt.Sprintf("step %d: the report of the same list", i), r, &catalog.Report{AlreadyImported: true, UpToDate: true})
			}
		}
		if n := histories(t, s); n != lines {
			t.Errorf("step %d: the same list leaves %d more lines in the history", i, n-lines)
		}
		c := load(t, s)
		diff(t, "snap", rows(c.Snaps[0].ChannelMap), []string{fmt.Sprint("latest/stable/amd64=", tt.want)})
		if got := c.Charms[0].ChannelMap[0].Revision; got != tt.want {
			t.Errorf("step %d: the charm is at revision %d, want %d", i, got, tt.want)
		}
	}
}
