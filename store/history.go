package store

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/opencontainers/go-digest"
)

// Record is one line of the history of imports.
type Record struct {
	ID         int64         `json:"id"`
	Bundle     digest.Digest `json:"bundle"`
	Name       string        `json:"name"`
	Signer     string        `json:"signer"`
	SignedAt   time.Time     `json:"signed-at"`
	Sequence   uint64        `json:"sequence"`
	Exporter   string        `json:"exporter"`
	Program    string        `json:"program"`
	ImportedAt time.Time     `json:"imported-at"`
	Report     Report        `json:"report"`
}

// History lists the imports, newest first; bundle restricts it to one bundle unless it is empty.
func (s *Store) History(ctx context.Context, bundle digest.Digest) ([]Record, error) {
	const q = `
		select id, bundle, name, signer, signed_at, sequence, exporter, program, imported_at, report from import
		where $1 in ('', bundle) order by id desc`
	rows, err := s.pool.Query(ctx, q, bundle.String())
	if err != nil {
		return nil, fmt.Errorf("read the history: %w", interpret(err))
	}
	var out []Record
	var r Record
	var d, report string
	var sequence int64
	_, err = pgx.ForEachRow(rows, []any{&r.ID, &d, &r.Name, &r.Signer, &r.SignedAt, &sequence, &r.Exporter, &r.Program, &r.ImportedAt, &report}, func() error {
		r.Bundle, r.Sequence, r.Report = digest.Digest(d), uint64(sequence), Report{}
		if err := json.Unmarshal([]byte(report), &r.Report); err != nil {
			return fmt.Errorf("import %d: %w", r.ID, err)
		}
		out = append(out, r)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the history: %w", interpret(err))
	}
	return out, nil
}

// Blobs lists the blobs that something in the catalogue refers to.
func (s *Store) Blobs(ctx context.Context) ([]Blob, error) {
	const q = `
		select digest, size, sha3_384 from blob
		where digest in (select blob from snap_revision union select unnest(resources) from snap_revision union select icon from snap)
		order by digest`
	rows, err := s.pool.Query(ctx, q)
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

// ForgetBlobs takes blobs that nothing refers to out of the catalogue.
func (s *Store) ForgetBlobs(ctx context.Context) error {
	const q = `
		delete from blob
		where digest not in (select blob from snap_revision union select unnest(resources) from snap_revision
			union select icon from snap where icon is not null)`
	if _, err := s.pool.Exec(ctx, q); err != nil {
		return fmt.Errorf("forget unused blobs: %w", interpret(err))
	}
	return nil
}

// Ping says whether the database answers.
func (s *Store) Ping(ctx context.Context) error { return interpret(s.pool.Ping(ctx)) }

// Ping says whether the database answers.
func (r *Reader) Ping(ctx context.Context) error { return interpret(r.pool.Ping(ctx)) }

// BlobSums returns the SHA3-384, in hex, of those of the blobs of which the catalogue knows it; it does not of an icon.
func (s *Store) BlobSums(ctx context.Context, blobs []Blob) (map[digest.Digest]string, error) {
	const q = `select digest, sha3_384 from blob where digest = any($1) and sha3_384 <> ''`
	names := make([]string, len(blobs))
	for i, b := range blobs {
		names[i] = b.Digest.String()
	}
	rows, err := s.pool.Query(ctx, q, names)
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
