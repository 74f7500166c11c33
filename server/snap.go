package server

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"offlinestore/catalog"
	"offlinestore/channel"
	"offlinestore/channelmap"
	"offlinestore/snap"
)

// indexedSnap is a snap of the catalogue with the text of its answers.
type indexedSnap struct {
	*catalog.Snap
	object    object
	revisions map[int]*indexedRevision
	channels  *channelmap.Map[string, *row] // by architecture
	// problems are messages for the operator.
	problems []string
}

type indexedRevision struct {
	*catalog.SnapRevision
	object object
}

// row is a row of a channel map or of its history, with the text of its answers.
type row struct {
	architecture string
	channel      channel.Channel
	name         string // as the store's answers name the channel
	releasedAt   string
	revision     *indexedRevision
}

// isPrivate reports whether the snap is private to a store.
func (sn *indexedSnap) isPrivate() bool { return sn.Store != "" }

// newIndexedSnap returns a snap with its answers.
func newIndexedSnap(st *catalog.Snap) (*indexedSnap, error) {
	sn, err := newOutlinedSnap(st)
	if err != nil {
		return nil, err
	}
	if sn.object, err = snapFields.prepare(sn); err != nil {
		return nil, err
	}
	for _, r := range sn.revisions {
		if err := r.prepare(st.SnapID); err != nil {
			return nil, fmt.Errorf("revision %d: %w", r.number(), err)
		}
	}
	return sn, nil
}

// newOutlinedSnap returns a snap without the text of its answers. The outline of a catalog.Snap has enough for its channels.
func newOutlinedSnap(st *catalog.Snap) (*indexedSnap, error) {
	sn := &indexedSnap{
		Snap:      st,
		revisions: make(map[int]*indexedRevision, len(st.Revisions)),
		channels:  channelmap.New[string, *row](st.DefaultTrack, len(st.ChannelMap)),
	}
	for i := range st.Revisions {
		r := &st.Revisions[i]
		if sn.revisions[r.Revision.Number] != nil {
			return nil, fmt.Errorf("revision %d: is there twice", r.Revision.Number)
		}
		sn.revisions[r.Revision.Number] = &indexedRevision{SnapRevision: r}
	}
	return sn, sn.arrangeRows()
}

// prepare makes the text of the answers about a revision.
func (r *indexedRevision) prepare(snapID string) (err error) {
	switch {
	case len(r.ResourceBlobs) != len(r.Resources):
		return fmt.Errorf("%d components and %d blobs of components", len(r.Resources), len(r.ResourceBlobs))
	case len(r.IntegrityBlobs) != len(r.Integrity):
		return fmt.Errorf("integrity data %d times and %d blobs of it", len(r.Integrity), len(r.IntegrityBlobs))
	}
	r.object, err = revisionFields.prepare(snapRevision{r.SnapRevision, snapID})
	return err
}

// arrangeRows fills the channel map.
func (sn *indexedSnap) arrangeRows() error {
	if err := sn.addRows(); err != nil {
		return err
	}
	sn.channels.Arrange(func(a, b *channelmap.Entry[string, *row]) int {
		return cmp.Or(sn.compareChannels(a.Channel, b.Channel), strings.Compare(a.Platform, b.Platform))
	})
	return nil
}

// addRows adds the releases that channels hold, with the overrides of operators, and the releases that they held.
func (sn *indexedSnap) addRows() error {
	served, hidden := sn.Overlay()
	for i, list := range [][]snap.Release{served, hidden, sn.Snap.History} {
		for _, releases := range sn.rowsOf(list, i == 2) {
			row, err := sn.newRow(releases)
			switch {
			case err != nil && i == 2:
				return fmt.Errorf("release history: %w", err)
			case err != nil:
				return fmt.Errorf("channel map: %w", err)
			case i == 2:
				sn.channels.Remember(row)
			case i == 1:
				sn.channels.Offer(row)
			case !sn.channels.Put(row):
				return fmt.Errorf("channel map: %s for %s is there twice", releases[0].Channel, releases[0].Architecture)
			}
		}
	}
	return nil
}

// rowsOf groups releases by row. The history has a row for each release.
func (sn *indexedSnap) rowsOf(list []snap.Release, history bool) [][]snap.Release {
	if !history {
		return snap.Rows(list)
	}
	return slices.Collect(slices.Chunk(list, 1))
}

// newRow returns the row with all releases of a channel for an architecture.
func (sn *indexedSnap) newRow(releases []snap.Release) (channelmap.Row[string, *row], error) {
	arch := releases[0].Architecture
	c, err := channel.Parse(releases[0].Channel)
	if err != nil {
		return channelmap.Row[string, *row]{}, err
	}
	c = c.WithTrack(channel.DefaultTrack)
	closed := channelmap.NewRow[string, *row](arch, c)
	var list []channelmap.Release[*row]
	for _, r := range releases {
		if r.Revision == 0 {
			continue
		}
		rev := sn.revisions[r.Revision]
		if rev == nil {
			return closed, fmt.Errorf("%s for %s: revision %d is not here", r.Channel, arch, r.Revision)
		}
		if !rev.Supports(arch) {
			// One such release must not keep devices from the rest of the catalogue, so the channel counts as closed without it.
			sn.problems = append(sn.problems, fmt.Sprintf("%s for %s: revision %d does not run there, so the channel is closed", r.Channel, arch, r.Revision))
			continue
		}
		list = append(list, channelmap.Release[*row]{
			Revision: r.Revision, Epoch: channelmap.NewEpoch(rev.Epoch.Read, rev.Epoch.Write), ReleasedAt: r.ReleasedAt,
			Everywhere: rev.Supports(snap.All), Value: &row{arch, c, c.Name(), r.ReleasedAt, rev},
		})
	}
	return channelmap.NewRow(arch, c, list...), nil
}

// compareChannels orders channels as answers list them: the default track first, then latest, and branches last.
func (sn *indexedSnap) compareChannels(a, b channel.Channel) int {
	return cmp.Or(compareBools(a.Branch != "", b.Branch != ""), sn.rank(a.Track)-sn.rank(b.Track), strings.Compare(a.Track, b.Track),
		a.RiskLevel()-b.RiskLevel(), strings.Compare(a.Branch, b.Branch))
}

func (sn *indexedSnap) rank(track string) int {
	switch track {
	case sn.DefaultTrack:
		return 0
	case channel.DefaultTrack:
		return 1
	}
	return 2
}

// number returns the revision's own number.
func (r *indexedRevision) number() int { return r.SnapRevision.Revision.Number }
