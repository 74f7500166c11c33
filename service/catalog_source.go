package service

import (
	"context"
	"slices"

	"offlinestore/catalog"
	"offlinestore/registry"
)

// catalogSource is the source of the server's snapshots. The registry gets each of them first: no answer may name an image that the
// registry does not know yet.
type catalogSource struct {
	*catalog.Reader
	images *registry.Registry // nil without a built-in registry
}

// LoadSnapshot loads the catalogue and gives it to the registry.
func (c catalogSource) LoadSnapshot(ctx context.Context) (*catalog.Snapshot, error) {
	cat, err := c.Reader.LoadSnapshot(ctx)
	if err == nil && c.images != nil {
		err = c.images.SetSnapshot(cat)
	}
	return cat, err
}

// namesImages reports whether charms send clients to a registry.
func namesImages(cat *catalog.Snapshot) bool {
	return slices.ContainsFunc(cat.Charms, func(c catalog.Charm) bool {
		return slices.ContainsFunc(c.Resources, func(r catalog.CharmResource) bool { return r.Image != nil })
	})
}
