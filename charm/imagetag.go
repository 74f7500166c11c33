package charm

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
type ImageTags map[string]taggedImages

// taggedImages holds the first use of a tag, and the first use of the tag for another image, if there is one.
type taggedImages struct{ first, other *ImageUse }

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
	for i := range uses {
		u := &uses[i]
		if tag := u.Image.Tag(); tag != "" && u.Image.Digest != "" && (u.Released || !released[resource{u.Charm, u.Resource}]) {
			tags[tag] = tags[tag].with(u)
		}
	}
	return tags
}

func (t taggedImages) with(u *ImageUse) taggedImages {
	switch {
	case t.first == nil:
		t.first = u
	case t.other == nil && u.Image.Digest != t.first.Image.Digest:
		t.other = u
	}
	return t
}

// Names reports whether a tag leads to one image only, image.
func (t ImageTags) Names(image *Image) bool {
	uses := t[image.Tag()]
	return uses.first == nil || uses.other == nil && uses.first.Image.Digest == image.Digest
}

// Clash returns two resources that give one tag to two images, and reports false if there are none.
func (t ImageTags) Clash(tag string) (a, b ImageUse, ok bool) {
	uses := t[tag]
	if uses.other == nil {
		return a, b, false
	}
	return *uses.first, *uses.other, true
}
