package catalog

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/opencontainers/go-digest"

	"offlinestore/audit"
)

// usedBlobs selects the digests of all blobs that are referred to. The list must contain no null: with a null, no blob would
// count as unused.
const usedBlobs = `
	select blob from snap_revision union select unnest(resources) from snap_revision union select blob from snap_component
	union select icon from snap where icon is not null
	union select blob from charm_revision
	union select blob from charm_resource where blob is not null
	union select icon from charm where icon is not null
	union select digest from image union select unnest(blobs) from image
	union select blob from part_blob`

// Blobs returns the blobs that the catalogue refers to.
func (db *DB) Blobs(ctx context.Context) ([]Blob, error) {
	return db.listBlobs(ctx, `select digest, size, sha3_384 from blob where digest in (`+usedBlobs+`) order by digest`)
}

// UnusedBlobs returns the blobs of earlier imports that the catalogue does not refer to any more.
func (db *DB) UnusedBlobs(ctx context.Context) ([]Blob, error) {
	return db.listBlobs(ctx, `select digest, size, sha3_384 from blob where digest not in (`+usedBlobs+`) order by digest`)
}

func (db *DB) listBlobs(ctx context.Context, q string) ([]Blob, error) {
	rows, err := db.pool.Query(ctx, q)
	if err != nil {
		return nil, fmt.Errorf("list the blobs: %w", interpret(err))
	}
	var out []Blob
	var b Blob
	var d string
	_, err = pgx.ForEachRow(rows, []any{&d, &b.Size, &b.SHA3384}, func() error {
		b.Digest = digest.Digest(d)
		out = append(out, b)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list the blobs: %w", interpret(err))
	}
	return out, nil
}

// ForgetBlobs deletes blobs from the catalogue that nothing refers to.
func (db *DB) ForgetBlobs(ctx context.Context) error {
	const q = `
		with gone as (delete from blob where digest not in (` + usedBlobs + `) returning size)
		select count(*), coalesce(sum(size), 0)::bigint from gone`
	err := pgx.BeginFunc(ctx, db.pool, func(tx pgx.Tx) error {
		var blobs, size int64
		if err := tx.QueryRow(ctx, q).Scan(&blobs, &size); err != nil || blobs == 0 {
			return err
		}
		return appendAudit(ctx, tx, audit.Act{What: "gc", Subject: "blobs", Before: map[string]int64{"blobs": blobs, "bytes": size}})
	})
	if err != nil {
		return fmt.Errorf("forget unused blobs: %w", interpret(err))
	}
	return nil
}

// BlobSums returns the SHA3-384, in hex, of the blobs whose SHA3-384 the catalogue knows. It does not know the one of an icon.
func (db *DB) BlobSums(ctx context.Context, blobs []Blob) (map[digest.Digest]string, error) {
	const q = `select digest, sha3_384 from blob where digest = any($1) and sha3_384 <> ''`
	names := make([]string, len(blobs))
	for i, b := range blobs {
		names[i] = b.Digest.String()
	}
	rows, err := db.pool.Query(ctx, q, names)
	if err != nil {
		return nil, fmt.Errorf("look up blobs: %w", interpret(err))
	}
	out := make(map[digest.Digest]string)
	var d, sum string
	_, err = pgx.ForEachRow(rows, []any{&d, &sum}, func() error {
		out[digest.Digest(d)] = sum
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("look up blobs: %w", interpret(err))
	}
	return out, nil
}
