package exporter

import "context"

// ModelKeys returns the keys among ids that an export of snapd would carry.
func (e *Exporter) ModelKeys(ctx context.Context, ids ...string) (found []string) {
	for _, ref := range e.newFetcher(ctx).fetchModelKeys(ids) {
		found = append(found, ref.PrimaryKey[0])
	}
	return found
}
