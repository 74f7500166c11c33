package closure

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Kind is the kind of a needed item, or of the item that needs it.
type Kind string

// The kinds of needed items and of the items that need them. Snaps, charms, charm bundles and models need other items.
const (
	KindSnap      Kind = "snap"
	KindComponent Kind = "component"
	KindResource  Kind = "resource"
	KindImage     Kind = "image"
	KindImageName Kind = "image-name"
	KindCharm     Kind = "charm"
	KindBundle    Kind = "bundle"
	KindModel     Kind = "model"
	KindSet       Kind = "validation-set"
	// KindApproval is the approval of a revision by the publisher of a snap that controls the refreshes of another.
	KindApproval Kind = "approval"
	// KindPrivate is a snap that is here, and private to another store than the model's.
	KindPrivate Kind = "private-snap"
	// KindRow is a row of a channel map, which needs a revision for its platform.
	KindRow Kind = "row"
)

// Gap is a missing item that another item needs, or a name that is needed for two items. Fields that don't apply are zero.
type Gap struct {
	Kind Kind
	// Name is the name of the snap, of the resource, of the image in its registry or of the charm. For a component, it is
	// "snap+component".
	Name string
	// Revision is set if no other revision will do, Channel if the item must be in a certain channel.
	Revision     int
	Channel      string
	Architecture string
	// InstalledFrom is the channel from which a charm installs the snap, if the charm names one. The store may have the snap in
	// another one.
	InstalledFrom string
	// NeededBy is never empty. Needs of charms and charm bundles have one Needer, a name of images has the charms of both.
	NeededBy []Needer
	// Supported lists the platforms of the revision in a row of another platform.
	Supported string
	// Holders are set for a name that two resources give to different images: "resource data revision 7 of charm app".
	Holders [2]string
	// Role is the role of the snap in the model that needs it: gadget or kernel.
	Role string
	// Essential is set for snapd and for bases: without them, no part of a snap runs.
	Essential bool
}

// Needer is an item that needs another one.
type Needer struct {
	Kind Kind
	// Name is the name of the snap, charm or charm bundle. For a model, it is "brand/model", for a validation set "account/name=sequence".
	Name string
	// Revision is the revision of a charm or charm bundle.
	Revision int
}

// maxNeeders limits the length of a sentence: nearly every snap needs snapd.
const maxNeeders = 8

// String returns the gap as a sentence: "core24 for amd64 is needed by jq", "resource data is needed by charm app revision 7",
// "model acme/box has no gadget for amd64 here: it needs pc in 24/stable".
func (g Gap) String() string {
	switch g.Kind {
	case KindRow:
		return fmt.Sprintf("%s has revision %d, which is for %s", Gap{Name: g.Name, Channel: g.Channel, Architecture: g.Architecture}.Needs(), g.Revision, g.Supported)
	case KindImageName:
		return fmt.Sprintf("%s is the name of two images: that of %s and that of %s", g.Name, g.Holders[0], g.Holders[1])
	}
	if g.Role != "" && len(g.NeededBy) == 1 {
		return fmt.Sprintf("%s has no %s for %s here: it needs %s", g.NeededBy[0], g.Role, g.Architecture, Gap{Name: g.Name, Channel: g.Channel}.Needs())
	}
	out := g.Needs() + " is needed by "
	if g.Kind == KindPrivate {
		out = g.Needs() + " is private to another store, and is needed by "
	}
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

// Needs returns the needed item, without its kind: "core24 for amd64", "tool revision 5 for amd64", "pc in 24/stable for amd64".
func (g Gap) Needs() string {
	out := g.Name
	if g.Kind == KindApproval {
		out = "approval of " + out
	}
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

// ByCharm reports whether a charm or a charm bundle needs the item, rather than snaps or models.
func (g Gap) ByCharm() bool {
	return len(g.NeededBy) > 0 && (g.NeededBy[0].Kind == KindCharm || g.NeededBy[0].Kind == KindBundle)
}

// BySet reports whether a validation set needs the item.
func (g Gap) BySet() bool { return len(g.NeededBy) > 0 && g.NeededBy[0].Kind == KindSet }

// Snap returns the name of the snap that fills the gap, or "" for a gap of another kind.
func (g Gap) Snap() string {
	if g.ByCharm() || g.Kind != KindSnap && g.Kind != KindComponent && g.Kind != KindRow {
		return ""
	}
	name, _, _ := strings.Cut(g.Name, "+")
	return name
}

// String returns the needer in the form used in a sentence: "jq", "charm app revision 7", "model brand/name".
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
	// Snaps come first, because their names have no prefix.
	return cmp.Or(-cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Revision, b.Revision))
}

// compareSnapGaps compares the gaps of snaps and models.
func compareSnapGaps(a, b Gap) int {
	return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Channel, b.Channel), cmp.Compare(a.Architecture, b.Architecture), cmp.Compare(a.Kind, b.Kind))
}

// compareCharmGaps compares the gaps of charms and charm bundles by their first needer.
func compareCharmGaps(a, b Gap) int {
	return cmp.Or(cmp.Compare(a.NeededBy[0].Name, b.NeededBy[0].Name), cmp.Compare(a.NeededBy[0].Revision, b.NeededBy[0].Revision),
		cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Needs(), b.Needs()), cmp.Compare(a.Architecture, b.Architecture))
}

func equalGaps(a, b Gap) bool {
	return a.Kind == b.Kind && a.Name == b.Name && a.Revision == b.Revision && a.Channel == b.Channel && a.Architecture == b.Architecture &&
		a.InstalledFrom == b.InstalledFrom && a.Holders == b.Holders && slices.Equal(a.NeededBy, b.NeededBy)
}
