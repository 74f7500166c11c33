package exporter

import "context"

// PushArchitectures exports pushArchitectures. The simulated store never offers a revision to an architecture that it doesn't run on.
var PushArchitectures = pushArchitectures

// ModelKeys returns the keys among ids that an export of snapd would carry.
func (e *Exporter) ModelKeys(ctx context.Context, ids ...string) (found []string) {
	for _, ref := range e.newFetcher(ctx).fetchModelKeys(ids) {
		found = append(found, ref.PrimaryKey[0])
	}
	return found
}
