package exporter

import (
	"cmp"
	"slices"

	"offlinestore/channel"
	"offlinestore/channelmap"
	"offlinestore/charm"
)

func validateChannel(s string) error {
	if s == "" {
		return nil
	}
	_, err := channel.Parse(s)
	return err
}

// track returns the track of a channel that names none.
func (c *Charm) track() string { return cmp.Or(c.Listing.DefaultTrack, channel.DefaultTrack) }

// asked returns the full channel that Juju means by s. An empty s is stable in the default track.
func (c *Charm) asked(s string) (channel.Channel, error) {
	ch, err := channel.Parse(cmp.Or(s, channel.Stable))
	return ch.WithTrack(c.track()), err
}

// effective returns the channel that Juju follows if it asked for asked, and the channel that the answer was found in. Charmhub leaves out
// the track if it is the requested one.
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
	return want, got, nil
}

// release records an answer: the channel that serves it holds the revision, and the riskier channels up to the requested one are closed.
// The base is zero for a bundle.
func (c *Charm) release(base charm.Base, asked channel.Channel, r *charm.Result, with rowResources) error {
	want, got, err := effective(asked, r)
	if err != nil {
		return err
	}
	release := channelmap.Release[[]charm.ResourceRef]{Revision: r.Charm.Revision, Value: with.refs}
	if r.ReleasedAt != nil {
		release.ReleasedAt = usableTime(*r.ReleasedAt)
	}
	platform := "every base"
	if base != (charm.Base{}) {
		platform = base.String()
	}
	return changedMeanwhile(c.rows.Answer(base, want, got, release, with.chosen), platform)
}

// pin is a revision that the operator wants in a channel for an application.
type pin struct {
	bases   []charm.Base
	channel channel.Channel
	release channelmap.Release[[]charm.ResourceRef]
	chosen  bool
}

// pin records a revision for the application's own base. If the application names no base that the revision is for, the pin waits until
// the store has answered about the other bases. It then fills the rows that nothing else claims.
func (c *Charm) pin(app charm.Base, ch channel.Channel, rev *CharmRevision, with rowResources, archs []string) {
	// The store has not released it there, but Juju shows no release without a time.
	release := channelmap.Release[[]charm.ResourceRef]{Revision: rev.Revision.Number, Value: with.refs, ReleasedAt: rev.Revision.CreatedAt}
	p := pin{channel: ch, release: release, chosen: with.chosen}
	p.bases = slices.DeleteFunc(slices.Clone(rev.bases), func(b charm.Base) bool {
		return !slices.Contains(archs, b.Architecture) || b.Name != app.Name || b.Channel != app.Channel
	})
	if len(p.bases) > 0 {
		c.place(p)
		return
	}
	p.bases = slices.DeleteFunc(slices.Clone(rev.bases), func(b charm.Base) bool { return !slices.Contains(archs, b.Architecture) })
	c.pins = append(c.pins, p)
}

func (c *Charm) place(p pin) {
	for _, b := range p.bases {
		c.rows.Pin(b, p.channel, p.release, p.chosen)
	}
}

// releases returns the rows as a bundle holds them.
func (c *Charm) releases() []charm.Release {
	out := []charm.Release{}
	for _, row := range c.rows.Rows() {
		newest := row.Newest()
		r := charm.Release{Channel: row.Channel.String(), Revision: newest.Revision, ReleasedAt: newest.ReleasedAt, Resources: newest.Value}
		if row.Platform != (charm.Base{}) {
			r.Base = &row.Platform
		}
		out = append(out, r)
	}
	return out
}

// usableTime returns s, in UTC if it has no zone, or "" if Juju could not parse it.
func usableTime(s string) string {
	for _, t := range []string{s, s + "Z"} {
		if charm.ValidateTime(t) == nil {
			return t
		}
	}
	return ""
}
