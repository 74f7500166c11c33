package exporter

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"offlinestore/channel"
	"offlinestore/channelmap"
	"offlinestore/snap"
)

// addAnswer adds one answer of the store to the plan.
func (s *Snap) addAnswer(arch string, w *snapQuery, r *snap.Result) error {
	switch {
	case r.Snap.SnapID != s.Listing.SnapID || r.Snap.Name != s.Listing.Name:
		return fmt.Errorf("it is about %s (%s)", r.Snap.Name, r.Snap.SnapID)
	case r.Snap.Private && s.Listing.Store == "":
		return &PrivateError{Snaps: []string{r.Snap.Name}}
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
	rev.addFurther(w, r.Snap.Resources)
	for _, a := range devices(arch, w.archs, &rev.Revision) {
		if !slices.Contains(rev.archs, a) {
			rev.archs = append(rev.archs, a)
		}
	}
	if w.revision > 0 {
		rev.addFrom(arch)
	} else if err := s.release(arch, w.channel, r, rev); err != nil {
		return err
	}
	return s.pushAnswer(arch, w, rev)
}

// pushAnswer puts a revision of an answer into the channel that the operator has decided, if any.
func (s *Snap) pushAnswer(arch string, w *snapQuery, rev *SnapRevision) error {
	if w.pushChannel == "" {
		return nil
	}
	c, err := channel.Parse(w.pushChannel)
	if err != nil {
		return err
	}
	for _, a := range devices(arch, w.archs, &rev.Revision) {
		if err := s.push(a, c.WithTrack(s.track()), &rev.Revision); err != nil {
			return err
		}
	}
	return nil
}

// devices returns the architectures of the devices for which a revision was requested for arch, one of archs: arch itself if the revision
// runs there. A revision that runs on none of archs is for the devices that it does run on, because the store gives it to any device that
// asks for its number.
func devices(arch string, archs []string, r *snap.Revision) []string {
	switch {
	case r.Supports(arch):
		return []string{arch}
	case slices.ContainsFunc(archs, r.Supports):
		return nil
	}
	return r.Architectures
}

// addFrom records where the revision was found.
func (r *SnapRevision) addFrom(from string) {
	if !slices.Contains(r.From, from) {
		r.From = append(r.From, from)
	}
}

// track returns the track of a channel that names none.
func (s *Snap) track() string { return cmp.Or(s.Listing.DefaultTrack, channel.DefaultTrack) }

// revision returns the plan for a revision. Several channels may hold the same one.
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
	rev.Further = nil // it belongs to bundles, and no store's answer has it
	s.Revisions = append(s.Revisions, rev)
	return rev, nil
}

// release records an answer: the channel that serves it holds the revision, and the riskier channels up to the requested one are closed.
func (s *Snap) release(arch, asked string, r *snap.Result, rev *SnapRevision) error {
	want, got, err := s.places(asked, r)
	if err != nil {
		return err
	}
	if err := snap.ValidateTime(r.ReleasedAt); err != nil {
		return fmt.Errorf("channel %s: released-at: %w", got, err)
	}
	release := channelmap.Release[struct{}]{Revision: rev.Revision.Number, ReleasedAt: r.ReleasedAt, Epoch: epochOf(&rev.Revision)}
	if err := s.rows.Answer(arch, want, got, release, false); err != nil {
		return changedMeanwhile(err, arch)
	}
	rev.addFrom(want.String() + " " + arch)
	return nil
}

// places returns the full channel that was requested, and the one that serves it.
func (s *Snap) places(asked string, r *snap.Result) (want, got channel.Channel, err error) {
	if want, err = s.asked(asked, r.RedirectChannel); err != nil || r.EffectiveChannel == "" {
		return want, want, err
	}
	got, err = channel.Parse(r.EffectiveChannel)
	return want, got.WithTrack(channel.DefaultTrack), err
}

// epochOf returns the epoch of a revision in the form that channel maps compare.
func epochOf(r *snap.Revision) channelmap.Epoch {
	return channelmap.NewEpoch(r.Epoch.Read, r.Epoch.Write)
}

// changedMeanwhile explains a conflict between two answers of the store about one row.
func changedMeanwhile(err error, platform string) error {
	var c *channelmap.ConflictError
	if !errors.As(err, &c) {
		return err
	}
	return fmt.Errorf("channel %s for %s changed from revision %d to %d meanwhile: run the export again", c.Channel, platform, c.Have, c.New)
}

// asked returns the full channel that a device means by asked, or by the store's redirect.
func (s *Snap) asked(asked, redirect string) (channel.Channel, error) {
	c, err := channel.Parse(cmp.Or(redirect, asked))
	return c.WithTrack(s.track()), err
}

// push puts a revision into a channel by hand, regardless of the store's release there, and even if the store doesn't know the track.
func (s *Snap) push(arch string, c channel.Channel, r *snap.Revision) error {
	err := s.rows.Push(arch, c, channelmap.Release[struct{}]{Revision: r.Number, Epoch: epochOf(r)})
	if conflict := (*channelmap.ConflictError)(nil); errors.As(err, &conflict) {
		return fmt.Errorf("%w: both revision %d and %d of %s are to be pushed into %s for %s", ErrConflict, conflict.Have, conflict.New, s.Listing.Name, c, arch)
	}
	return err
}

// releases returns the rows as a bundle holds them, sorted, the newest epoch of a row first.
func (s *Snap) releases() []snap.Release {
	out := []snap.Release{}
	for _, row := range s.rows.Rows() {
		at := snap.Release{Architecture: row.Platform, Channel: row.Channel.String()}
		if len(row.Releases) == 0 {
			out = append(out, at)
		}
		for _, r := range row.Releases {
			at.Revision, at.ReleasedAt = r.Revision, r.ReleasedAt
			out = append(out, at)
		}
	}
	slices.SortStableFunc(out, func(a, b snap.Release) int {
		return cmp.Or(cmp.Compare(a.Architecture, b.Architecture), cmp.Compare(a.Channel, b.Channel))
	})
	return out
}
