package catalog

import (
	"fmt"

	"offlinestore/channelmap"
)

// Row returns the row of a move for people, without its channel.
func (m SnapMove) Row() string {
	if m.Epoch == "" {
		return m.Architecture
	}
	return m.Architecture + " with data of epoch " + m.Epoch
}

// Row returns the row of a charm's channel map for people. A charm bundle has one row for all bases.
func (m CharmMove) Row() string {
	if m.Base == "" {
		return m.Channel
	}
	return m.Channel + " for " + m.Base
}

// RevisionName returns the revision at an end of a move for people.
func RevisionName(n int) string {
	switch n {
	case channelmap.NoRow:
		return "no revision"
	case 0:
		return "closed"
	}
	return fmt.Sprintf("revision %d", n)
}
