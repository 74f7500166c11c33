package catalog

import (
	"context"
	"time"
)

// ReaderCanWrite tries to write on a reader's connection.
func ReaderCanWrite(ctx context.Context, r *Reader) (bool, error) {
	_, err := r.pool.Exec(ctx, `update generation set number = number + 1`)
	if isCode(err, "25006") { // read_only_sql_transaction
		return false, nil
	}
	return err == nil, err
}

// BoundStatements replaces the times that the statements of a catalogue may take.
func BoundStatements(db *DB, d time.Duration) {
	*db.pool.Config().ConnConfig.Tracer.(*bound) = bound{d, d}
}

// BoundReader replaces the times that the statements of a reader may take.
func BoundReader(r *Reader, d time.Duration) {
	*r.pool.Config().ConnConfig.Tracer.(*bound) = bound{d, d}
}

// WantedLock is the advisory lock of the wanted items.
const WantedLock = wantedLock

// SchemaLock is the advisory lock of upgrades.
const SchemaLock = schemaLock
