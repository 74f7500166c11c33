package importer

import (
	"context"

	"offlinestore/catalog"
)

// Preview returns the catalogue as it would be after importing bundles, and then unsigned files, each in their order. Each of them
// was planned before.
func (im *Importer) Preview(ctx context.Context, bundles []*Opened, unsigned []*Unsigned) (*catalog.Snapshot, error) {
	var all []*catalog.Import
	for _, o := range bundles {
		all = append(all, im.record(o))
	}
	for _, u := range unsigned {
		all = append(all, u.record)
	}
	return im.Store.Preview(ctx, all)
}
