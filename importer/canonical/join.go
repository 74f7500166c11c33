package canonical

import (
	"cmp"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"offlinestore/assertion"
	"offlinestore/bundle"
	"offlinestore/snap"
)

const defaultProvenance = "global-upload"

// Catalog finds the snaps and the assertions that the store has already.
type Catalog interface {
	assertion.Source
	// Snap returns a snap, or nil.
	Snap(id string) (*KnownSnap, error)
	// Revision returns a revision of a snap with its blob, or nil.
	Revision(id string, number int) (*bundle.SnapRevision, error)
}

// KnownSnap is a snap in the store.
type KnownSnap struct {
	DefaultTrack string
	// Rows are the channels that the store has, by architecture.
	Rows []snap.Release
}

// LooseFileError reports a snap or component that the assertions at hand do not vouch for.
type LooseFileError struct {
	File *SnapFile
	Err  error
}

func (e *LooseFileError) Error() string { return fmt.Sprintf("%.100q: %v", e.File.Name, e.Err) }

func (e *LooseFileError) Unwrap() error { return e.Err }

// LooseAssertionError reports an assertion about a snap or component that is not there.
type LooseAssertionError struct{ Ref assertion.Ref }

func (e *LooseAssertionError) Error() string {
	return fmt.Sprintf("%s: the file that it is about is not there", e.Ref)
}

// ErrNoAssertion means that no assertion is about a snap or component, or that none joins a component with its snap.
var ErrNoAssertion = errors.New("no assertion of the store is about it")

var errNoPair = fmt.Errorf("%w: no snap-resource-pair joins the component with a revision of its snap that is there", ErrNoAssertion)

// Group has the files of one snap.
type Group struct {
	ID    string
	Files []*SnapFile
	// SignedAt is the newest time of the assertions about the files.
	SignedAt time.Time

	own         *assertion.Set // the assertions in the file of the first one, or nil
	declaration *assertion.Assertion
	publisher   snap.Publisher
	details     snap.Details
	revisions   []*bundle.SnapRevision
	stated      map[int][]*assertion.Assertion // about each revision and its components
	rows        []snap.Release
	track       string
}

// joiner relates the files of a collection.
type joiner struct {
	*Collection
	catalog Catalog
	// bySum has the assertions about files, by the SHA3-384 in their form.
	bySum  map[string][]*assertion.Assertion
	pairs  map[pairKey][]*assertion.Assertion
	groups map[string]*Group
}

// Join relates each file to the assertion about it, and to the other files of its snap. loose has the files that it could not relate.
func (c *Collection) Join(catalog Catalog) (groups []*Group, loose []*LooseFileError) {
	j := &joiner{Collection: c, catalog: catalog, bySum: make(map[string][]*assertion.Assertion), pairs: make(map[pairKey][]*assertion.Assertion), groups: make(map[string]*Group)}
	for _, a := range c.assertions.All() {
		switch a.Type() {
		case "snap-revision":
			j.addSum(a, "snap-sha3-384")
		case "snap-resource-revision":
			j.addSum(a, "resource-sha3-384")
		case "snap-resource-pair":
			j.pairs[keyOf(a)] = append(j.pairs[keyOf(a)], a)
		}
	}
	for _, add := range []func(*SnapFile) error{j.addRevision, j.addComponent} { // all snaps come before their components
		for _, f := range c.files {
			if err := add(f); err != nil {
				loose = append(loose, &LooseFileError{f, err})
			}
		}
	}
	for _, id := range slices.Sorted(maps.Keys(j.groups)) {
		g := j.groups[id]
		if err := j.describe(g); err != nil {
			for _, f := range g.Files {
				loose = append(loose, &LooseFileError{f, err})
			}
			continue
		}
		groups = append(groups, g)
	}
	return groups, loose
}

// pairKey names a revision of a component.
type pairKey struct{ snapID, name, revision, provenance string }

func keyOf(a *assertion.Assertion) pairKey {
	return pairKey{a.HeaderString("snap-id"), a.HeaderString("resource-name"), a.HeaderString("resource-revision"), a.HeaderString("provenance")}
}

func (j *joiner) addSum(a *assertion.Assertion, header string) {
	sum := a.HeaderString(header)
	j.bySum[sum] = append(j.bySum[sum], a)
}

// about returns the assertion of a type about a file. The provenance in the file chooses among several.
func (j *joiner) about(typ string, f *SnapFile) (*assertion.Assertion, error) {
	sum, err := hex.DecodeString(f.SHA3384)
	if err != nil {
		return nil, err
	}
	digest, provenance := assertion.DigestHeader(sum), cmp.Or(f.provenance, defaultProvenance)
	found := false
	for _, a := range j.bySum[digest] {
		if a.Type() != typ {
			continue
		}
		if cmp.Or(a.HeaderString("provenance"), defaultProvenance) == provenance {
			return a, nil
		}
		found = true
	}
	if found {
		return nil, &bundle.MismatchError{Item: f.Name, Err: fmt.Errorf("its provenance is %.40q, and its %s has another", provenance, typ)}
	}
	if typ == "snap-revision" {
		a, err := j.catalog.Find(assertion.Ref{Type: typ, PrimaryKey: []string{digest, provenance}})
		if err == nil || !errors.Is(err, assertion.ErrNotFound) {
			return a, err
		}
	}
	return nil, fmt.Errorf("%w, with SHA3-384 %s", ErrNoAssertion, digest)
}

// group returns the group of the snap that an assertion is about.
func (j *joiner) group(a *assertion.Assertion, f *SnapFile) *Group {
	id := a.HeaderString("snap-id")
	g := j.groups[id]
	if g == nil {
		g = &Group{ID: id, own: j.own[a], stated: make(map[int][]*assertion.Assertion)}
		j.groups[id] = g
	}
	g.Files = append(g.Files, f)
	g.state(0, a)
	return g
}

// state records an assertion about a revision.
func (g *Group) state(number int, a *assertion.Assertion) {
	if a.Timestamp().After(g.SignedAt) {
		g.SignedAt = a.Timestamp()
	}
	if number > 0 {
		g.stated[number] = append(g.stated[number], a)
	}
}

// addRevision adds a snap to its group.
func (j *joiner) addRevision(f *SnapFile) error {
	if f.snap == nil {
		return nil
	}
	a, err := j.about("snap-revision", f)
	if err != nil {
		return err
	}
	number, err := strconv.Atoi(a.HeaderString("snap-revision"))
	if err != nil {
		return err
	}
	g := j.group(a, f)
	if g.revision(number) != nil {
		return nil // the same file twice, since its digest leads to one assertion
	}
	b, err := f.blob()
	if err != nil {
		return err
	}
	r := &bundle.SnapRevision{Item: snap.Item{SnapID: g.ID, Revision: f.snap.Revision}, Blob: b}
	r.Revision.Number, r.Revision.CreatedAt = number, a.Timestamp().UTC().Format(time.RFC3339)
	r.Revision.Download = snap.Download{SHA3384: f.SHA3384, Size: f.Size}
	g.state(number, a)
	g.revisions = append(g.revisions, r)
	g.describe(r, f.snap.Details)
	return nil
}

// describe takes the description of the highest revision.
func (g *Group) describe(r *bundle.SnapRevision, d snap.Details) {
	for _, other := range g.revisions {
		if other.Revision.Number > r.Revision.Number {
			return
		}
	}
	g.details = d
}

func (g *Group) revision(number int) *bundle.SnapRevision {
	for _, r := range g.revisions {
		if r.Revision.Number == number {
			return r
		}
	}
	return nil
}

// blob returns the file as a blob of a bundle.
func (f *SnapFile) blob() (bundle.Blob, error) {
	b := bundle.Blob{Digest: f.Digest, Size: f.Size}
	sum, err := hex.DecodeString(f.SHA3384)
	copy(b.SHA3384[:], sum)
	return b, err
}

// addComponent adds a component to the revisions that it is paired with, here or in the store.
func (j *joiner) addComponent(f *SnapFile) error {
	if f.component == nil {
		return nil
	}
	a, err := j.about("snap-resource-revision", f)
	if err != nil {
		return err
	}
	number, err := strconv.Atoi(a.HeaderString("resource-revision"))
	if err != nil {
		return err
	}
	res := f.component.Resource
	res.Revision, res.CreatedAt = number, a.Timestamp().UTC().Format(time.RFC3339)
	res.Download = snap.Download{SHA3384: f.SHA3384, Size: f.Size}
	g := j.group(a, f)
	added := false
	for _, pair := range j.pairs[keyOf(a)] {
		n, err := strconv.Atoi(pair.HeaderString("snap-revision"))
		if err != nil {
			return err
		}
		r, err := j.pairedRevision(g, n)
		if err != nil {
			return err
		}
		if r == nil {
			continue
		}
		b, err := f.blob()
		if err != nil {
			return err
		}
		addResource(r, res, b)
		g.state(n, a)
		g.state(n, pair)
		added = true
	}
	if !added {
		return errNoPair
	}
	return nil
}
