package server

import (
	"slices"
	"strconv"
	"strings"

	"offlinestore/charm"
)

// allArchitectures is what upstream says for "any"; no row of ours does, since Juju compares architectures.
const allArchitectures = "all"

// notApplicable says whether b leaves the operating system open, which is how Juju asks what there is.
func notApplicable(b charm.Base) bool {
	return b.Name == "" || b.Channel == "" || b.Name == charm.NotApplicable || b.Channel == charm.NotApplicable
}

// bare is b as rows have it: Juju's bases may name a risk, 22.04/stable.
func bare(b charm.Base) charm.Base {
	b.Channel, _, _ = strings.Cut(b.Channel, "/")
	return b
}

// anyArchitecture says whether arch names none.
func anyArchitecture(arch string) bool {
	return arch == "" || arch == allArchitectures || arch == charm.NotApplicable
}

// compareVersions compares what has numbers with dots between them, number by number: 9.10 is after 9.9, and no number before any.
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
