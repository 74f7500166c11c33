package importer

import (
	"slices"
	"strings"
)

// Group holds the names of one kind.
type Group struct {
	Kind  string
	Names []string
}

// Groups returns the names by kind.
func (c Content) Groups() []Group {
	return []Group{{"snap", c.Snaps}, {"charm", c.Charms}, {"bundle", c.Bundles}, {"withdrawn", c.Withdrawn}, {"store", c.storeIDs()}, {"image", c.Repositories}}
}

// String returns the names by kind: "snap hello, jq; charm postgresql".
func (c Content) String() string {
	var out []string
	for _, g := range c.Groups() {
		if len(g.Names) > 0 {
			out = append(out, g.Kind+" "+strings.Join(g.Names, ", "))
		}
	}
	return strings.Join(append(out, c.Assertions...), "; ")
}

func (c Content) storeIDs() (ids []string) {
	for i := range c.Stores {
		ids = append(ids, c.Stores[i].ID)
	}
	return ids
}

// CharmKind returns the kind of a name in a charm's report: charm or charm bundle.
func (c Content) CharmKind(name string) string {
	if slices.Contains(c.Bundles, name) {
		return "bundle"
	}
	return "charm"
}
