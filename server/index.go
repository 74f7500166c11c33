package server

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/opencontainers/go-digest"

	"offlinestore/assertion"
	"offlinestore/catalog"
	"offlinestore/channel"
)

// index is a catalogue as some devices see it, with prepared answers. It does not change. The one from newIndex is for everybody, and has the
// others in views.
type index struct {
	views

	generation int64
	moment     catalog.Moment
	// reloadAt is the time at which a hold ends, so that the catalogue must be loaded again. It is zero for none.
	reloadAt   time.Time
	imports    int
	lastImport time.Time
	snaps      []*indexedSnap // by name
	byName     layer[*indexedSnap]
	byID       layer[*indexedSnap]
	// channels holds the channels of the catalogue by their usual spellings, so that requests need no parsing.
	channels   layer[channel.Channel]
	files      layer[file] // by the last part of the path of their URL
	icons      layer[file]
	assertions layer[[]*indexedAssertion] // by type and primary key, the newest revision first
	sequences  layer[[]*indexedAssertion] // by type and sequence key, the last point first
	revisions  int
	asserts    int
	names      func() []*nameEntry
	categories []string
	// gates has the snaps that control the refreshes of a snap, by its ID, and approved the revisions that they approve.
	gates    layer[[]string]
	approved layer[bool] // by the IDs of both snaps and the revision
	// brandKeys finds the accounts, keys and models among the assertions.
	brandKeys *brandKeys
	// serialModels are the models whose devices this store registers.
	serialModels []catalog.ModelPolicy
	// hasFeatured reports whether a snap is featured.
	hasFeatured bool

	charms      []*indexedCharm // by name
	charmByName map[string]*indexedCharm
	charmByID   map[string]*indexedCharm
	// charmFiles and resourceFiles are by the last part of the path of their URL.
	charmFiles     map[string]file
	resourceFiles  map[string]*charmResource
	charmRevisions int
	images         int
}

// file is a blob that is served under a URL.
type file struct {
	blob      digest.Digest
	size      int64
	mediaType string
	// private is set for a file of a private snap, which no cache may keep for others.
	private bool
}

// newIndex indexes a catalogue. It adds the known assertions that the catalogue does not have.
func newIndex(c *catalog.Snapshot, known []*assertion.Assertion) (*index, error) {
	ix := &index{generation: c.Generation, moment: c.Moment, imports: c.Imports, lastImport: c.LastImport, serialModels: c.DeviceModels}
	ix.brandKeys = &brandKeys{ix: ix}
	for _, risk := range []string{channel.Stable, channel.Candidate, channel.Beta, channel.Edge} {
		ix.know(channel.Channel{Track: channel.DefaultTrack, Risk: risk})
		ix.channels.set(risk, channel.Channel{Risk: risk})
	}
	private, err := ix.addSnaps(c.Snaps)
	if err != nil {
		return nil, err
	}
	ix.addCharms(c)
	hidden, err := ix.addAssertions(c.Assertions, known, private, c.AbsentPrivate)
	if err != nil {
		return nil, err
	}
	ix.arrange()
	if err := ix.addViews(c.Stores, private, hidden); err != nil {
		return nil, err
	}
	return ix, ix.everything.addPins()
}

// addSnaps adds the global snaps, and returns the private ones.
func (ix *index) addSnaps(list []catalog.Snap) (private privateSnaps, err error) {
	names, ids := make(map[string]bool, len(list)), make(map[string]bool, len(list))
	for i := range list {
		st := &list[i]
		if names[st.Name] || ids[st.SnapID] {
			return nil, fmt.Errorf("index snap %s: name or snap-id %s is there twice", st.Name, st.SnapID)
		}
		names[st.Name], ids[st.SnapID] = true, true
		sn, err := newIndexedSnap(st)
		if err != nil {
			return nil, fmt.Errorf("index snap %s: %w", st.Name, err)
		}
		if st.Store != "" {
			private = append(private, sn)
			continue
		}
		ix.addSnap(sn)
	}
	return private, nil
}

// arrange derives what follows from all snaps of the index.
func (ix *index) arrange() {
	sortSnaps(ix.snaps)
	ix.categories = categoryNames(ix.snaps)
	ix.hasFeatured = slices.ContainsFunc(ix.snaps, func(sn *indexedSnap) bool { return inCategory(sn, featured) })
	// Devices ask for the names once a day.
	ix.names = sync.OnceValue(func() []*nameEntry { return listNames(ix.snaps) })
}

func (ix *index) addSnap(sn *indexedSnap) {
	for i := range sn.Revisions {
		ix.addFiles(sn.Snap, &sn.Revisions[i])
	}
	for _, r := range sn.Revisions {
		for _, c := range r.OlderComponents {
			if name := componentFileName(sn.SnapID, c.Name, c.Revision); ix.files.get(name).blob == "" {
				ix.files.set(name, file{blob: c.Blob, size: c.Size, private: sn.isPrivate()})
			}
		}
	}
	if f, name, ok := iconFile(sn.Icon); ok {
		f.private = sn.isPrivate()
		ix.icons.set(name, f)
	}
	for c := range sn.channels.Channels {
		ix.know(c)
	}
	ix.revisions += len(sn.Revisions)
	ix.snaps = append(ix.snaps, sn)
	ix.byName.set(sn.Name, sn)
	ix.byID.set(sn.SnapID, sn)
}

func (ix *index) know(c channel.Channel) {
	ix.channels.set(c.String(), c)
}

func (ix *index) addFiles(st *catalog.Snap, r *catalog.SnapRevision) {
	add := func(name string, blob digest.Digest, size int64) {
		ix.files.set(name, file{blob: blob, size: size, private: st.Store != ""})
	}
	add(snapFileName(st.SnapID, r.Revision.Number), r.Blob, r.Download.Size)
	for i, c := range r.Resources {
		add(componentFileName(st.SnapID, c.Name, c.Revision), r.ResourceBlobs[i], c.Download.Size)
	}
	for i := range r.Integrity {
		in := &r.Integrity[i]
		add(integrityFileName(st.SnapID, r.Revision.Number, in), r.IntegrityBlobs[i], in.Download.Size)
	}
}

// parseChannel parses a channel. It is faster than channel.Parse for channels of the catalogue.
func (ix *index) parseChannel(s string) (channel.Channel, error) {
	if c, ok := ix.channels.lookUp(s); ok {
		return c, nil
	}
	return channel.Parse(s)
}

// find looks a snap up by id or, if id is empty, by name.
func (ix *index) find(id, name string) *indexedSnap {
	if id != "" {
		return ix.byID.get(id)
	}
	return ix.byName.get(name)
}
