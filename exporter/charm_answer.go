package exporter

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"offlinestore/charm"
	"offlinestore/upstream"
)

// addAnswer adds the store's answer to a query to the plan.
func (p *charmPlanner) addAnswer(c *Charm, w *charmQuery, r *charm.Result) error {
	if r.Charm.ID != c.Listing.ID || r.Charm.Type != c.Listing.Type {
		return storeError("the store's answer is about the %s %s", r.Charm.Type, r.Charm.ID)
	}
	rev, err := c.revision(r.Charm, c.archs)
	if err != nil {
		return storeError("the store's answer: %w", err)
	}
	if w.revision > 0 {
		return p.addPinned(c, w, rev, r)
	}
	with, err := p.planResources(c, w, r.Charm.Resources)
	if err != nil {
		return err
	}
	p.answered[w.app] = true
	rev.addFrom(w.asked.String() + " " + w.base.Architecture)
	if err := c.release(w.base, w.asked, r, with); err != nil {
		return storeError("the store's answer: %w", err)
	}
	return nil
}

// addPinned adds a revision that the operator pinned. If the operator also names a channel, the revision fills the rows of that channel
// that nothing else claims.
func (p *charmPlanner) addPinned(c *Charm, w *charmQuery, rev *CharmRevision, r *charm.Result) error {
	for _, arch := range w.archs {
		if slices.ContainsFunc(rev.bases, func(b charm.Base) bool { return b.Architecture == arch }) {
			p.answered[w.app] = true
			continue
		}
		g := w.gap("the revision is not for that architecture")
		g.Architecture = arch
		p.lacks(w, g)
	}
	offered, err := p.offered(c, w, rev, r)
	if err != nil {
		return err
	}
	with, err := p.planResources(c, w, offered)
	if err != nil {
		return err
	}
	if w.app.Channel == "" {
		rev.addFrom("by revision")
		return nil
	}
	rev.addFrom(w.asked.String())
	c.pin(w.app.Base, w.asked, rev, with, w.archs)
	return nil
}

// offered returns the resources of a revision that was requested by number. The store may leave them out of such an answer. Juju then takes
// the resources of the channel, and so does an export. A resource that the channel lacks comes in its newest revision.
func (p *charmPlanner) offered(c *Charm, w *charmQuery, rev *CharmRevision, r *charm.Result) ([]charm.Resource, error) {
	meta, err := charm.ParseMetadata(r.Charm.MetadataYAML)
	if err != nil {
		return r.Charm.Resources, nil // reading its archive will report the fault
	}
	out := slices.Clone(r.Charm.Resources)
	lacks := func() (names []string) {
		for name := range meta.Resources {
			if !slices.ContainsFunc(out, func(r charm.Resource) bool { return r.Name == name }) {
				names = append(names, name)
			}
		}
		slices.Sort(names)
		return names
	}
	if len(lacks()) > 0 && len(rev.bases) > 0 {
		ch := w.asked.String()
		base := rev.bases[0]
		results, err := p.e.Charmhub.CharmRefresh(p.ctx, []charm.Action{{Action: charm.ActionDownload, Name: &c.Listing.Name, Channel: &ch, Base: &base}})
		if err != nil {
			return nil, &StoreError{err}
		}
		if results[0].Error == nil {
			for _, res := range results[0].Charm.Resources {
				if slices.Contains(lacks(), res.Name) {
					out = append(out, res)
				}
			}
		}
	}
	for _, name := range lacks() {
		all, err := p.resourceRevisions(c, name)
		if err != nil {
			return nil, err
		}
		if len(all) > 0 {
			out = append(out, all[0])
		}
	}
	return out, nil
}

// resourceRevisions asks for all revisions of a resource, once. It returns none for a resource that the store doesn't have.
func (p *charmPlanner) resourceRevisions(c *Charm, name string) ([]charm.Resource, error) {
	key := [2]string{c.Listing.Name, name}
	if all, ok := p.revisionCache[key]; ok {
		return all, nil
	}
	all, err := p.e.Charmhub.CharmResourceRevisions(p.ctx, c.Listing.Name, name)
	if err != nil && !errors.Is(err, upstream.ErrNotFound) {
		return nil, &StoreError{err}
	}
	p.revisionCache[key] = all
	return all, nil
}

// revision returns the plan for a revision. Several channels and bases may hold the same one.
func (c *Charm) revision(e *charm.Entity, archs []string) (*CharmRevision, error) {
	if e.Revision < 1 {
		return nil, fmt.Errorf("revision %d: out of range", e.Revision)
	}
	for _, have := range c.Revisions {
		if have.Revision.Number == e.Revision {
			if a := charmBlob(e.Download); have.blob.key() != a.key() {
				return nil, fmt.Errorf("revision %d has two digests", e.Revision)
			}
			return have, nil
		}
	}
	rev := &CharmRevision{
		Item: charm.Item{ID: c.Listing.ID, Name: c.Listing.Name, Type: c.Listing.Type, Revision: charm.Revision{
			CreatedAt: usableTime(cmp.Or(e.CreatedAt, c.created[e.Revision])), MetadataYAML: e.MetadataYAML, Number: e.Revision, Version: e.Version,
		}},
		blob:  cachedBlob{remoteBlob: charmBlob(e.Download)},
		bases: concreteBases(e.Bases, archs),
	}
	c.Revisions = append(c.Revisions, rev)
	return rev, nil
}

func charmBlob(d charm.Download) remoteBlob {
	return remoteBlob{URL: d.URL, Size: d.Size, SHA256: d.SHA256, SHA384: d.SHA384}
}

// concreteBases replaces each base for all architectures by one for each of archs, and drops invalid bases.
func concreteBases(bases []*charm.Base, archs []string) []charm.Base {
	var out []charm.Base
	add := func(b charm.Base) {
		if b.Validate() == nil && !slices.Contains(out, b) {
			out = append(out, b)
		}
	}
	for _, b := range bases {
		switch {
		case b == nil:
		case b.Architecture == charm.All:
			for _, arch := range archs {
				add(charm.Base{Name: b.Name, Channel: b.Channel, Architecture: arch})
			}
		default:
			add(*b)
		}
	}
	charm.SortBases(out)
	return out
}

// has reports whether a revision of c is planned for arch.
func (c *Charm) has(arch string) bool {
	return slices.ContainsFunc(c.Revisions, func(r *CharmRevision) bool {
		return slices.ContainsFunc(r.bases, func(b charm.Base) bool { return b.Architecture == arch })
	})
}

func (r *CharmRevision) addFrom(from string) {
	if !slices.Contains(r.From, from) {
		r.From = append(r.From, from)
	}
}

// completeCharm asks the store on which other bases the same revisions are released, and for the metadata that it extracted from them.
func (p *charmPlanner) completeCharm(c *Charm) error {
	if err := p.otherBases(c); err != nil {
		return err
	}
	for _, pin := range c.pins {
		c.place(pin)
	}
	c.Listing.ChannelMap = c.releases()
	for _, ch := range c.channels() {
		info, err := p.e.Charmhub.CharmInfo(p.ctx, c.Listing.Name, ch)
		if errors.Is(err, upstream.ErrNotFound) {
			continue // the answer is optional
		}
		if err != nil {
			return &StoreError{err}
		}
		if d := info.DefaultRelease; d != nil {
			c.mergeRevision(&d.Revision)
		}
	}
	if err := c.Listing.Validate(); err != nil {
		return storeError("the store's answer about %s: %w", c.Listing.Name, err)
	}
	c.sort()
	return nil
}

// channels returns the channels that hold a revision.
func (c *Charm) channels() (out []string) {
	for _, row := range c.Listing.ChannelMap {
		if row.Revision > 0 && !slices.Contains(out, row.Channel) {
			out = append(out, row.Channel)
		}
	}
	slices.Sort(out)
	return out
}

// mergeRevision copies the store's metadata that the archive lacks, or holds in another form.
func (c *Charm) mergeRevision(r *charm.Revision) {
	for _, have := range c.Revisions {
		if have.Revision.Number == r.Number {
			have.Revision.Subordinate = r.Subordinate
			if len(r.ReadmeMD) <= charm.MaxYAMLSize {
				have.Revision.ReadmeMD = r.ReadmeMD
			}
			if text, err := json.Marshal(r.Relations); err == nil && len(text) <= charm.MaxYAMLSize {
				have.Revision.Relations = r.Relations
			}
		}
	}
}
