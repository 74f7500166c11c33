package server

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"offlinestore/catalog"
	"offlinestore/channel"
	"offlinestore/channelmap"
	"offlinestore/charm"
)

// indexedCharm is a charm or charm bundle of the catalogue with the text of its answers. An unusable part of the catalogue is left
// out and listed in problems, and the rest is served.
type indexedCharm struct {
	*catalog.Charm
	revisions map[int]*charmRevision
	resources map[charm.ResourceRef]*charmResource
	// uploads has the revisions of each resource, the newest first.
	uploads map[string][]*charmResource
	// channels list the default channel first, then by track, risk and base. Branches come last.
	channels *channelmap.Map[charm.Base, *charmRow]
	// bases are the bases of open rows, in the order in which Juju should prefer them.
	bases []charm.Base
	// first is the release to show if a client names no channel; nil if there is none.
	first    *charmRow
	words    searchText
	problems []string
}

// charmRow is a row of a channel map or of its history, with the parts of its answers.
type charmRow struct {
	base       charm.Base // zero for a bundle
	channel    channel.Channel
	releasedAt string
	revision   *charmRevision
	resources  []*charmResource
}

// The types in the channel map of a charm.
type (
	charmEntry  = channelmap.Entry[charm.Base, *charmRow]
	charmMapRow = channelmap.Row[charm.Base, *charmRow]
)

// arrangeCharms prepares the charms anew if one of them, or an image, has changed.
func (b *builder) arrangeCharms(changes *catalog.Changes) {
	if !b.isWhole && len(changes.CharmIDs) == 0 && !changes.HasImages {
		return
	}
	c := changes.MergeCharms(b.charmCatalog)
	b.charmContent = charmContent{charmCatalog: c}
	b.addCharms(c)
}

// addCharms prepares the charms of c.
func (cc *charmContent) addCharms(c *catalog.Snapshot) {
	cc.images = len(c.Images)
	cc.charmByName = make(map[string]*indexedCharm, len(c.Charms))
	cc.charmByID = make(map[string]*indexedCharm, len(c.Charms))
	cc.charmFiles, cc.charmIcons = make(map[string]file), make(map[string]file)
	cc.resourceFiles = make(map[string]*charmResource)
	for i := range c.Charms {
		ch := newIndexedCharm(&c.Charms[i])
		if other := cmp.Or(cc.charmByName[ch.Name], cc.charmByID[ch.ID]); other != nil {
			other.odd("its name or id is that of another charm, %s (%s), too, which is left out", ch.Name, ch.ID)
			continue
		}
		cc.charms = append(cc.charms, ch)
		cc.charmByName[ch.Name], cc.charmByID[ch.ID] = ch, ch
		cc.charmRevisions += len(ch.revisions)
		cc.addCharmFiles(ch)
	}
	slices.SortFunc(cc.charms, func(a, b *indexedCharm) int { return strings.Compare(a.Name, b.Name) })
	cc.setImageNames(c)
}

func (cc *charmContent) addCharmFiles(ch *indexedCharm) {
	for n, r := range ch.revisions {
		f := file{blob: r.Blob, size: r.Download.Size}
		cc.charmFiles[charmFileName(ch.ID, ch.Type, n)] = f
	}
	for ref, res := range ch.resources {
		cc.resourceFiles[resourceFileName(ch.ID, ref.Name, ref.Revision)] = res
	}
	if f, name, ok := iconFile(ch.Icon); ok {
		cc.charmIcons[name] = f
	}
}

func newIndexedCharm(st *catalog.Charm) *indexedCharm {
	ch := &indexedCharm{
		Charm:     st,
		revisions: make(map[int]*charmRevision, len(st.Revisions)),
		resources: make(map[charm.ResourceRef]*charmResource, len(st.Resources)),
		uploads:   make(map[string][]*charmResource),
		channels:  channelmap.New[charm.Base, *charmRow]("", len(st.ChannelMap)),
	}
	released := releasedBases(st)
	for i := range st.Revisions {
		ch.addRevision(withBases(&st.Revisions[i], released))
	}
	for i := range st.Resources {
		ch.addResource(&st.Resources[i])
	}
	ch.addRows(st)
	ch.words = newCharmText(st)
	return ch
}

func (ch *indexedCharm) odd(format string, args ...any) {
	ch.problems = append(ch.problems, fmt.Sprintf(format, args...))
}

func (ch *indexedCharm) isBundle() bool { return ch.Type == charm.TypeBundle }

func (ch *indexedCharm) addRevision(r *catalog.CharmRevision) {
	n := r.Revision.Number
	switch {
	case ch.revisions[n] != nil:
		ch.odd("revision %d is there twice", n)
		return
	case n < 0 || r.Blob.Validate() != nil:
		ch.odd("revision %d has no archive, so it is left out", n)
		return
	case !ch.isBundle() && r.MetadataYAML == "":
		ch.odd("revision %d has no metadata.yaml, without which Juju does not deploy it", n)
	}
	ch.revisions[n] = newCharmRevision(ch.Charm, r)
}

func (ch *indexedCharm) addResource(r *catalog.CharmResource) {
	ref := charm.ResourceRef{Name: r.Name, Revision: r.Revision}
	res, err := newCharmResource(ch.ID, r)
	switch {
	case ch.resources[ref] != nil:
		ch.odd("revision %d of resource %s is there twice", ref.Revision, ref.Name)
	case err != nil:
		ch.odd("revision %d of resource %s is left out: %v", ref.Revision, ref.Name, err)
	default:
		ch.resources[ref] = res
		ch.uploads[ref.Name] = append(ch.uploads[ref.Name], res)
	}
}

// newRow returns a row of the channel map. It reports false for a row without a usable part.
func (ch *indexedCharm) newRow(r *charm.Release) (row charmMapRow, ok bool) {
	c, err := channel.Parse(r.Channel)
	if err != nil {
		ch.odd("row of the channel map: %v", err)
		return row, false
	}
	out := &charmRow{releasedAt: r.ReleasedAt, channel: c.WithTrack(channel.DefaultTrack)}
	if !ch.isBundle() {
		if r.Base == nil || notApplicable(*r.Base) || r.Base.Architecture == "" || r.Base.Architecture == allArchitectures {
			ch.odd("%s: the row is for no concrete base, so it is left out", r.Channel)
			return row, false
		}
		out.base = *r.Base
	}
	row = channelmap.NewRow[charm.Base, *charmRow](out.base, out.channel)
	if r.Revision == 0 {
		return row, true
	}
	if out.revision = ch.revisions[r.Revision]; out.revision == nil {
		ch.odd("%s for %s: revision %d is not here, so the channel is closed", r.Channel, out.base, r.Revision)
		return row, true
	}
	for _, ref := range r.Resources {
		if res := ch.resources[ref]; res != nil {
			out.resources = append(out.resources, res)
		} else {
			ch.odd("%s for %s: revision %d of resource %s is not here", r.Channel, out.base, ref.Revision, ref.Name)
		}
	}
	slices.SortStableFunc(out.resources, func(a, b *charmResource) int { return strings.Compare(a.Name, b.Name) })
	return channelmap.NewRow(out.base, out.channel, channelmap.Release[*charmRow]{Revision: r.Revision, ReleasedAt: r.ReleasedAt, Value: out}), true
}

// addRows adds the releases that channels hold, and the releases that they held.
func (ch *indexedCharm) addRows(st *catalog.Charm) {
	var tracks []string
	for _, r := range st.ChannelMap {
		row, ok := ch.newRow(&r)
		switch {
		case !ok:
		case !ch.channels.Put(row):
			ch.odd("%s for %s is there twice", r.Channel, row.Platform)
		case row.Newest().Revision != 0:
			ch.bases, tracks = append(ch.bases, row.Platform), append(tracks, row.Channel.Track)
		}
	}
	var history []charmMapRow
	for _, r := range st.History {
		if row, ok := ch.newRow(&r); ok {
			history = append(history, row)
		}
	}
	slices.SortStableFunc(history, func(a, b charmMapRow) int {
		return -channelmap.CompareTimes(a.Newest().ReleasedAt, b.Newest().ReleasedAt)
	})
	for _, row := range history {
		ch.channels.Remember(row)
	}
	slices.Sort(tracks)
	ch.arrange(slices.Compact(tracks))
}

// arrange orders the rows and finds the bases and the first release. The tracks are the tracks of the open rows. If an unsigned
// charm names no default track and has one track, that track is its default.
func (ch *indexedCharm) arrange(tracks []string) {
	ch.channels.DefaultTrack = ch.DefaultTrack
	if ch.DefaultTrack == "" && len(tracks) == 1 {
		ch.channels.DefaultTrack = tracks[0]
	}
	for _, list := range ch.uploads {
		slices.SortFunc(list, func(a, b *charmResource) int { return b.Revision - a.Revision })
	}
	charm.SortBases(ch.bases)
	ch.bases = slices.Compact(ch.bases)
	rank := make(map[charm.Base]int, len(ch.bases))
	for i, b := range ch.bases {
		rank[b] = i
	}
	ch.channels.Arrange(func(a, b *charmEntry) int {
		return cmp.Or(ch.compareChannels(a.Channel, b.Channel), rank[a.Platform]-rank[b.Platform])
	})
	// The first row of the list has the stablest risk of the default track, or of another track if the default track holds nothing.
	if open := ch.channels.Open(); len(open) > 0 && open[0].Channel.Branch == "" {
		ch.first = charmRowOf(ch.channels.Newest(open[0].Channel))
	}
}

func charmRowOf(e *charmEntry) *charmRow {
	if e == nil {
		return nil
	}
	return e.Value
}

// compareChannels orders channels as answers list them.
func (ch *indexedCharm) compareChannels(a, b channel.Channel) int {
	return cmp.Or(compareBools(b.Branch == "", a.Branch == ""), compareBools(b.Track == ch.track(), a.Track == ch.track()),
		compareBools(b.Track == channel.DefaultTrack, a.Track == channel.DefaultTrack), -compareVersions(a.Track, b.Track),
		strings.Compare(a.Track, b.Track), a.RiskLevel()-b.RiskLevel(), strings.Compare(a.Branch, b.Branch))
}

// track returns the default track.
func (ch *indexedCharm) track() string {
	return cmp.Or(ch.channels.DefaultTrack, channel.DefaultTrack)
}

func compareBools(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}

// zoned returns at if Juju can read it, which needs a time zone; else it returns "". One unreadable time would cost Juju the whole
// answer.
func zoned(at string) string {
	if _, err := time.Parse(time.RFC3339, at); err != nil {
		return ""
	}
	return at
}
