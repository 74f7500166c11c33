package server

import (
	"slices"
	"strconv"
	"strings"

	"offlinestore/catalog"
	"offlinestore/charm"
)

// allArchitectures is upstream's word for any architecture. Our rows never hold it, since Juju compares architectures.
const allArchitectures = "all"

// notApplicable reports whether b leaves the operating system open. Juju asks that way for the list of bases.
func notApplicable(b charm.Base) bool {
	return b.Name == "" || b.Channel == "" || b.Name == charm.NotApplicable || b.Channel == charm.NotApplicable
}

// bare returns b in the form of rows, without a risk. Juju's bases may name one, as in 22.04/stable.
func bare(b charm.Base) charm.Base {
	b.Channel, _, _ = strings.Cut(b.Channel, "/")
	return b
}

// releasedBases returns the bases of the rows that hold or held each revision.
func releasedBases(st *catalog.Charm) map[int][]charm.Base {
	out := make(map[int][]charm.Base)
	for _, rows := range [][]charm.Release{st.ChannelMap, st.History} {
		for _, row := range rows {
			if row.Base != nil && row.Revision > 0 && !slices.Contains(out[row.Revision], *row.Base) {
				out[row.Revision] = append(out[row.Revision], *row.Base)
			}
		}
	}
	return out
}

// withBases returns r with the bases that it is released for. An export names only the requested architectures of a charm for all of them,
// and the next export may be for others.
func withBases(r *catalog.CharmRevision, released map[int][]charm.Base) *catalog.CharmRevision {
	var more []*charm.Base
	for _, b := range released[r.Revision.Number] {
		same := func(have *charm.Base) bool { return have != nil && *have == b }
		sibling := func(have *charm.Base) bool { return have != nil && have.Name == b.Name && have.Channel == b.Channel }
		if !slices.ContainsFunc(r.Bases, same) && slices.ContainsFunc(r.Bases, sibling) {
			more = append(more, &b)
		}
	}
	if more == nil {
		return r
	}
	out := *r
	out.Bases = slices.Concat(r.Bases, more)
	return &out
}

// anyArchitecture reports whether arch names no particular architecture.
func anyArchitecture(arch string) bool {
	return arch == "" || arch == allArchitectures || arch == charm.NotApplicable
}

// compareVersions compares dotted versions number by number: 9.10 is after 9.9. A part that is no number comes before any number.
func compareVersions(a, b string) int {
	return slices.Compare(numbers(a), numbers(b))
}

func numbers(s string) []int {
	var out []int
	for part := range strings.SplitSeq(s, ".") {
		n, err := strconv.Atoi(part)
		if err != nil {
			n = -1
		}
		out = append(out, n)
	}
	return out
}
