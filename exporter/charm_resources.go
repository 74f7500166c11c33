package exporter

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"offlinestore/charm"
)

// rowResources holds the resources of a row of the channel map.
type rowResources struct {
	refs []charm.ResourceRef
	// chosen means that the operator chose other revisions than the store released there.
	chosen bool
}

// planResources plans the resources of a query, each in the revision that the store released or that the operator chose.
func (p *charmPlanner) planResources(c *Charm, w *charmQuery, offered []charm.Resource) (rowResources, error) {
	out := rowResources{refs: []charm.ResourceRef{}}
	for _, name := range slices.Sorted(maps.Keys(w.app.Resources)) {
		if !slices.ContainsFunc(offered, func(r charm.Resource) bool { return r.Name == name }) {
			p.warnOnce("%s has no resource %s in %s", c.Listing.Name, name, w.asked)
		}
	}
	for _, res := range offered {
		v := w.app.Resources[res.Name]
		if v.Revision != nil && *v.Revision != res.Revision {
			pinned, err := p.pinnedResource(c, res.Name, *v.Revision)
			if err != nil {
				return out, err
			}
			if pinned == nil {
				continue
			}
			res, out.chosen = *pinned, true
		}
		mapped := ""
		switch {
		case v.Image == "":
		case v.IsPath() || res.Type != charm.ResourceImage:
			p.warnOnce("the resource %s of %s is a local file (%s): carry it separately", res.Name, w.app.Name, v.Image)
		case w.app.Published:
			p.published = append(p.published, publishedImage{c, p.sources[w.app], w.app.Name, res.Name, v.Image})
			if res.Download.Size == 0 {
				continue // the bundle has an image instead
			}
		default:
			mapped = v.Image
		}
		if res.Type == charm.ResourceImage && res.Download.Size == 0 && mapped == "" {
			p.warnOnce("%s goes without its resource %s: nobody has ever uploaded an image", c.Listing.Name, res.Name)
			continue
		}
		if err := c.planResource(&res, mapped); err != nil {
			return out, err
		}
		out.refs = append(out.refs, charm.ResourceRef{Name: res.Name, Revision: res.Revision})
	}
	slices.SortFunc(out.refs, func(a, b charm.ResourceRef) int { return cmp.Compare(a.Name, b.Name) })
	return out, nil
}

// warnOnce adds a warning unless it is there already, since several architectures may lead to the same one.
func (p *charmPlanner) warnOnce(format string, args ...any) {
	if text := fmt.Sprintf(format, args...); !slices.Contains(p.plan.Warnings, text) {
		p.plan.Warnings = append(p.plan.Warnings, text)
	}
}

// pinnedResource returns the revision of a resource that the operator named. If it is missing, it records that and returns nil.
func (p *charmPlanner) pinnedResource(c *Charm, name string, revision int) (*charm.Resource, error) {
	all, err := p.resourceRevisions(c, name)
	if err != nil {
		return nil, err
	}
	for i := range all {
		if all[i].Revision == revision {
			return &all[i], nil
		}
	}
	p.missing = append(p.missing, Gap{Charm: c.Listing.Name, Reason: fmt.Sprintf("the store has no revision %d of its resource %s", revision, name)})
	return nil, nil
}

// planResource plans one revision of a resource. Several revisions of the charm may have the same one. mapped is the operator's name for
// its image, or empty.
func (c *Charm) planResource(res *charm.Resource, mapped string) error {
	for _, have := range c.Resources {
		if have.Resource.Name != res.Name || have.Resource.Revision != res.Revision {
			continue
		}
		if a := charmBlob(res.Download); have.upstream.key() != a.key() {
			return storeError("the store's answer about %s: resource %s revision %d has two digests", c.Listing.Name, res.Name, res.Revision)
		}
		if mapped != "" && have.mapped != "" && have.mapped != mapped {
			return fmt.Errorf("%w: both %s and %s are to be the image of resource %s of %s", ErrConflict, have.mapped, mapped, res.Name, c.Listing.Name)
		}
		if mapped != "" {
			have.mapped = mapped
		}
		return nil
	}
	r := &CharmResource{
		ResourceItem: charm.ResourceItem{Charm: c.Listing.Name, CharmID: c.Listing.ID, Resource: *res},
		upstream:     charmBlob(res.Download), mapped: mapped,
	}
	out := &r.Resource
	if charm.ValidateTime(out.CreatedAt) != nil && charm.ValidateTime(out.CreatedAt+"Z") != nil {
		out.CreatedAt = "" // nobody reads it
	}
	out.Download = charm.Download{}
	if res.Type == charm.ResourceImage {
		if mapped != "" {
			if err := (&charm.Image{Name: mapped}).Validate(); err != nil {
				return fmt.Errorf("%w: resource %s of %s: %w", ErrConflict, res.Name, c.Listing.Name, err)
			}
		}
		out.Filename = ""
		c.Resources = append(c.Resources, r)
		return nil
	}
	// Keep only the digests that an export verifies, and drop the others.
	out.Download = charm.Download{SHA256: res.Download.SHA256, SHA384: res.Download.SHA384, Size: res.Download.Size}
	if r.HasBlob() && (out.Download.SHA256 == "" || out.Download.SHA384 == "") {
		return storeError("the store's answer about %s: resource %s revision %d: want its SHA-256 and its SHA-384", c.Listing.Name, res.Name, res.Revision)
	}
	r.blob.remoteBlob = r.upstream
	c.Resources = append(c.Resources, r)
	return nil
}
