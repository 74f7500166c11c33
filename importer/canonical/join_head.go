package canonical

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"

	"offlinestore/assertion"
	"offlinestore/bundle"
	"offlinestore/snap"
)

// pairedRevision returns a revision of the group or of the store, or nil.
func (j *joiner) pairedRevision(g *Group, number int) (*bundle.SnapRevision, error) {
	if r := g.revision(number); r != nil {
		return r, nil
	}
	r, err := j.catalog.Revision(g.ID, number)
	if err != nil || r == nil {
		return nil, err
	}
	provenance := defaultProvenance
	if meta, err := snap.ParseYAML(r.Revision.SnapYAML); err == nil {
		provenance = cmp.Or(meta.Provenance, provenance)
	}
	a, err := j.catalog.Find(assertion.Ref{Type: "snap-revision", PrimaryKey: []string{assertion.DigestHeader(r.Blob.SHA3384[:]), provenance}})
	if err != nil {
		return nil, err
	}
	r.Revision.Resources, r.Revision.Integrity, r.Components, r.Integrity = nil, nil, nil, nil // the store keeps its own
	g.stated[number] = append(g.stated[number], a)
	g.revisions = append(g.revisions, r)
	return r, nil
}

// addResource adds a component to a revision. The newest of several revisions of one component counts.
func addResource(r *bundle.SnapRevision, res snap.Resource, b bundle.Blob) {
	for i, old := range r.Revision.Resources {
		if old.Name == res.Name {
			if old.Revision < res.Revision {
				r.Revision.Resources[i], r.Components[i] = res, b
			}
			return
		}
	}
	r.Revision.Resources, r.Components = append(r.Revision.Resources, res), append(r.Components, b)
}

// find returns an assertion of the collection or of the store, whichever has the newer one. own, which may be nil, comes before the rest of
// the collection, so that a bad file does no harm to the good ones.
func (j *joiner) find(ref assertion.Ref, own *assertion.Set) (*assertion.Assertion, error) {
	stored, err := j.catalog.Find(ref)
	if err != nil && !errors.Is(err, assertion.ErrNotFound) {
		return nil, err
	}
	here, herr := (*assertion.Assertion)(nil), assertion.ErrNotFound
	if own != nil {
		here, herr = own.Find(ref)
	}
	if herr != nil {
		here, herr = j.assertions.Find(ref)
	}
	switch {
	case herr != nil:
		return stored, err
	case err == nil && stored.Revision() > here.Revision():
		return stored, nil
	}
	return here, nil
}

// complete returns assertions with everything that they need, as far as that can be found. The check of the head names the missing ones.
func (j *joiner) complete(list []*assertion.Assertion) ([]*assertion.Assertion, error) {
	seen := make(map[string]bool)
	for _, a := range list {
		seen[a.Ref().Key()] = true
	}
	for i := 0; i < len(list); i++ {
		for _, ref := range list[i].Prerequisites() {
			if seen[ref.Key()] {
				continue
			}
			seen[ref.Key()] = true
			a, err := j.find(ref, j.own[list[i]])
			if errors.Is(err, assertion.ErrNotFound) {
				continue
			}
			if err != nil {
				return nil, err
			}
			list = append(list, a)
		}
	}
	return list, nil
}

// describe completes a group: its declaration, its publisher, and the names in its revisions.
func (j *joiner) describe(g *Group) error {
	d, err := j.find(assertion.Ref{Type: "snap-declaration", PrimaryKey: []string{snap.Series, g.ID}}, g.own)
	if errors.Is(err, assertion.ErrNotFound) {
		return &bundle.MismatchError{Item: g.Files[0].Name, Err: fmt.Errorf("there is no snap-declaration of snap-id %.40q: %w", g.ID, err)}
	}
	if err != nil {
		return err
	}
	if d.HeaderString("snap-name") == "" {
		return &bundle.MismatchError{Item: g.Files[0].Name, Err: fmt.Errorf("the %s is revoked: the snap is withdrawn", d.Ref())}
	}
	g.declaration = d
	id := d.HeaderString("publisher-id")
	g.publisher = snap.Publisher{ID: id, Username: id, DisplayName: id, Validation: "unproven"}
	account, err := j.find(assertion.Ref{Type: "account", PrimaryKey: []string{id}}, g.own)
	if err != nil && !errors.Is(err, assertion.ErrNotFound) {
		return err
	}
	if err == nil {
		g.publisher.Username, g.publisher.DisplayName = cmp.Or(account.HeaderString("username"), id), cmp.Or(account.HeaderString("display-name"), id)
		switch v := account.HeaderString("validation"); v {
		case "certified": // in old accounts
			g.publisher.Validation = "verified"
		case "verified", "starred":
			g.publisher.Validation = v
		}
	}
	slices.SortFunc(g.revisions, func(a, b *bundle.SnapRevision) int { return a.Revision.Number - b.Revision.Number })
	for _, r := range g.revisions {
		r.Name = d.HeaderString("snap-name")
	}
	for _, f := range g.Files {
		if f.component != nil && f.component.Snap != d.HeaderString("snap-name") {
			return &bundle.MismatchError{Item: f.Name, Err: fmt.Errorf("it is a component of %s, and its assertion is about %s", f.component.Snap, d.HeaderString("snap-name"))}
		}
	}
	return nil
}

// Name returns the name of the snap.
func (g *Group) Name() string { return g.declaration.HeaderString("snap-name") }

// Head returns the groups in the form of a bundle's head. With everything, it has all assertions of the collection; else only the ones
// that the groups need.
func (c *Collection) Head(catalog Catalog, everything bool, groups ...*Group) (*bundle.Head, error) {
	j := &joiner{Collection: c, catalog: catalog}
	h := &bundle.Head{}
	rest := []*assertion.Assertion{}
	if everything {
		rest = c.assertions.All()
	}
	for _, g := range groups {
		for _, r := range g.revisions {
			stream, err := j.stream(g.stated[r.Revision.Number])
			if err != nil {
				return nil, err
			}
			r.Assertions = stream
			if err := r.Item.Validate(); err != nil {
				return nil, &FormatError{err}
			}
			h.Revisions = append(h.Revisions, r)
		}
		stream, err := j.stream(append([]*assertion.Assertion{g.declaration}, rest...))
		if err != nil {
			return nil, err
		}
		rest = nil
		s := &bundle.Snap{Assertions: stream, Listing: snap.Listing{
			ChannelMap: g.rows, DefaultTrack: g.track, Name: g.Name(), SnapID: g.ID, Snap: g.details, Unknown: []string{snap.UnknownIcon},
		}}
		s.Listing.Snap.Publisher = g.publisher
		if err := s.Listing.Validate(); err != nil {
			return nil, &FormatError{err}
		}
		h.Snaps = append(h.Snaps, s)
	}
	return h, nil
}

// stream encodes assertions with everything that they need.
func (j *joiner) stream(list []*assertion.Assertion) ([]byte, error) {
	list, err := j.complete(slices.Clone(list))
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	err = assertion.EncodeAll(&b, list)
	return b.Bytes(), err
}

// AddKeys adds the keys of the assertions about the files of the group.
func (g *Group) AddKeys(keys map[string]bool) {
	for _, list := range g.stated {
		for _, a := range list {
			keys[a.Ref().Key()] = true
		}
	}
}

// Refs returns the references of all assertions.
func (c *Collection) Refs() (refs []assertion.Ref) {
	for _, a := range c.assertions.All() {
		refs = append(refs, a.Ref())
	}
	return refs
}

// LooseAssertion returns an error for an assertion about a file that is neither there nor in the store, or nil. used has the keys of the
// assertions whose files are there.
func LooseAssertion(catalog Catalog, refs []assertion.Ref, used map[string]bool) error {
	for _, ref := range refs {
		if ref.Type != "snap-revision" && ref.Type != "snap-resource-revision" || used[ref.Key()] {
			continue
		}
		if _, err := catalog.Find(ref); errors.Is(err, assertion.ErrNotFound) {
			return &LooseAssertionError{ref}
		} else if err != nil {
			return err
		}
	}
	return nil
}
