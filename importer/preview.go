package importer

import (
	"context"

	"offlinestore/catalog"
)

// Preview returns the catalogue as it would be after importing candidates one after the other.
func (im *Importer) Preview(ctx context.Context, list []Candidate) (*catalog.Snapshot, error) {
	return im.Store.Preview(ctx, records(list))
}

func records(list []Candidate) []*catalog.Import {
	out := make([]*catalog.Import, len(list))
	for i, c := range list {
		out[i] = c.record
	}
	return out
}
