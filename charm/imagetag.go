package charm

import "slices"

// ImageUse is the image of a resource's revision, as a catalogue or an export has it. Without a resource, a charm bundle names it.
type ImageUse struct {
	Charm, Resource string
	Revision        int
	Image           *Image
	// Released is set if a channel holds the revision.
	Released bool
}

// ImageTags holds the images of each tag. The same tag may be given to several images, by several resources or exports: nothing in
// their names would tell them apart.
type ImageTags map[string][]ImageUse

// NewImageTags sorts uses by tag, in their order. An image without a tag or without a known digest is left out, and so is the image of an
// older revision: one that no channel holds, while a channel holds another revision of its resource.
func NewImageTags(uses []ImageUse) ImageTags {
	type resource struct{ charm, name string }
	released := make(map[resource]bool)
	for _, u := range uses {
		if u.Released {
			released[resource{u.Charm, u.Resource}] = true
		}
	}
	tags := make(ImageTags)
	for _, u := range uses {
		if tag := u.Image.Tag(); tag != "" && u.Image.Digest != "" && (u.Released || !released[resource{u.Charm, u.Resource}]) {
			tags[tag] = append(tags[tag], u)
		}
	}
	return tags
}

// Names reports whether a tag leads to one image only, image.
func (t ImageTags) Names(image *Image) bool {
	return !slices.ContainsFunc(t[image.Tag()], func(u ImageUse) bool { return u.Image.Digest != image.Digest })
}

// Clash returns two resources that give one tag to two images, and reports false if there are none.
func (t ImageTags) Clash(tag string) (a, b ImageUse, ok bool) {
	uses := t[tag]
	for _, u := range uses {
		if u.Image.Digest != uses[0].Image.Digest {
			return uses[0], u, true
		}
	}
	return a, b, false
}
