package service

import (
	"context"
	"slices"

	"offlinestore/catalog"
	"offlinestore/registry"
)

// catalogSource is the source of the server's catalogue. The registry gets each state first: no answer may name an image that the registry
// does not know yet.
type catalogSource struct {
	*catalog.Reader
	images *registry.Registry // nil without a built-in registry
	// charms has the charms and images of the last state, for the registry.
	charms *catalog.Snapshot
}

// Load loads the changes of the catalogue, and gives them to the registry.
func (c *catalogSource) Load(ctx context.Context, since catalog.Position, sink catalog.Sink) (*catalog.Changes, error) {
	changes, err := c.Reader.Load(ctx, since, sink)
	if err != nil || c.images == nil || !changes.IsWhole && len(changes.CharmIDs) == 0 && !changes.HasImages {
		return changes, err
	}
	merged := changes.MergeCharms(c.charms)
	if err := c.images.SetSnapshot(merged); err != nil {
		return nil, err
	}
	c.charms = merged
	return changes, nil
}

// namesImages reports whether charms send clients to a registry.
func namesImages(cat *catalog.Snapshot) bool {
	return slices.ContainsFunc(cat.Charms, func(c catalog.Charm) bool {
		return slices.ContainsFunc(c.Resources, func(r catalog.CharmResource) bool { return r.Image != nil })
	})
}
