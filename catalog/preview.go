package catalog

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// Preview returns the catalogue as it would be after imports, in their order. Like Plan, it applies them in a transaction that is
// rolled back.
func (db *DB) Preview(ctx context.Context, imports []*Import) (*Snapshot, error) {
	c := &Snapshot{}
	err := pgx.BeginFunc(ctx, db.pool, func(tx pgx.Tx) error {
		if err := db.keepLock(ctx, tx); err != nil {
			return err
		}
		for _, in := range imports {
			a := newApplier(ctx, in)
			a.tx = tx
			if err := a.run(); err != nil {
				return fmt.Errorf("%s: %w", in.Name, err)
			}
		}
		if err := (&loader{ctx: ctx, tx: tx, c: c, byID: make(map[string]*Snap)}).run(); err != nil {
			return err
		}
		return errRollback
	})
	if !errors.Is(err, errRollback) {
		return nil, fmt.Errorf("preview the imports: %w", interpret(err))
	}
	return c, nil
}
