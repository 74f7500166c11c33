package server

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"offlinestore/catalog"
	"offlinestore/channel"
	"offlinestore/snap"
)

// indexedSnap is a snap of the catalogue with the text of its answers.
type indexedSnap struct {
	*catalog.Snap
	object    object
	revisions map[int]*indexedRevision
	// rows has what each channel holds for the architecture that it is listed for.
	rows map[rowKey]*row
	// anywhere has, of each channel, the rows of any architecture whose revision runs on all, the latest release first.
	anywhere map[channel.Channel][]*row
	// listed has the open rows: the default channel first, then by track and risk. Branches come last.
	listed  []*row
	history []*row
	words   searchText
	// oddities are what an operator should know of.
	oddities []string
}

type indexedRevision struct {
	*catalog.SnapRevision
	object object
}

type rowKey struct {
	architecture string
	channel      channel.Channel
}

// row is a row of a channel map, or of the history of one.
type row struct {
	rowKey
	name       string // as the store's answers name the channel
	releasedAt string
	revision   *indexedRevision // nil: the channel is closed
}

func newIndexedSnap(st *catalog.Snap) (*indexedSnap, error) {
	sn := &indexedSnap{
		Snap:      st,
		revisions: make(map[int]*indexedRevision, len(st.Revisions)),
		rows:      make(map[rowKey]*row, len(st.ChannelMap)),
		anywhere:  make(map[channel.Channel][]*row),
	}
	var err error
	if sn.object, err = snapFields.prepare(sn); err != nil {
		return nil, err
	}
	for i := range st.Revisions {
		if err := sn.addRevision(&st.Revisions[i]); err != nil {
			return nil, fmt.Errorf("revision %d: %w", st.Revisions[i].Revision.Number, err)
		}
	}
	if err := sn.addRows(st); err != nil {
		return nil, err
	}
	for i := range st.History {
		r, err := sn.newRow(&st.History[i])
		if err != nil {
			return nil, fmt.Errorf("release history: %w", err)
		}
		if r.revision != nil {
			sn.history = append(sn.history, r)
		}
	}
	sn.arrange()
	sn.words = newSearchText(sn)
	return sn, nil
}

func (sn *indexedSnap) addRevision(r *catalog.SnapRevision) error {
	n := r.Revision.Number
	switch {
	case sn.revisions[n] != nil:
		return fmt.Errorf("is there twice")
	case len(r.ResourceBlobs) != len(r.Resources):
		return fmt.Errorf("%d components and %d blobs of components", len(r.Resources), len(r.ResourceBlobs))
	}
	o, err := revisionFields.prepare(snapRevision{r, sn.SnapID})
	if err != nil {
		return err
	}
	sn.revisions[n] = &indexedRevision{SnapRevision: r, object: o}
	return nil
}

func (sn *indexedSnap) newRow(r *snap.Release) (*row, error) {
	c, err := channel.Parse(r.Channel)
	if err != nil {
		return nil, err
	}
	out := &row{rowKey: rowKey{r.Architecture, c.WithTrack(channel.DefaultTrack)}, releasedAt: r.ReleasedAt}
	out.name = out.channel.Name()
	if r.Revision == 0 {
		return out, nil
	}
	if out.revision = sn.revisions[r.Revision]; out.revision == nil {
		return nil, fmt.Errorf("%s for %s: revision %d is not here", r.Channel, r.Architecture, r.Revision)
	}
	if !out.revision.Supports(r.Architecture) {
		// One such row must not keep devices from all the rest of the catalogue, so it is as good as closed.
		sn.oddities = append(sn.oddities, fmt.Sprintf("%s for %s: revision %d does not run there, so the channel is closed", r.Channel, r.Architecture, r.Revision))
		out.revision = nil
	}
	return out, nil
}

func (sn *indexedSnap) addRow(r *snap.Release) error {
	out, err := sn.newRow(r)
	if err != nil {
		return err
	}
	if sn.rows[out.rowKey] != nil {
		return fmt.Errorf("%s for %s is there twice", r.Channel, r.Architecture)
	}
	sn.rows[out.rowKey] = out
	if out.revision == nil {
		return nil
	}
	sn.listed = append(sn.listed, out)
	if out.revision.Supports(snap.All) {
		sn.anywhere[out.channel] = append(sn.anywhere[out.channel], out)
	}
	return nil
}

func (sn *indexedSnap) arrange() {
	for _, rows := range sn.anywhere {
		slices.SortFunc(rows, func(a, b *row) int {
			return cmp.Or(-compareTimes(a.releasedAt, b.releasedAt), strings.Compare(a.architecture, b.architecture))
		})
	}
	slices.SortFunc(sn.listed, func(a, b *row) int {
		return cmp.Or(strings.Compare(sn.place(a.channel), sn.place(b.channel)), strings.Compare(a.architecture, b.architecture))
	})
}

// place orders channels as answers list them.
func (sn *indexedSnap) place(c channel.Channel) string {
	track := "2" + c.Track
	switch c.Track {
	case sn.DefaultTrack:
		track = "0"
	case channel.DefaultTrack:
		track = "1"
	}
	if c.Branch != "" {
		track = "3" + track
	}
	return fmt.Sprintf("%s\x00%d\x00%s", track, c.RiskLevel(), c.Branch)
}

func sortSnaps(snaps []*indexedSnap) {
	slices.SortFunc(snaps, func(a, b *indexedSnap) int { return strings.Compare(a.Name, b.Name) })
}

// number is the revision's own number.
func (r *indexedRevision) number() int { return r.SnapRevision.Revision.Number }
