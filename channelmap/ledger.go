package channelmap

import "slices"

// Outcome tells what became of a statement about a row.
type Outcome int

// The outcomes, from the one that changes nothing to the one that changes most.
const (
	// Unchanged means that the row was exactly so, from the same bundle.
	Unchanged Outcome = iota
	// Kept means that a newer bundle has set the row, which therefore stays.
	Kept
	// Renewed means that a newer bundle states the same releases.
	Renewed
	// Revised means that the same revisions were released anew, or with something else beside them.
	Revised
	// Moved means that the row has other revisions than before.
	Moved
)

// Writes reports whether the row is to be stored again.
func (o Outcome) Writes() bool { return o >= Renewed }

// Releases reports whether the outcome belongs in the history of releases.
func (o Outcome) Releases() bool { return o >= Revised }

// NoRow stands for the revision of a row that does not exist.
const NoRow = -1

// Change is what a statement changes in a row. From and To are the revisions of its head: 0 for a closed row, NoRow for none.
// They may be equal in a row with several epochs that moved.
type Change struct {
	Outcome
	From, To int
}

// Ledger decides which of several bundles' rows counts.
type Ledger[P, V comparable] struct {
	rows map[Key[P]]statement[V]
}

type statement[V any] struct {
	releases []Release[V]
	origin   Origin
}

// Load puts in a row as it was stored.
func (l *Ledger[P, V]) Load(row Row[P, V], origin Origin) {
	if l.rows == nil {
		l.rows = make(map[Key[P]]statement[V])
	}
	l.rows[row.Key] = statement[V]{row.Releases, origin}
}

// Apply takes a bundle's row over, unless a newer bundle has set it. With force it takes it over in any case: the operator says that
// this bundle's channels count now.
func (l *Ledger[P, V]) Apply(row Row[P, V], origin Origin, force bool) Change {
	old, ok := l.rows[row.Key]
	c := Change{From: Row[P, V]{Releases: old.releases}.Head().Revision, To: row.Head().Revision}
	if !ok {
		c.From = NoRow
	}
	same := slices.EqualFunc(old.releases, row.Releases, func(a, b Release[V]) bool { return a.Revision == b.Revision && a.Epoch == b.Epoch })
	switch {
	case ok && !force && old.origin.Supersedes(origin):
		c.Outcome = Kept
		return c
	case !ok || !same:
		c.Outcome = Moved
	case !slices.Equal(old.releases, row.Releases):
		c.Outcome = Revised
	case !old.origin.Is(origin):
		c.Outcome = Renewed
	}
	l.Load(row, origin)
	return c
}
