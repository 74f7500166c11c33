package server

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"offlinestore/catalog"
	"offlinestore/channel"
	"offlinestore/charm"
)

// indexedCharm is a charm or charm bundle of the catalogue with the text of its answers. What is odd in the catalogue costs no more
// than itself: it is left out, and named in oddities.
type indexedCharm struct {
	*catalog.Charm
	revisions map[int]*charmRevision
	resources map[charm.ResourceRef]*charmResource
	// uploads has the revisions of each resource, the newest first.
	uploads map[string][]*charmResource
	rows    map[charmRowKey]*charmRow
	// listed has the open rows: the default channel first, then by track, risk and base. Branches come last.
	listed  []*charmRow
	byBase  map[charm.Base][]*charmRow // those of listed, in its order
	history []*charmRow
	// onlyTrack is where all open rows are, if that is one track.
	onlyTrack string
	// bases are those that some open row is for, as Juju should prefer them.
	bases []charm.Base
	// first is the release that stands for the charm where no channel is named; nil if there is none.
	first    *charmRow
	words    searchText
	oddities []string
}

type charmRowKey struct {
	base    charm.Base // zero for a bundle
	channel channel.Channel
}

// charmRow is a row of a channel map, or of the history of one.
type charmRow struct {
	charmRowKey
	releasedAt string
	revision   *charmRevision // nil: the channel is closed
	resources  []*charmResource
}

// addCharms makes the charms of c ready for answering.
func (ix *index) addCharms(c *catalog.Snapshot) {
	ix.images = len(c.Images)
	ix.charmByName = make(map[string]*indexedCharm, len(c.Charms))
	ix.charmByID = make(map[string]*indexedCharm, len(c.Charms))
	ix.charmFiles = make(map[string]file)
	ix.resourceFiles = make(map[string]*charmResource)
	for i := range c.Charms {
		ch := newIndexedCharm(&c.Charms[i])
		if other := cmp.Or(ix.charmByName[ch.Name], ix.charmByID[ch.ID]); other != nil {
			other.odd("its name or id is that of another charm, %s (%s), too, which is left out", ch.Name, ch.ID)
			continue
		}
		ix.charms = append(ix.charms, ch)
		ix.charmByName[ch.Name], ix.charmByID[ch.ID] = ch, ch
		ix.charmRevisions += len(ch.revisions)
		ix.addCharmFiles(ch)
	}
	slices.SortFunc(ix.charms, func(a, b *indexedCharm) int { return strings.Compare(a.Name, b.Name) })
}

func (ix *index) addCharmFiles(ch *indexedCharm) {
	for n, r := range ch.revisions {
		f := file{blob: r.Blob, size: r.Download.Size}
		ix.charmFiles[charmFileName(ch.ID, ch.Type, n)] = f
	}
	for ref, res := range ch.resources {
		ix.resourceFiles[resourceFileName(ch.ID, ref.Name, ref.Revision)] = res
	}
	if f, name, ok := iconFile(ch.Icon); ok {
		ix.icons[name] = f
	}
}

func newIndexedCharm(st *catalog.Charm) *indexedCharm {
	ch := &indexedCharm{
		Charm:     st,
		revisions: make(map[int]*charmRevision, len(st.Revisions)),
		resources: make(map[charm.ResourceRef]*charmResource, len(st.Resources)),
		uploads:   make(map[string][]*charmResource),
		rows:      make(map[charmRowKey]*charmRow, len(st.ChannelMap)),
	}
	for i := range st.Revisions {
		ch.addRevision(&st.Revisions[i])
	}
	for i := range st.Resources {
		ch.addResource(&st.Resources[i])
	}
	for i := range st.ChannelMap {
		ch.addRow(&st.ChannelMap[i])
	}
	for i := range st.History {
		if r := ch.newRow(&st.History[i]); r != nil && r.revision != nil {
			ch.history = append(ch.history, r)
		}
	}
	ch.arrange()
	ch.words = newCharmText(st)
	return ch
}

func (ch *indexedCharm) odd(format string, args ...any) {
	ch.oddities = append(ch.oddities, fmt.Sprintf(format, args...))
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

// newRow returns nil for a row that says nothing usable.
func (ch *indexedCharm) newRow(r *charm.Release) *charmRow {
	c, err := channel.Parse(r.Channel)
	if err != nil {
		ch.odd("row of the channel map: %v", err)
		return nil
	}
	out := &charmRow{releasedAt: r.ReleasedAt, charmRowKey: charmRowKey{channel: c.WithTrack(channel.DefaultTrack)}}
	if !ch.isBundle() {
		if r.Base == nil || notApplicable(*r.Base) || r.Base.Architecture == "" || r.Base.Architecture == allArchitectures {
			ch.odd("%s: the row is for no concrete base, so it is left out", r.Channel)
			return nil
		}
		out.base = *r.Base
	}
	if r.Revision == 0 {
		return out
	}
	if out.revision = ch.revisions[r.Revision]; out.revision == nil {
		ch.odd("%s for %s: revision %d is not here, so the channel is closed", r.Channel, out.base, r.Revision)
		return out
	}
	for _, ref := range r.Resources {
		if res := ch.resources[ref]; res != nil {
			out.resources = append(out.resources, res)
		} else {
			ch.odd("%s for %s: revision %d of resource %s is not here", r.Channel, out.base, ref.Revision, ref.Name)
		}
	}
	slices.SortStableFunc(out.resources, func(a, b *charmResource) int { return strings.Compare(a.Name, b.Name) })
	return out
}

func (ch *indexedCharm) addRow(r *charm.Release) {
	out := ch.newRow(r)
	switch {
	case out == nil:
	case ch.rows[out.charmRowKey] != nil:
		ch.odd("%s for %s is there twice", r.Channel, out.base)
	default:
		ch.rows[out.charmRowKey] = out
		if out.revision != nil {
			ch.listed = append(ch.listed, out)
		}
	}
}

func (ch *indexedCharm) arrange() {
	for _, list := range ch.uploads {
		slices.SortFunc(list, func(a, b *charmResource) int { return b.Revision - a.Revision })
	}
	for _, r := range ch.listed {
		ch.bases = append(ch.bases, r.base)
	}
	if len(ch.listed) > 0 {
		ch.onlyTrack = ch.listed[0].channel.Track
	}
	if slices.ContainsFunc(ch.listed, func(r *charmRow) bool { return r.channel.Track != ch.onlyTrack }) {
		ch.onlyTrack = ""
	}
	charm.SortBases(ch.bases)
	ch.bases = slices.Compact(ch.bases)
	rank := make(map[charm.Base]int, len(ch.bases))
	for i, b := range ch.bases {
		rank[b] = i
	}
	slices.SortFunc(ch.listed, func(a, b *charmRow) int {
		return cmp.Or(ch.compareChannels(a.channel, b.channel), rank[a.base]-rank[b.base])
	})
	ch.byBase = make(map[charm.Base][]*charmRow, len(ch.bases))
	for _, r := range ch.listed {
		ch.byBase[r.base] = append(ch.byBase[r.base], r)
	}
	slices.SortStableFunc(ch.history, func(a, b *charmRow) int { return -compareTimes(a.releasedAt, b.releasedAt) })
	for _, r := range ch.listed {
		// The first of the list is of the stablest risk of the default track, or of another one where that has nothing.
		if r.channel.Branch == "" && r.channel == ch.listed[0].channel && (ch.first == nil || newer(r, ch.first)) {
			ch.first = r
		}
	}
}

// newer says whether a was released after b.
func newer(a, b *charmRow) bool {
	return cmp.Or(compareTimes(a.releasedAt, b.releasedAt), a.revision.number()-b.revision.number()) > 0
}

// compareChannels orders channels as answers list them.
func (ch *indexedCharm) compareChannels(a, b channel.Channel) int {
	return cmp.Or(compareBools(b.Branch == "", a.Branch == ""), compareBools(b.Track == ch.track(), a.Track == ch.track()),
		compareBools(b.Track == channel.DefaultTrack, a.Track == channel.DefaultTrack), -compareVersions(a.Track, b.Track),
		strings.Compare(a.Track, b.Track), a.RiskLevel()-b.RiskLevel(), strings.Compare(a.Branch, b.Branch))
}

// track is the default track. What nobody signed may not say which it is: then it is the only one, if all is in one.
func (ch *indexedCharm) track() string {
	return cmp.Or(ch.DefaultTrack, ch.onlyTrack, channel.DefaultTrack)
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

// zoned returns at if it is a time that Juju can read: one with a zone. Any other would cost Juju the whole answer.
func zoned(at string) string {
	if _, err := time.Parse(time.RFC3339, at); err != nil {
		return ""
	}
	return at
}
