package exporter

import (
	"cmp"
	"fmt"
	"slices"

	"offlinestore/channel"
	"offlinestore/snap"
)

// take puts one answer of the store into the plan.
func (s *Snap) take(arch string, w *want, r *snap.Result) error {
	switch {
	case r.Snap.SnapID != s.Listing.SnapID || r.Snap.Name != s.Listing.Name:
		return fmt.Errorf("it is about %s (%s)", r.Snap.Name, r.Snap.SnapID)
	case w.revision > 0 && r.Snap.Revision.Number != w.revision:
		return fmt.Errorf("revision %d in place of %d", r.Snap.Revision.Number, w.revision)
	}
	if err := r.Snap.Revision.Validate(); err != nil {
		return err
	}
	rev, err := s.revision(&r.Snap.Revision)
	if err != nil {
		return err
	}
	if !slices.Contains(rev.archs, arch) {
		rev.archs = append(rev.archs, arch)
	}
	if w.revision > 0 {
		rev.found(arch)
	} else if err := s.release(arch, w.channel, r, rev); err != nil {
		return err
	}
	if w.pushChannel == "" {
		return nil
	}
	c, err := channel.Parse(w.pushChannel)
	if err != nil {
		return err
	}
	return s.push(arch, c.WithTrack(s.track()), rev.Revision.Number)
}

// found notes where the revision was found.
func (r *SnapRevision) found(from string) {
	if !slices.Contains(r.From, from) {
		r.From = append(r.From, from)
	}
}

// track is the track that a channel without one means.
func (s *Snap) track() string { return cmp.Or(s.Listing.DefaultTrack, channel.DefaultTrack) }

// revision returns the plan for a revision, which several channels may hold.
func (s *Snap) revision(r *snap.Revision) (*SnapRevision, error) {
	for _, have := range s.Revisions {
		if have.Revision.Number == r.Number {
			if have.Download.SHA3384 != r.Download.SHA3384 {
				return nil, fmt.Errorf("revision %d has two digests", r.Number)
			}
			return have, nil
		}
	}
	rev := &SnapRevision{Revision: *r}
	s.Revisions = append(s.Revisions, rev)
	return rev, nil
}

// release notes the rows of the channel map that follow from an answer: the channel that serves, and each riskier one up
// to the channel that was asked for, which are closed.
func (s *Snap) release(arch, asked string, r *snap.Result, rev *SnapRevision) error {
	want, err := s.asked(asked, r.RedirectChannel)
	if err != nil {
		return err
	}
	got := want
	if r.EffectiveChannel != "" {
		if got, err = channel.Parse(r.EffectiveChannel); err != nil {
			return err
		}
		got = got.WithTrack(channel.DefaultTrack)
	}
	if !slices.Contains(want.Fallbacks(), got) {
		return fmt.Errorf("channel %s is served from %s, which is none of its fall-backs", want, got)
	}
	rev.found(want.String() + " " + arch)
	for _, c := range want.Fallbacks() {
		if c == got {
			return s.row(arch, c, rev.Revision.Number, r.ReleasedAt)
		}
		if err := s.row(arch, c, 0, ""); err != nil {
			return err
		}
	}
	return nil
}

// asked is the channel in full that a device means by asked.
func (s *Snap) asked(asked, redirect string) (channel.Channel, error) {
	c, err := channel.Parse(cmp.Or(redirect, asked))
	return c.WithTrack(s.track()), err
}

// closed notes that a channel has no release: it and all that it would fall back to.
func (s *Snap) closed(arch, asked string) error {
	want, err := s.asked(asked, "")
	if err != nil {
		return err
	}
	for _, c := range want.Fallbacks() {
		if err := s.row(arch, c, 0, ""); err != nil {
			return err
		}
	}
	return nil
}

// find returns the row of the channel map for a channel, or nil.
func (s *Snap) find(arch string, c channel.Channel) *snap.Release {
	for i := range s.Listing.ChannelMap {
		if row := &s.Listing.ChannelMap[i]; row.Architecture == arch && row.Channel == c.String() {
			return row
		}
	}
	return nil
}

// row sets one row of the channel map to what the store says. A revision put there by hand stays; a closed row gives way.
func (s *Snap) row(arch string, c channel.Channel, revision int, releasedAt string) error {
	if err := snap.ValidateTime(releasedAt); err != nil {
		return fmt.Errorf("channel %s: released-at: %w", c, err)
	}
	row := s.find(arch, c)
	switch {
	case row == nil:
		s.Listing.ChannelMap = append(s.Listing.ChannelMap, snap.Release{Architecture: arch, Channel: c.String(), Revision: revision, ReleasedAt: releasedAt})
	case revision == 0 || s.pushed[arch+" "+c.String()] != 0:
	case row.Revision != 0 && row.Revision != revision:
		return fmt.Errorf("channel %s for %s changed from revision %d to %d meanwhile: run the export again", c, arch, row.Revision, revision)
	default:
		row.Revision, row.ReleasedAt = revision, releasedAt
	}
	return nil
}

// push puts a revision into a channel by hand: whatever the store has there, and whether or not it knows the track.
func (s *Snap) push(arch string, c channel.Channel, revision int) error {
	key := arch + " " + c.String()
	if have, ok := s.pushed[key]; ok && have != revision {
		return fmt.Errorf("%w: both revision %d and %d of %s are to be pushed into %s for %s", ErrConflict, have, revision, s.Listing.Name, c, arch)
	}
	if s.pushed == nil {
		s.pushed = make(map[string]int)
	}
	s.pushed[key] = revision
	if row := s.find(arch, c); row != nil {
		row.Revision, row.ReleasedAt = revision, ""
		return nil
	}
	s.Listing.ChannelMap = append(s.Listing.ChannelMap, snap.Release{Architecture: arch, Channel: c.String(), Revision: revision})
	return nil
}
