package server

import (
	"slices"
	"strconv"
	"strings"

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
