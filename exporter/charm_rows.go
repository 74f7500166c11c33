package exporter

import (
	"cmp"
	"fmt"
	"slices"

	"offlinestore/channel"
	"offlinestore/charm"
)

func checkCharmChannel(s string) error {
	if s == "" {
		return nil
	}
	_, err := channel.Parse(s)
	return err
}

// track is the track that a channel without one means.
func (c *Charm) track() string { return cmp.Or(c.Listing.DefaultTrack, channel.DefaultTrack) }

// asked is the channel in full that Juju means by s; none is the default track's stable.
func (c *Charm) asked(s string) (channel.Channel, error) {
	ch, err := channel.Parse(cmp.Or(s, channel.Stable))
	return ch.WithTrack(c.track()), err
}

// effective is the channel that an answer was found in, which must be one of the fall-backs of what was asked for. Charmhub leaves out
// the track where it is the one that was asked for.
func effective(asked channel.Channel, r *charm.Result) (want, got channel.Channel, err error) {
	want = asked
	if r.RedirectChannel != "" {
		if want, err = channel.Parse(r.RedirectChannel); err != nil {
			return want, got, err
		}
		want = want.WithTrack(asked.Track)
	}
	got = want
	if r.EffectiveChannel != "" {
		if got, err = channel.Parse(r.EffectiveChannel); err != nil {
			return want, got, err
		}
		got = got.WithTrack(want.Track)
	}
	if !slices.Contains(want.Fallbacks(), got) {
		return want, got, fmt.Errorf("channel %s is served from %s, which is none of its fall-backs", want, got)
	}
	return want, got, nil
}

// release notes the rows of the channel map that follow from an answer: the channel that serves, and each riskier one up to the channel
// that was asked for, which are closed.
func (c *Charm) release(base *charm.Base, asked channel.Channel, r *charm.Result, with released) error {
	want, got, err := effective(asked, r)
	if err != nil {
		return err
	}
	for _, ch := range want.Fallbacks() {
		row := charm.Release{Base: base, Channel: ch.String()}
		if ch == got {
			row.Revision, row.Resources = r.Charm.Revision, with.refs
			if r.ReleasedAt != nil {
				row.ReleasedAt = goodTime(*r.ReleasedAt)
			}
		}
		if err := c.row(row, with.chosen); err != nil || ch == got {
			return err
		}
	}
	return nil
}

// closed notes that a channel has no release for base: it and all that it would fall back to.
func (c *Charm) closed(base *charm.Base, asked channel.Channel) error {
	for _, ch := range asked.Fallbacks() {
		if err := c.row(charm.Release{Base: base, Channel: ch.String()}, false); err != nil {
			return err
		}
	}
	return nil
}

// find returns the row of the channel map for a channel and base, or nil.
func (c *Charm) find(base *charm.Base, ch string) *charm.Release {
	key := rowKey(base, ch)
	for i := range c.Listing.ChannelMap {
		if row := &c.Listing.ChannelMap[i]; rowKey(row.Base, row.Channel) == key {
			return row
		}
	}
	return nil
}

func rowKey(base *charm.Base, ch string) charmRow {
	if base == nil {
		return charmRow{channel: ch}
	}
	return charmRow{*base, ch}
}

// row sets one row of the channel map to what the store says. A revision that the operator has chosen stays; a closed row gives way.
// Resources that were chosen for one application, of which chosen tells, give way where another one wants what the store has released.
func (c *Charm) row(r charm.Release, chosen bool) error {
	key := rowKey(r.Base, r.Channel)
	have := c.find(r.Base, r.Channel)
	switch {
	case have == nil:
		c.Listing.ChannelMap = append(c.Listing.ChannelMap, r)
	case r.Revision == 0 || c.pinned[key] != 0:
		return nil
	case have.Revision != 0 && have.Revision != r.Revision:
		return fmt.Errorf("channel %s changed from revision %d to %d meanwhile: run the export again", r.Channel, have.Revision, r.Revision)
	case have.Revision == 0, c.chosen[key] && !chosen:
		*have = r
	default:
		return nil
	}
	c.choose(key, chosen)
	return nil
}

// choose notes whether the resources of a row are the operator's choice.
func (c *Charm) choose(key charmRow, chosen bool) {
	if c.chosen == nil {
		c.chosen = make(map[charmRow]bool)
	}
	c.chosen[key] = chosen
}

// choice is 1 where the resources of a row are the operator's choice, else 0.
func (c *Charm) choice(r *charm.Release) int {
	if c.chosen[rowKey(r.Base, r.Channel)] {
		return 1
	}
	return 0
}

// pin puts a revision into a channel because the operator wants both: whatever the store has there.
func (c *Charm) pin(base charm.Base, ch channel.Channel, rev *CharmRevision, with released) error {
	revision := rev.Revision.Number
	key := charmRow{base, ch.String()}
	if have, ok := c.pinned[key]; ok && have != revision {
		return fmt.Errorf("%w: both revision %d and %d of %s are wanted in %s for %s", ErrConflict, have, revision, c.Listing.Name, ch, base)
	}
	if c.pinned[key] != 0 && (with.chosen || !c.chosen[key]) {
		return nil
	}
	c.choose(key, with.chosen)
	if c.pinned == nil {
		c.pinned = make(map[charmRow]int)
	}
	c.pinned[key] = revision
	// The store has not released it there, and Juju shows no release without a time.
	row := charm.Release{Base: &base, Channel: ch.String(), Revision: revision, Resources: with.refs, ReleasedAt: rev.Revision.CreatedAt}
	if have := c.find(&base, ch.String()); have != nil {
		*have = row
		return nil
	}
	c.Listing.ChannelMap = append(c.Listing.ChannelMap, row)
	return nil
}

// goodTime is s, which is in UTC where it has no zone, or empty where Juju would stumble over it.
func goodTime(s string) string {
	for _, t := range []string{s, s + "Z"} {
		if charm.ValidateTime(t) == nil {
			return t
		}
	}
	return ""
}
