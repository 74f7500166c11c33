package importer

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"offlinestore/catalog"
	"offlinestore/charm"
)

// buildResources makes the resources, and says which there are.
func (o *original) buildResources(g *group, c *catalog.ImportedCharm) ([]charm.ResourceRef, error) {
	var refs []charm.ResourceRef
	for i := range g.resources {
		res := &g.resources[i]
		m := resourceName.FindStringSubmatch(strings.TrimPrefix(res.fileName, g.name+"."))
		if m == nil {
			return nil, badOriginal("resource %.100q: want a name as %s.image_3", res.fileName, g.name)
		}
		name := m[1]
		revision, _ := strconv.Atoi(m[2]) // as many digits as an int has
		meta, ok := g.declared(name)
		if !ok {
			o.warn("%s: its resource %s is left out: the charm has none of that name", g.name, name)
			continue
		}
		if slices.ContainsFunc(refs, func(r charm.ResourceRef) bool { return r.Name == name }) {
			return nil, badOriginal("resource %s twice", name)
		}
		item := charm.ResourceItem{Charm: g.name, CharmID: c.ID, Resource: charm.Resource{
			Name: name, Revision: revision, Type: meta.Type, Filename: meta.Filename, Description: meta.Description,
		}}
		out := catalog.ImportedCharmResource{ResourceItem: item}
		if err := o.fillResource(&out, res); err != nil {
			return nil, fmt.Errorf("resource %s: %w", name, err)
		}
		o.in.CharmResources = append(o.in.CharmResources, out)
		refs = append(refs, charm.ResourceRef{Name: name, Revision: revision})
	}
	slices.SortFunc(refs, func(a, b charm.ResourceRef) int { return strings.Compare(a.Name, b.Name) })
	return refs, nil
}

// declared is what the charm says of a resource.
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

// fillResource keeps a file, and of an image only where it is: the credentials in it are of a registry that can't be reached.
func (o *original) fillResource(out *catalog.ImportedCharmResource, res *resource) error {
	if out.Resource.Type == charm.ResourceImage {
		if res.small == nil {
			return badOriginal("%d bytes are too many to say where an image is", res.size)
		}
		ref, _, _, err := charm.ParseImageBlob(res.small)
		if err != nil {
			return errOriginal{err}
		}
		_, name, digest, err := charm.SplitReference(ref)
		if err != nil {
			return errOriginal{err}
		}
		out.Image = &charm.Image{Digest: digest, Name: firstOf(o.override(out.Charm, out.Resource.Name), name), Source: ref}
		return nil
	}
	if res.digest == "" && len(res.small) > 0 {
		var err error
		if res.file, err = o.stageSmall(res.small); err != nil {
			return err
		}
	}
	if res.digest != "" {
		out.Blob = res.digest
		out.Resource.Download = charm.Download{SHA256: res.digest.Encoded(), SHA384: res.sha384, Size: res.size}
	}
	return nil
}

// override is the name that the operator gave an image inside the local registry, if any.
func (o *original) override(name, resource string) string {
	for _, app := range o.apps.Applications {
		if v, ok := app.Resources[resource]; ok && app.Charm == name && v.Revision == nil && v.Image != "" && !v.IsPath() {
			return v.Image
		}
	}
	return ""
}
