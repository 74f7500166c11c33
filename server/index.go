package server

import (
	"iter"
	"time"

	"github.com/opencontainers/go-digest"

	"offlinestore/assertion"
	"offlinestore/catalog"
	"offlinestore/snap"
)

// index is a catalogue as some devices see it, with prepared answers. It does not change. The base is for everybody, and has the others in
// views.
type index struct {
	*content
	// seen are the private snaps of the view, by ID. all is set if the view shows all of them.
	seen map[string]bool
	all  bool
	// shown is the number of snaps, and revisions the number of their revisions.
	shown, revisions int
	categories       []string
	// hasFeatured reports whether a snap is featured.
	hasFeatured bool
	names       func() []*nameEntry
	// gates has the snaps that control the refreshes of a snap, by its ID, and approved the revisions that they approve, by the IDs of both
	// snaps and the revision.
	gates    map[string][]string
	approved map[string]bool
}

// content is the part of a catalogue that its views share. A later content shares the parts that did not change.
type content struct {
	views

	generation int64
	moment     catalog.Moment
	// reloadAt is the time at which a hold ends, so that the catalogue must be loaded again. It is zero for none.
	reloadAt   time.Time
	imports    int
	lastImport time.Time
	// serialModels are the models whose devices this store registers.
	serialModels []catalog.ModelPolicy
	// brandKeys finds the accounts, keys and models among the assertions that everybody sees.
	brandKeys *brandKeys

	// snaps are all snaps by name, and private the ones of stores.
	snaps, private []*snapEntry
	byName, byID   shards[*snapEntry]
	icons          shards[[]*snapEntry] // by the last part of the path of their URL
	// global counts the global snaps.
	global snapCounts
	texts  *spool
	cache  *snapCache

	assertions shards[*indexedAssertion]   // by type and primary key: the newest revision
	sequences  shards[[]*indexedAssertion] // by type and sequence key, the last point first
	// asserts is the number of assertions of the catalogue, and hiddenAsserts the number of the ones that reveal private snaps.
	asserts, hiddenAsserts int
	// special are the assertions that change the answers about others, by type and primary key: the newest revisions.
	special map[string]*indexedAssertion
	// controls and pins follow from them. The latter are by snap-id.
	controls []control
	pins     map[string][]setPin
	// hidden has the private snaps that assertions reveal, by group.
	hidden map[string][]string

	charmContent
}

// charmContent are the charms. They are replaced as a whole.
type charmContent struct {
	charmCatalog *catalog.Snapshot
	charms       []*indexedCharm // by name
	charmByName  map[string]*indexedCharm
	charmByID    map[string]*indexedCharm
	// charmFiles and resourceFiles are by the last part of the path of their URL, as charmIcons are.
	charmFiles     map[string]file
	resourceFiles  map[string]*charmResource
	charmIcons     map[string]file
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

// sees reports whether the view shows a snap.
func (ix *index) sees(e *snapEntry) bool { return e.store == "" || ix.all || ix.seen[e.id] }

// seesAssertion reports whether the view shows an assertion.
func (ix *index) seesAssertion(a *indexedAssertion) bool {
	if len(ix.hidden) == 0 || ix.all {
		return true
	}
	for _, id := range ix.hidden[a.group()] {
		if !ix.seen[id] {
			return false
		}
	}
	return true
}

// entries returns the snaps of the view by name.
func (ix *index) entries() iter.Seq[*snapEntry] {
	seesAll := len(ix.private) == 0 || ix.all
	return func(yield func(*snapEntry) bool) {
		for _, e := range ix.snaps {
			if (seesAll || ix.sees(e)) && !yield(e) {
				return
			}
		}
	}
}

// entry looks a snap up by id or, if id is empty, by name.
func (ix *index) entry(id, name string) *snapEntry {
	e := ix.byName.get(name)
	if id != "" {
		e = ix.byID.get(id)
	}
	if e == nil || !ix.sees(e) {
		return nil
	}
	return e
}

// find looks a snap up by id or, if id is empty, by name. It returns nil for none.
func (ix *index) find(id, name string) *indexedSnap {
	e := ix.entry(id, name)
	if e == nil {
		return nil
	}
	return ix.cache.open(e)
}

// findID looks a snap up by id.
func (ix *index) findID(id string) *indexedSnap {
	if id == "" {
		return nil
	}
	return ix.find(id, "")
}

// setPin is a snap in a validation set.
type setPin struct {
	set string // its type and primary key
	assertion.SetSnap
}

// snapCounts counts what lists of all snaps need.
type snapCounts struct {
	snaps, revisions, featured int
	categories                 map[string]int // the snaps of each, by its name
}

// add counts a snap n times.
func (c *snapCounts) add(e *snapEntry, n int) {
	c.snaps += n
	c.revisions += n * e.revisions
	if e.isIn(featured) {
		c.featured += n
	}
	for _, cat := range e.categories {
		if c.categories[cat.Name] += n; c.categories[cat.Name] == 0 {
			delete(c.categories, cat.Name)
		}
	}
}

// isIn reports whether the snap is in a category.
func (e *snapEntry) isIn(name string) bool { return inCategory(e.categories, name) }

func inCategory(list []snap.Category, name string) bool {
	for _, c := range list {
		if c.Name == name || name == featured && c.Featured {
			return true
		}
	}
	return false
}
