package closure_test

import (
	"fmt"
	"testing"

	"offlinestore/charm"
	"offlinestore/closure"
	"offlinestore/internal/assertiontest"
	"offlinestore/snap"
)

// BenchmarkGaps finds the gaps of sets in which many items lack the same thing. Work that grows faster than the set shows in the time
// for one item, which is the same for all sizes.
func BenchmarkGaps(b *testing.B) {
	for name, fill := range map[string]func(tb testing.TB, n int) *closure.Set{"snaps": lackingSnaps, "charms": lackingCharms, "approvals": lackingApprovals} {
		for _, n := range []int{1_000, 10_000, 100_000} {
			b.Run(fmt.Sprintf("%s-%d", name, n), func(b *testing.B) {
				set := fill(b, n)
				for b.Loop() {
					if len(set.Gaps()) == 0 {
						b.Fatal("no gaps")
					}
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/item")
			})
		}
	}
}

// lackingSnaps returns n snaps that lack the same base and snapd.
func lackingSnaps(_ testing.TB, n int) *closure.Set {
	set, r := &closure.Set{}, app(1, "core24", "themes")
	for i := range n {
		set.Snaps = append(set.Snaps, released(fmt.Sprintf("app-%d", i), r))
	}
	return set
}

// lackingCharms returns n charms that lack the same snap and the same image.
func lackingCharms(_ testing.TB, n int) *closure.Set {
	set, platform := &closure.Set{}, &charm.Base{Name: "ubuntu", Channel: "22.04", Architecture: "amd64"}
	for i := range n {
		r := closure.CharmRevision{Revision: &charm.Revision{Number: 1, Bases: []*charm.Base{platform}}, Snaps: []charm.SnapHint{{Name: "etcd"}}}
		set.Charms = append(set.Charms, closure.Charm{Name: fmt.Sprintf("charm-%d", i), Type: charm.TypeCharm, Revisions: []closure.CharmRevision{r},
			ChannelMap: []charm.Release{{Base: platform, Channel: "latest/stable", Revision: 1}}})
	}
	return set
}

// lackingApprovals returns n snaps whose refreshes others control, a thousand each.
func lackingApprovals(tb testing.TB, n int) *closure.Set {
	set, stack := &closure.Set{}, assertiontest.NewStack(tb)
	var controlled []any
	for i := range n {
		s := released(fmt.Sprintf("app-%d", i), &snap.Revision{Number: 1, Type: "app", Architectures: []string{"amd64"}})
		s.SnapID = fmt.Sprintf("%032d", i)
		set.Snaps = append(set.Snaps, s)
		if controlled = append(controlled, s.SnapID); len(controlled) == 1000 {
			set.AddAssertion(stack.SnapDeclaration(fmt.Sprint("gate", i), "gate", "acme", assertiontest.Headers{"refresh-control": controlled}))
			controlled = nil
		}
	}
	return set
}
