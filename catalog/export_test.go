package catalog

import "context"

// ReaderCanWrite tries to write on a reader's connection.
func ReaderCanWrite(ctx context.Context, r *Reader) (bool, error) {
	_, err := r.pool.Exec(ctx, `update generation set number = number + 1`)
	if isCode(err, "25006") { // read_only_sql_transaction
		return false, nil
	}
	return err == nil, err
}
