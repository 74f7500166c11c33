package channelmap

import (
	"fmt"
	"slices"

	"offlinestore/channel"
)

// Recorder makes the rows of an export from the answers of an upstream store and from the requests of an operator. The order of
// the calls makes no difference.
//
// Three kinds of statements claim a row. A revision that an operator pushes into a channel always counts. Otherwise the store's
// answer counts. A revision that an operator pins for one application fills only a row that the store was not asked about,
// because other applications follow the channel.
//
// A channel holds a release for each epoch. So a pushed revision of the newest epoch replaces the store's release of this epoch
// only, and one that leads devices with older data there is added. Pushed revisions of different epochs stand side by side.
type Recorder[P comparable, V any] struct {
	rows map[Key[P]]*claim[V]
	keys []Key[P] // in the order in which they were added
}

type claim[V any] struct {
	kind    claimKind
	release Release[V] // its revision is 0 for a closed row
	// provisional means that the value was chosen for one application.
	provisional bool
	// older has the store's releases for devices with data of older epochs.
	older []Release[V]
	// pushed has the releases of the operator, one for each epoch.
	pushed []Release[V]
}

type claimKind int

const (
	pinned claimKind = iota + 1
	answered
)

// ConflictError reports two revisions for one row.
type ConflictError struct {
	Channel   channel.Channel
	Have, New int
}

// Error returns a text with the row and both revisions.
func (e *ConflictError) Error() string {
	return fmt.Sprintf("channel %s has both revision %d and revision %d", e.Channel, e.Have, e.New)
}

// Answer records that a client which follows asked on p is served r from the channel served. The channels between the two are
// closed. A provisional value gives way to one that isn't. The error is a ConflictError if the store has given another answer
// before.
func (r *Recorder[P, V]) Answer(p P, asked, served channel.Channel, release Release[V], provisional bool) error {
	fallbacks := asked.Fallbacks()
	i := slices.Index(fallbacks, served)
	if i < 0 {
		return fmt.Errorf("channel %s is served from %s, which is none of its fall-backs", asked, served)
	}
	for _, c := range fallbacks[:i] {
		r.close(Key[P]{p, c})
	}
	return r.answer(Key[P]{p, served}, release, provisional)
}

func (r *Recorder[P, V]) answer(k Key[P], release Release[V], provisional bool) error {
	have := r.at(k)
	switch {
	case have.kind == answered && have.release.Revision != 0 && have.release.Revision != release.Revision:
		return &ConflictError{k.Channel, have.release.Revision, release.Revision}
	case have.kind != answered, have.release.Revision == 0, !provisional:
		have.kind, have.release, have.provisional = answered, release, provisional
	}
	return nil
}

// AnswerOlder records the release that a channel holds for devices with data of an older epoch. The channel must have an Answer.
// Of several releases of the same epoch, the highest revision counts.
func (r *Recorder[P, V]) AnswerOlder(p P, served channel.Channel, release Release[V]) {
	have := r.at(Key[P]{p, served})
	i := slices.IndexFunc(have.older, func(o Release[V]) bool { return o.Epoch == release.Epoch })
	switch {
	case i < 0:
		have.older = append(have.older, release)
	case have.older[i].Revision < release.Revision:
		have.older[i] = release
	}
}

// Close records that the store has no release for a client that follows asked on p.
func (r *Recorder[P, V]) Close(p P, asked channel.Channel) {
	for _, c := range asked.Fallbacks() {
		r.close(Key[P]{p, c})
	}
}

func (r *Recorder[P, V]) close(k Key[P]) {
	if have := r.at(k); have.kind < answered {
		have.kind, have.release, have.provisional = answered, Release[V]{}, false
	}
}

// Push records that an operator puts a revision into a channel, regardless of the store's own release. The error is a
// ConflictError if another revision of the same epoch was pushed into it.
func (r *Recorder[P, V]) Push(p P, c channel.Channel, release Release[V]) error {
	have := r.at(Key[P]{p, c})
	for _, o := range have.pushed {
		switch {
		case o.Revision == release.Revision:
			return nil
		case o.Epoch == release.Epoch:
			return &ConflictError{c, o.Revision, release.Revision}
		}
	}
	have.pushed = append(have.pushed, release)
	return nil
}

// Pin records that an operator wants a revision for one application that follows c on p. Of several pinned revisions, the highest
// fills the row.
func (r *Recorder[P, V]) Pin(p P, c channel.Channel, release Release[V], provisional bool) {
	have := r.at(Key[P]{p, c})
	switch {
	case have.kind > pinned:
	case have.kind == 0, have.release.Revision < release.Revision,
		have.release.Revision == release.Revision && have.provisional && !provisional:
		have.kind, have.release, have.provisional = pinned, release, provisional
	}
}

// at returns the claim on a row. A new claim has no kind.
func (r *Recorder[P, V]) at(k Key[P]) *claim[V] {
	have := r.rows[k]
	if have == nil {
		if r.rows == nil {
			r.rows = make(map[Key[P]]*claim[V])
		}
		have = new(claim[V])
		r.rows[k] = have
		r.keys = append(r.keys, k)
	}
	return have
}

// Has reports whether anything claims a row.
func (r *Recorder[P, V]) Has(p P, c channel.Channel) bool { return r.rows[Key[P]{p, c}] != nil }

// IsPinned reports whether a row has a revision only because an operator pinned it for an application.
func (r *Recorder[P, V]) IsPinned(p P, c channel.Channel) bool {
	have := r.rows[Key[P]{p, c}]
	return have != nil && have.kind == pinned && len(have.pushed) == 0
}

// IsProvisional reports whether the value of a row was chosen for one application.
func (r *Recorder[P, V]) IsProvisional(p P, c channel.Channel) bool {
	have := r.rows[Key[P]{p, c}]
	return have != nil && have.provisional && len(have.pushed) == 0
}

// Rows returns the rows in the order in which they were first claimed.
func (r *Recorder[P, V]) Rows() []Row[P, V] {
	rows := make([]Row[P, V], 0, len(r.keys))
	for _, k := range r.keys {
		rows = append(rows, NewRow(k.Platform, k.Channel, r.rows[k].releases()...))
	}
	return rows
}

// releases returns the releases of the row.
func (c *claim[V]) releases() []Release[V] {
	own := append([]Release[V]{c.release}, c.older...)
	if len(c.pushed) == 0 {
		return own
	}
	fits := func(p Release[V]) bool { return p.Epoch == c.release.Epoch || p.Epoch.leadsTo(c.release.Epoch) }
	if c.kind != answered || c.release.Revision == 0 || !slices.ContainsFunc(c.pushed, fits) {
		return c.pushed
	}
	own = slices.DeleteFunc(own, func(r Release[V]) bool {
		return slices.ContainsFunc(c.pushed, func(p Release[V]) bool { return p.Epoch == r.Epoch })
	})
	return append(own, c.pushed...)
}
