package catalog

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// RevisionKey names a revision of a snap or a charm, or of a charm's resource, or an image that belongs to no charm.
type RevisionKey struct {
	Kind ItemKind
	// Name is the name of the snap, charm, charm bundle or repository. Resource is empty for the first three, and the digest of an image.
	Name, Resource string
	Revision       int
}

// LastImports returns the time of the last import that brought each revision. Charm bundles have the kind ItemCharm, like charms.
func (db *DB) LastImports(ctx context.Context) (map[RevisionKey]time.Time, error) {
	const q = `
		select 'snap', s.name, '', revision, imported_at from snap_revision r join snap s using (snap_id) join import i on r.import_id = i.id
		union all select 'charm', c.name, '', revision, imported_at
			from charm_revision r join charm c using (charm_id) join import i on r.import_id = i.id
		union all select 'charm', c.name, r.name, revision, imported_at
			from charm_resource r join charm c using (charm_id) join import i on r.import_id = i.id
		union all select 'image', repository, digest, 0, imported_at from repository_image r join import i on r.import_id = i.id`
	out := make(map[RevisionKey]time.Time)
	rows, err := db.pool.Query(ctx, q)
	if err == nil {
		var k RevisionKey
		var at time.Time
		_, err = pgx.ForEachRow(rows, []any{(*string)(&k.Kind), &k.Name, &k.Resource, &k.Revision, &at}, func() error {
			out[k] = at
			return nil
		})
	}
	if err != nil {
		return nil, fmt.Errorf("read the times of the imports: %w", interpret(err))
	}
	return out, nil
}
