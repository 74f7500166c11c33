package closure

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Kind says what is needed, or what needs it.
type Kind string

// The kinds of what is needed, and of what needs it: snaps, charms, charm bundles and models need something.
const (
	KindSnap      Kind = "snap"
	KindComponent Kind = "component"
	KindResource  Kind = "resource"
	KindImage     Kind = "image"
	KindCharm     Kind = "charm"
	KindBundle    Kind = "bundle"
	KindModel     Kind = "model"
)

// Gap is something that is needed and missing. Fields that don't apply are zero.
type Gap struct {
	Kind Kind
	// Name is that of the snap, the resource, the image inside its registry or the charm. A component's is "snap+component".
	Name string
	// Revision is set if no other revision will do, Channel if it has to be in a certain channel.
	Revision     int
	Channel      string
	Architecture string
	// InstalledFrom is the channel from which a charm installs the snap, if the charm names one. The snap may be in another one here.
	InstalledFrom string
	// NeededBy is never empty. What charms and bundles need has one Needer.
	NeededBy []Needer
	// Essential is set for snapd and for bases: without them nothing of a snap runs.
	Essential bool
}

// Needer is an item that needs something.
type Needer struct {
	Kind Kind
	// Name is that of the snap, charm or bundle. A model's is "brand/model".
	Name string
	// Revision is that of a charm or bundle.
	Revision int
}

// maxNeeders bounds the length of a sentence: nearly everything needs snapd.
const maxNeeders = 8

// String returns the gap as a sentence: "core24 for amd64 is needed by jq", "resource data is needed by charm app revision 7".
func (g Gap) String() string {
	out := g.Needs() + " is needed by "
	if g.ByCharm() {
		out = string(g.Kind) + " " + out
	}
	for i, n := range g.NeededBy {
		switch {
		case i == maxNeeders && len(g.NeededBy) > maxNeeders+1:
			return fmt.Sprintf("%s and %d others", out, len(g.NeededBy)-maxNeeders)
		case i > 0:
			out += ", "
		}
		out += n.String()
	}
	return out
}

// Needs returns what is needed, without its kind: "core24 for amd64", "tool revision 5 for amd64", "pc in 24/stable for amd64".
func (g Gap) Needs() string {
	out := g.Name
	if g.Revision > 0 {
		out += fmt.Sprintf(" revision %d", g.Revision)
	}
	if g.Channel != "" {
		out += " in " + g.Channel
	}
	if g.Architecture != "" {
		out += " for " + g.Architecture
	}
	return out
}

// ByCharm reports whether a charm or a charm bundle needs it, not snaps or models.
func (g Gap) ByCharm() bool {
	return len(g.NeededBy) > 0 && (g.NeededBy[0].Kind == KindCharm || g.NeededBy[0].Kind == KindBundle)
}

// Snap returns the name of the snap that fills the gap, or "" for a gap of another kind.
func (g Gap) Snap() string {
	if g.Kind != KindSnap && g.Kind != KindComponent {
		return ""
	}
	name, _, _ := strings.Cut(g.Name, "+")
	return name
}

// String returns the needer as a sentence names it: "jq", "charm app revision 7", "model brand/name".
func (n Needer) String() string {
	switch {
	case n.Kind == KindSnap:
		return n.Name
	case n.Revision > 0:
		return fmt.Sprintf("%s %s revision %d", n.Kind, n.Name, n.Revision)
	}
	return string(n.Kind) + " " + n.Name
}

func compareNeeders(a, b Needer) int {
	// Snaps come first: their names stand alone.
	return cmp.Or(-cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Revision, b.Revision))
}

// compareSnapGaps orders the gaps of snaps and models.
func compareSnapGaps(a, b Gap) int {
	return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Channel, b.Channel), cmp.Compare(a.Architecture, b.Architecture), cmp.Compare(a.Kind, b.Kind))
}

// compareCharmGaps orders the gaps of charms and bundles, each of which has one needer.
func compareCharmGaps(a, b Gap) int {
	return cmp.Or(cmp.Compare(a.NeededBy[0].Name, b.NeededBy[0].Name), cmp.Compare(a.NeededBy[0].Revision, b.NeededBy[0].Revision),
		cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Needs(), b.Needs()), cmp.Compare(a.Architecture, b.Architecture))
}

func equalGaps(a, b Gap) bool {
	return a.Kind == b.Kind && a.Name == b.Name && a.Revision == b.Revision && a.Channel == b.Channel && a.Architecture == b.Architecture &&
		a.InstalledFrom == b.InstalledFrom && slices.Equal(a.NeededBy, b.NeededBy)
}
