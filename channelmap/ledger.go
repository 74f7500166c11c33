package channelmap

import "slices"

// Outcome is the effect of a statement on a row.
type Outcome int

// The outcomes, from the smallest change to the largest.
const (
	// Unchanged means that the same bundle had already stated the same row.
	Unchanged Outcome = iota
	// Kept means that a newer bundle has set the row, which therefore stays.
	Kept
	// Renewed means that a newer bundle states the same releases.
	Renewed
	// Revised means that the same revisions were released anew, or with other values.
	Revised
	// Moved means that the row has other revisions than before.
	Moved
)

// Writes reports whether the row must be stored again.
func (o Outcome) Writes() bool { return o >= Renewed }

// Releases reports whether the outcome belongs in the history of releases.
func (o Outcome) Releases() bool { return o >= Revised }

// NoRow is the revision of a row that does not exist.
const NoRow = -1

// Change is the effect of a statement on a row. From and To are the revisions of its head: 0 for a closed row, NoRow for none.
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

// Load adds a stored row.
func (l *Ledger[P, V]) Load(row Row[P, V], origin Origin) {
	if l.rows == nil {
		l.rows = make(map[Key[P]]statement[V])
	}
	l.rows[row.Key] = statement[V]{row.Releases, origin}
}

// Releases returns the releases of a row, the newest epoch first.
func (l *Ledger[P, V]) Releases(k Key[P]) []Release[V] { return l.rows[k].releases }

// IsClosedBy reports whether a bundle has closed a row and no other one has set it since.
func (l *Ledger[P, V]) IsClosedBy(k Key[P], origin Origin) bool {
	old, ok := l.rows[k]
	return ok && Row[P, V]{Releases: old.releases}.Newest().Revision == 0 && old.origin.Is(origin)
}

// Keep returns the change that keeps a row as it is, although a bundle states another one.
func (l *Ledger[P, V]) Keep(row Row[P, V]) Change {
	c := Change{Outcome: Kept, From: NoRow, To: row.Newest().Revision}
	if old, ok := l.rows[row.Key]; ok {
		c.From = Row[P, V]{Releases: old.releases}.Newest().Revision
	}
	return c
}

// Apply accepts a bundle's row, unless a newer bundle has set the row. With force it accepts it in any case, because the operator
// has decided that this bundle's channels count.
func (l *Ledger[P, V]) Apply(row Row[P, V], origin Origin, force bool) Change {
	old, ok := l.rows[row.Key]
	c := l.Keep(row)
	same := slices.EqualFunc(old.releases, row.Releases, func(a, b Release[V]) bool { return a.Revision == b.Revision && a.Epoch == b.Epoch })
	switch {
	case ok && !force && old.origin.Supersedes(origin):
		return c
	case !ok || !same:
		c.Outcome = Moved
	case !slices.Equal(old.releases, row.Releases):
		c.Outcome = Revised
	case !old.origin.Is(origin):
		c.Outcome = Renewed
	default:
		c.Outcome = Unchanged
	}
	l.Load(row, origin)
	return c
}
