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

// index is a catalogue with prepared answers. It does not change.
type index struct {
	generation int64
	moment     catalog.Moment
	imports    int
	lastImport time.Time
	snaps      []*indexedSnap // by name
	byName     map[string]*indexedSnap
	byID       map[string]*indexedSnap
	// channels holds the channels of the catalogue by their usual spellings, so that requests need no parsing.
	channels   map[string]channel.Channel
	files      map[string]file // by the last part of the path of their URL
	icons      map[string]file
	assertions map[string][]*indexedAssertion // by type and primary key, the newest revision first
	sequences  map[string][]*indexedAssertion // by type and sequence key, the last point first
	revisions  int
	asserts    int
	names      func() []nameEntry
	categories []string
	// brandKeys finds the accounts and keys among the assertions.
	brandKeys *brandKeys
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
}

// newIndex indexes a catalogue. It adds the known assertions that the catalogue does not have.
func newIndex(c *catalog.Snapshot, known []*assertion.Assertion) (*index, error) {
	ix := &index{
		generation: c.Generation,
		moment:     c.Moment,
		imports:    c.Imports,
		lastImport: c.LastImport,
		byName:     make(map[string]*indexedSnap, len(c.Snaps)),
		byID:       make(map[string]*indexedSnap, len(c.Snaps)),
		channels:   make(map[string]channel.Channel),
		files:      make(map[string]file),
		icons:      make(map[string]file),
	}
	ix.brandKeys = &brandKeys{ix: ix}
	for _, risk := range []string{channel.Stable, channel.Candidate, channel.Beta, channel.Edge} {
		ix.know(channel.Channel{Track: channel.DefaultTrack, Risk: risk})
		ix.channels[risk] = channel.Channel{Risk: risk}
	}
	for i := range c.Snaps {
		if err := ix.addSnap(&c.Snaps[i]); err != nil {
			return nil, fmt.Errorf("index snap %s: %w", c.Snaps[i].Name, err)
		}
	}
	ix.addCharms(c)
	if err := ix.addAssertions(c.Assertions, known); err != nil {
		return nil, err
	}
	if err := ix.addPins(); err != nil {
		return nil, err
	}
	sortSnaps(ix.snaps)
	ix.categories = categoryNames(ix.snaps)
	ix.hasFeatured = slices.ContainsFunc(ix.snaps, func(sn *indexedSnap) bool { return inCategory(sn, featured) })
	// Devices ask for the names once a day.
	ix.names = sync.OnceValue(func() []nameEntry { return listNames(ix.snaps) })
	return ix, nil
}

func (ix *index) addSnap(st *catalog.Snap) error {
	if ix.byName[st.Name] != nil || ix.byID[st.SnapID] != nil {
		return fmt.Errorf("name or snap-id %s is there twice", st.SnapID)
	}
	sn, err := newIndexedSnap(st)
	if err != nil {
		return err
	}
	for i := range st.Revisions {
		ix.addFiles(st, &st.Revisions[i])
	}
	for _, r := range st.Revisions {
		for _, c := range r.OlderComponents {
			if name := componentFileName(st.SnapID, c.Name, c.Revision); ix.files[name].blob == "" {
				ix.files[name] = file{blob: c.Blob, size: c.Size}
			}
		}
	}
	if f, name, ok := iconFile(st.Icon); ok {
		ix.icons[name] = f
	}
	for c := range sn.channels.Channels {
		ix.know(c)
	}
	ix.revisions += len(st.Revisions)
	ix.snaps = append(ix.snaps, sn)
	ix.byName[st.Name] = sn
	ix.byID[st.SnapID] = sn
	return nil
}

func (ix *index) know(c channel.Channel) {
	ix.channels[c.String()] = c
}

func (ix *index) addFiles(st *catalog.Snap, r *catalog.SnapRevision) {
	ix.files[snapFileName(st.SnapID, r.Revision.Number)] = file{blob: r.Blob, size: r.Download.Size}
	for i, c := range r.Resources {
		ix.files[componentFileName(st.SnapID, c.Name, c.Revision)] = file{blob: r.ResourceBlobs[i], size: c.Download.Size}
	}
	for i := range r.Integrity {
		in := &r.Integrity[i]
		ix.files[integrityFileName(st.SnapID, r.Revision.Number, in)] = file{blob: r.IntegrityBlobs[i], size: in.Download.Size}
	}
}

// parseChannel parses a channel. It is faster than channel.Parse for channels of the catalogue.
func (ix *index) parseChannel(s string) (channel.Channel, error) {
	if c, ok := ix.channels[s]; ok {
		return c, nil
	}
	return channel.Parse(s)
}

// find looks a snap up by id or, if id is empty, by name.
func (ix *index) find(id, name string) *indexedSnap {
	if id != "" {
		return ix.byID[id]
	}
	return ix.byName[name]
}
