package instance

import (
	"time"

	"offlinestore/catalog"
)

// PruneItems returns the items that Prune would remove.
func PruneItems(o PruneOptions, times map[catalog.RevisionKey]time.Time, c *catalog.Snapshot) ([]catalog.Item, error) {
	return newPruner(o, times, nil, c).items()
}
