package exporter

import (
	"fmt"
	"slices"
	"strings"

	"offlinestore/charm"
)

// publishedImage is an image that a charm bundle of Charmhub names for a resource of an application. Juju passes the name on, and clusters
// pull the image from wherever it is.
type publishedImage struct {
	charm                      *Charm
	bundle                     *CharmRevision
	application, resource, ref string
}

// planPublished plans the images that the charm bundles name.
func (p *charmPlanner) planPublished() error {
	for _, r := range p.bundleRevisions {
		if err := p.planPublishedOf(r); err != nil {
			return err
		}
	}
	return nil
}

// planPublishedOf plans the images that a charm bundle names. Inside, they are served under their own names. An image that can't be fetched
// stays outside, because the bundle can be deployed with another one.
func (p *charmPlanner) planPublishedOf(r *CharmRevision) error {
	published := slices.DeleteFunc(slices.Clone(p.published), func(pub publishedImage) bool { return pub.bundle != r })
	slices.SortStableFunc(published, func(a, b publishedImage) int { return strings.Compare(a.ref, b.ref) })
	published = slices.CompactFunc(published, func(a, b publishedImage) bool { return a.ref == b.ref })
	images := make([]*image, len(published))
	named := make([]charm.Image, len(published))
	failed := make([]error, len(published))
	indexes := make([]int, len(published))
	for i := range indexes {
		indexes[i] = i
	}
	if err := parallel(indexes, func(i int) error {
		named[i], images[i], failed[i] = p.publishedImage(&published[i])
		return p.ctx.Err()
	}); err != nil {
		return err
	}
	for i, pub := range published {
		what := fmt.Sprintf("the resource %s of %s is the image %s", pub.resource, pub.application, pub.ref)
		host, _, _ := strings.Cut(named[i].Source, "/")
		switch {
		case failed[i] != nil:
			p.warn("%s, which stays outside: %v", what, failed[i])
		case p.req.NoImages:
			p.warn("%s, which stays outside: a registry inside must serve it as %s", what, named[i].Name)
		case slices.ContainsFunc(r.Images, func(have charm.Image) bool { return have.Name == named[i].Name }):
			p.warn("%s, which stays outside: the bundle names another image %s", what, named[i].Name)
		default:
			r.Images, r.images = append(r.Images, named[i]), append(r.images, images[i])
			p.warn("%s: inside, the registry serves it as %s, so the cluster needs a mirror of %s", what, named[i].Name, host)
		}
	}
	return nil
}

// publishedImage asks the registry for an image. With images left out, it only splits the name.
func (p *charmPlanner) publishedImage(pub *publishedImage) (charm.Image, *image, error) {
	host, name, dgst, err := charm.SplitReference(pub.ref)
	if err != nil {
		return charm.Image{}, nil, err
	}
	out := charm.Image{Name: name, Digest: dgst, Source: host + "/" + name}
	if p.req.NoImages {
		return out, nil, nil
	}
	im, err := p.listOptional(p.ctx, out.Source, "", "", p.imageArchitectures(pub.charm))
	if err != nil {
		return out, nil, err
	}
	im.name, out.Digest = out.Repository(), im.manifests[0].Digest.String()
	return out, im, nil
}
