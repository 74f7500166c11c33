package server

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"

	"offlinestore/catalog"
	"offlinestore/channel"
	"offlinestore/channelmap"
	"offlinestore/snap"
)

// indexedSnap is a snap of the catalogue with the text of its answers.
type indexedSnap struct {
	SnapID, Name, DefaultTrack string
	// store is the store that the snap is private to, empty for a global one.
	store     string
	object    object
	revisions []*indexedRevision            // by number
	channels  *channelmap.Map[string, *row] // by architecture
	// problems are messages for the operator.
	problems []string
	// whole is the snap with all its texts. It is nil if they are in the spool, from which the cache reads them for entry.
	whole *catalog.Snap
	entry *snapEntry
	cache *snapCache
	// size is about the number of bytes in memory, and isCached is set while the cache counts them. The cache has the lock on both.
	size     int64
	isCached bool
}

// indexedRevision is a revision in little memory.
type indexedRevision struct {
	snap              *indexedSnap
	number            int
	architectures     []string
	epoch             snap.Epoch
	confinement, kind string
	// prepared is the text of the answers. It is nil until a client asks for it.
	prepared atomic.Pointer[object]
}

// row is a row of a channel map or of its history, with the text of its answers.
type row struct {
	architecture string
	channel      channel.Channel
	name         string // as the store's answers name the channel
	releasedAt   string
	revision     *indexedRevision
}

// newIndexedSnap returns a snap with its answers, all of which are in memory.
func newIndexedSnap(st *catalog.Snap) (*indexedSnap, error) {
	sn, err := newOutlinedSnap(st)
	if err != nil {
		return nil, err
	}
	sn.whole = st
	if sn.object, err = snapFields.prepare(st); err != nil {
		return nil, err
	}
	for i, r := range sn.revisions {
		o, err := prepareRevision(&st.Revisions[i], st.SnapID)
		if err != nil {
			return nil, fmt.Errorf("revision %d: %w", r.number, err)
		}
		r.prepared.Store(&o)
	}
	return sn, nil
}

// newOutlinedSnap returns a snap without the text of its answers. The outline of a catalog.Snap has enough for its channels.
func newOutlinedSnap(st *catalog.Snap) (*indexedSnap, error) {
	sn := &indexedSnap{
		SnapID: st.SnapID, Name: st.Name, DefaultTrack: st.DefaultTrack, store: st.Store,
		revisions: make([]*indexedRevision, len(st.Revisions)),
		channels:  channelmap.New[string, *row](st.DefaultTrack, len(st.ChannelMap)),
	}
	list := make([]indexedRevision, len(st.Revisions))
	for i := range st.Revisions {
		r, from := &list[i], &st.Revisions[i]
		r.snap, r.number, r.architectures, r.epoch, r.confinement, r.kind = sn, from.Number, from.Architectures, from.Epoch, from.Confinement, from.Type
		if sn.revisions[i] = r; i > 0 && r.number <= list[i-1].number {
			return nil, fmt.Errorf("revision %d: is there twice, or not in order", r.number)
		}
	}
	return sn, sn.arrangeRows(st)
}

// prepareRevision returns the text of the answers about a revision.
func prepareRevision(r *catalog.SnapRevision, snapID string) (object, error) {
	switch {
	case len(r.ResourceBlobs) != len(r.Resources):
		return object{}, fmt.Errorf("%d components and %d blobs of components", len(r.Resources), len(r.ResourceBlobs))
	case len(r.IntegrityBlobs) != len(r.Integrity):
		return object{}, fmt.Errorf("integrity data %d times and %d blobs of it", len(r.Integrity), len(r.IntegrityBlobs))
	}
	return revisionFields.prepare(snapRevision{r, snapID})
}

// revision returns the revision with a number, or nil.
func (sn *indexedSnap) revision(number int) *indexedRevision {
	i, ok := slices.BinarySearchFunc(sn.revisions, number, func(r *indexedRevision, n int) int { return cmp.Compare(r.number, n) })
	if !ok {
		return nil
	}
	return sn.revisions[i]
}

// runsOn reports whether the revision runs on an architecture.
func (r *indexedRevision) runsOn(arch string) bool {
	return (&snap.Revision{Architectures: r.architectures}).Supports(arch)
}

// arrangeRows fills the channel map with the releases of st.
func (sn *indexedSnap) arrangeRows(st *catalog.Snap) error {
	if err := sn.addRows(st); err != nil {
		return err
	}
	sn.channels.Arrange(func(a, b *channelmap.Entry[string, *row]) int {
		return cmp.Or(sn.compareChannels(a.Channel, b.Channel), strings.Compare(a.Platform, b.Platform))
	})
	return nil
}

// addRows adds the releases that channels hold, with the overrides of operators, and the releases that they held.
func (sn *indexedSnap) addRows(st *catalog.Snap) error {
	served, hidden := st.Overlay()
	for i, list := range [][]snap.Release{served, hidden, st.History} {
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
		rev := sn.revision(r.Revision)
		if rev == nil {
			return closed, fmt.Errorf("%s for %s: revision %d is not here", r.Channel, arch, r.Revision)
		}
		if !rev.runsOn(arch) {
			// One such release must not keep devices from the rest of the catalogue, so the channel counts as closed without it.
			sn.problems = append(sn.problems, fmt.Sprintf("%s for %s: revision %d does not run there, so the channel is closed", r.Channel, arch, r.Revision))
			continue
		}
		list = append(list, channelmap.Release[*row]{
			Revision: r.Revision, Epoch: channelmap.NewEpoch(rev.epoch.Read, rev.epoch.Write), ReleasedAt: r.ReleasedAt,
			Everywhere: rev.runsOn(snap.All), Value: &row{arch, c, c.Name(), r.ReleasedAt, rev},
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
