package exporter

import (
	"errors"
	"fmt"
	"slices"

	"offlinestore/channel"
	"offlinestore/channelmap"
	"offlinestore/snap"
	"offlinestore/upstream"
)

// maxEpochs bounds the older epochs for which one release is followed up. They are the nearest ones.
const maxEpochs = 64

// epochQuery asks for the release for devices with data of an epoch that newest, the release of a channel, can't read.
type epochQuery struct {
	snap      *Snap
	query     *snapQuery
	newest    *snap.Revision
	want, got channel.Channel
	epoch     uint32
}

// resolveEpochs asks the store for the releases that devices with data of older epochs would get from the same channels.
func (p *planner) resolveEpochs(arch string, queries []*snapQuery, results []snap.Result) error {
	var asked []epochQuery
	var sent []upstream.EpochQuery
	for i, w := range queries {
		r := &results[i]
		if r.Error != nil || r.Snap == nil || w.revision > 0 {
			continue
		}
		q := epochQuery{snap: p.snaps[w.name], query: w, newest: &r.Snap.Revision}
		var err error
		if q.want, q.got, err = q.snap.places(w.channel, r); err != nil {
			return storeError("the store's answer about %s: %w", w.name, err)
		}
		for _, q.epoch = range unreadEpochs(r.Snap.Revision.Epoch) {
			asked = append(asked, q)
			sent = append(sent, upstream.EpochQuery{SnapID: q.snap.Listing.SnapID, Channel: q.want.String(), Epoch: q.epoch})
		}
	}
	if len(asked) == 0 {
		return nil
	}
	names := make(map[string]string, len(sent))
	for _, q := range asked {
		names[q.snap.Listing.SnapID] = q.query.name
	}
	answers, err := askEach(p, sent, func(q upstream.EpochQuery) string { return names[q.SnapID] }, func(c *upstream.Client, some []upstream.EpochQuery) ([]*snap.Result, error) {
		return c.ResolveEpochs(p.ctx, arch, some)
	})
	if err != nil {
		return &StoreError{err}
	}
	for i, r := range answers {
		err := asked[i].accept(arch, r)
		if errors.Is(err, ErrConflict) {
			return err // the operator is to blame, not the store
		}
		if err != nil {
			return storeError("the store's answer about %s: %w", asked[i].query.name, err)
		}
	}
	return nil
}

// unreadEpochs returns the epochs older than e that a revision of e can't read, the newest first.
func unreadEpochs(e snap.Epoch) (out []uint32) {
	for n := channelmap.NewEpoch(e.Read, e.Write).Write; n > 0 && len(out) < maxEpochs; {
		if n--; !slices.Contains(e.Read, n) {
			out = append(out, n)
		}
	}
	return out
}

// accept adds the store's answer to the plan. The answer is nil, or about another revision than q asks for, if there is no release for
// these devices.
func (q *epochQuery) accept(arch string, r *snap.Result) error {
	switch {
	case r == nil || r.Error != nil && r.Error.Code == snap.CodeRevisionNotFound:
		return nil
	case r.Error != nil:
		reason := fmt.Sprintf("for devices with data of epoch %d, the store refuses it: %s (%s)", q.epoch, r.Error.Message, r.Error.Code)
		q.query.gaps = append(q.query.gaps, q.query.gap(arch, reason))
		return nil
	case r.Snap.SnapID != q.snap.Listing.SnapID || r.Snap.Name != q.snap.Listing.Name:
		return fmt.Errorf("it is about %s (%s)", r.Snap.Name, r.Snap.SnapID)
	case r.Snap.Private && q.snap.Listing.Store == "":
		return &PrivateError{Snaps: []string{r.Snap.Name}}
	}
	found := &r.Snap.Revision
	data := snap.Epoch{Read: []uint32{q.epoch}, Write: []uint32{q.epoch}}
	// An answer that means "no update" may have no more than the number of the revision.
	noUpdate := found.Number == upstream.AskingRevision && r.EffectiveChannel == ""
	if noUpdate || !found.Epoch.CanRead(data) || epochOf(found).Compare(epochOf(q.newest)) >= 0 {
		return nil
	}
	if err := found.Validate(); err != nil {
		return err
	}
	if err := snap.ValidateTime(r.ReleasedAt); err != nil {
		return fmt.Errorf("channel %s: released-at: %w", q.got, err)
	}
	rev, err := q.snap.revision(found)
	if err != nil {
		return err
	}
	if !slices.Contains(rev.archs, arch) {
		rev.archs = append(rev.archs, arch)
	}
	rev.addFrom(fmt.Sprintf("%s %s with data of epoch %d", q.want, arch, q.epoch))
	// Some stores look further, in a stabler channel. Devices must find the release in the channel that holds the newest one.
	q.snap.rows.AnswerOlder(arch, q.got, channelmap.Release[struct{}]{Revision: found.Number, ReleasedAt: r.ReleasedAt, Epoch: epochOf(found)})
	return q.snap.pushAnswer(arch, q.query, rev)
}
