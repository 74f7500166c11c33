package wanted

import (
	"offlinestore/image"
)

// isGiven reports whether something is said about the images of charms.
func (i *Images) isGiven() bool {
	return i.Include != nil || i.Referrers != nil || len(i.Architectures) > 0
}

// Inside returns the name that an image gets inside.
func (i *Image) Inside() (image.Name, error) {
	ref, err := image.ParseReference(i.Name)
	if err != nil {
		return image.Name{}, err
	}
	return ref.Inside(i.As)
}

// wish returns the name by which clients pull the image: path:tag, or path@digest.
func (i *Image) wish() string {
	n, err := i.Inside()
	if err != nil {
		return i.Name // validateImages has refused it
	}
	if ref, err := image.ParseReference(i.Name); err == nil && n.Tag == "" {
		return n.Path + "@" + ref.Digest
	}
	return n.String()
}

// validateImages finds images without a name inside, and two of one name.
func (d *decoder) validateImages(f *File) {
	if f.Images.isGiven() && f.CharmImages.isGiven() {
		d.entry(f.Images.Position, "images is about charms here, and so is charm-images: keep one of them")
	}
	seen := make(map[string]Position)
	for _, i := range f.Images.List {
		if _, err := i.Inside(); err != nil {
			d.entry(i.Position, "image %.*s: %v; as: gives it another name inside", 2*maxShown, i.Name, err)
			continue
		}
		name := i.wish()
		if first, ok := seen[name]; ok {
			d.entry(i.Position, "the image in line %d gets the name %s, too: as: gives one of them another", first.Line, name)
		}
		seen[name] = i.Position
	}
	if n := len(f.Images.List); n > maxEntries {
		d.problemAt(0, 0, "%d images, at most %d", n, maxEntries)
	}
}
