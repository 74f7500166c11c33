package main

import (
	"fmt"
	"slices"
	"strings"

	"offlinestore/catalog"
	"offlinestore/importer"
)

// content names the items of a bundle.
type content struct{ importer.Content }

// group holds the names of one kind.
type group struct {
	kind  string
	names []string
}

func (c content) groups() []group {
	return []group{{"snap", c.Snaps}, {"charm", c.Charms}, {"bundle", c.Bundles}, {"withdrawn", c.Withdrawn}}
}

// String returns the names by kind: "snap hello, jq; charm postgresql".
func (c content) String() string {
	var out []string
	for _, g := range c.groups() {
		if len(g.names) > 0 {
			out = append(out, g.kind+" "+strings.Join(g.names, ", "))
		}
	}
	return strings.Join(append(out, c.Assertions...), "; ")
}

// kind returns the kind of a name in a charm's report: charm or charm bundle.
func (c content) kind(name string) string {
	if slices.Contains(c.Bundles, name) {
		return "bundle"
	}
	return "charm"
}

// snapRow prints the row of a move for people.
func snapRow(m catalog.SnapMove) string {
	if m.Epoch == "" {
		return m.Architecture
	}
	return m.Architecture + " with data of epoch " + m.Epoch
}

// charmRow names a row of a charm's channel map. A charm bundle has one row for all bases.
func charmRow(m catalog.CharmMove) string {
	if m.Base == "" {
		return m.Channel
	}
	return m.Channel + " for " + m.Base
}

func revisionName(n int) string {
	switch n {
	case -1:
		return "no revision"
	case 0:
		return "closed"
	}
	return fmt.Sprintf("revision %d", n)
}
