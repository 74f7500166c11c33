// Package wanted turns the items that clients asked for in vain into files for the exporter.
package wanted

import (
	"context"
	"errors"

	"offlinestore/assertion"
	"offlinestore/catalog"
	"offlinestore/snap"
)

// List returns the wanted items of a store. It replaces the IDs of snaps by their names, as far as assertions of the store have them.
func List(ctx context.Context, db *catalog.DB) ([]catalog.Wanted, error) {
	list, err := db.Wanted(ctx)
	if err != nil {
		return nil, err
	}
	for i, w := range list {
		if w.Kind != catalog.WantedSnapID {
			continue
		}
		d, err := db.Assertion(ctx, assertion.Ref{Type: "snap-declaration", PrimaryKey: []string{snap.Series, w.Name}})
		if errors.Is(err, assertion.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if name := d.HeaderString("snap-name"); snap.ValidateName(name) == nil {
			list[i].Kind, list[i].Name = catalog.WantedSnap, name
		}
	}
	return list, nil
}

// IsCharm reports whether an item is a charm or a charm bundle.
func IsCharm(w catalog.Wanted) bool {
	return w.Kind == catalog.WantedCharm || w.Kind == catalog.WantedCharmID
}
