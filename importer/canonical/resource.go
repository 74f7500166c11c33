package canonical

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"offlinestore/charm"
)

// buildResources makes the resources of a group and returns references to them.
func (p *parser) buildResources(g *group, c *charm.Listing) ([]charm.ResourceRef, error) {
	var refs []charm.ResourceRef
	for i := range g.resources {
		res := &g.resources[i]
		m := resourceName.FindStringSubmatch(strings.TrimPrefix(res.fileName, g.name+"."))
		if m == nil {
			return nil, formatErrorf("resource %.100q: want a name as %s.image_3", res.fileName, g.name)
		}
		name := m[1]
		revision, _ := strconv.Atoi(m[2]) // as many digits as an int has
		meta, ok := g.declared(name)
		if !ok {
			p.warn("%s: its resource %s is left out: the charm has none of that name", g.name, name)
			continue
		}
		if slices.ContainsFunc(refs, func(r charm.ResourceRef) bool { return r.Name == name }) {
			return nil, formatErrorf("resource %s twice", name)
		}
		item := charm.ResourceItem{Charm: g.name, CharmID: c.ID, Resource: charm.Resource{
			Name: name, Revision: revision, Type: meta.Type, Filename: meta.Filename, Description: meta.Description,
		}}
		out := Resource{ResourceItem: item}
		if err := p.fillResource(&out, res); err != nil {
			return nil, fmt.Errorf("resource %s: %w", name, err)
		}
		p.out.Resources = append(p.out.Resources, out)
		refs = append(refs, charm.ResourceRef{Name: name, Revision: revision})
	}
	slices.SortFunc(refs, func(a, b charm.ResourceRef) int { return strings.Compare(a.Name, b.Name) })
	return refs, nil
}

// declared returns the declaration of a resource in the charm.
func (g *group) declared(name string) (charm.ResourceMeta, bool) {
	for _, a := range g.archives {
		if a.charm != nil {
			if m, ok := a.charm.Metadata.Resources[name]; ok {
				if m.Type == "" {
					m.Type = charm.ResourceFile
				}
				return m, true
			}
		}
	}
	return charm.ResourceMeta{}, false
}

// fillResource keeps a file whole. It keeps only the location of an image, because its credentials are for an unreachable registry.
func (p *parser) fillResource(out *Resource, res *resource) error {
	if out.Resource.Type == charm.ResourceImage {
		if res.small == nil {
			return formatErrorf("%d bytes are too many to say where an image is", res.size)
		}
		ref, _, _, err := charm.ParseImageBlob(res.small)
		if err != nil {
			return &FormatError{err}
		}
		host, name, digest, err := charm.SplitReference(ref)
		if err != nil {
			return &FormatError{err}
		}
		out.Image = &charm.Image{Digest: digest, Name: cmp.Or(p.imageName(out.Charm, out.Resource.Name), name), Source: host + "/" + name}
		return nil
	}
	if res.digest == "" && len(res.small) > 0 {
		var err error
		if res.file, err = p.storeText(res.small); err != nil {
			return err
		}
	}
	if res.digest != "" {
		out.Blob = res.digest
		out.Resource.Download = charm.Download{SHA256: res.digest.Encoded(), SHA384: res.sha384, Size: res.size}
	}
	return nil
}

// imageName returns the name that the operator gave an image inside the local registry, if any.
func (p *parser) imageName(name, resource string) string {
	for _, app := range p.apps.Applications {
		if v, ok := app.Resources[resource]; ok && app.Charm == name && v.Revision == nil && v.Image != "" && !v.IsPath() {
			return v.Image
		}
	}
	return ""
}
