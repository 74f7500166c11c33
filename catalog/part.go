package catalog

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/opencontainers/go-digest"

	"offlinestore/audit"
)

// PartSet is a divided bundle of which some parts have arrived. Nothing of it is served before all are there.
type PartSet struct {
	// ID identifies the parts that belong together.
	ID digest.Digest
	// Bundle is the digest of the bundle index.
	Bundle   digest.Digest
	Signer   string
	SignedAt time.Time
	Sequence uint64
	Exporter string
	// Content has the names of snaps and charms, for people.
	Content string
	// Files are the names of the files of all parts, in their order.
	Files   []string
	BegunAt time.Time
	// Arrived are the parts that are here, in the order of their numbers.
	Arrived []ArrivedPart
}

// ArrivedPart is a part whose blobs are in the blob folder.
type ArrivedPart struct {
	// Number counts the parts from 1. File is the operator's name of the file.
	Number    int
	File      string
	ArrivedAt time.Time
	// Blobs are verified blobs, and ranges of blobs.
	Blobs []Blob
}

// MissingPart is a part that is not here.
type MissingPart struct {
	Number int `json:"number"`
	// File is the name that its file had when it was made.
	File string `json:"file"`
}

// MissingParts returns the parts with these numbers, of a set with these files.
func MissingParts(files []string, numbers []int) []MissingPart {
	list := []MissingPart{}
	for _, n := range numbers {
		list = append(list, MissingPart{n, files[n-1]})
	}
	return list
}

// maxPartSets bounds the divided bundles that wait for parts.
const maxPartSets = 1000

// TooManySetsError reports that so many divided bundles wait for parts that another one cannot.
type TooManySetsError struct{ Most int }

// Error names the number.
func (e *TooManySetsError) Error() string {
	return fmt.Sprintf("%d divided bundles wait for parts already", e.Most)
}

// AddPart keeps the blobs of a part that has arrived until the other parts are there.
func (db *DB) AddPart(ctx context.Context, s *PartSet, p *ArrivedPart) error {
	err := pgx.BeginFunc(ctx, db.pool, func(tx pgx.Tx) error {
		if err := db.keepLock(ctx, tx); err != nil {
			return err
		}
		if err := lockApply(ctx, tx); err != nil {
			return err
		}
		added, err := addPart(ctx, tx, s, p)
		if err != nil || !added {
			return err
		}
		return appendAudit(ctx, tx, partAct(s, p))
	})
	if err != nil {
		return fmt.Errorf("keep a part: %w", interpret(err))
	}
	return nil
}

// addPart reports whether the part was not here before.
func addPart(ctx context.Context, tx pgx.Tx, s *PartSet, p *ArrivedPart) (added bool, err error) {
	const (
		count  = `select count(*) from part_set where id <> $1`
		addSet = `
			insert into part_set (id, bundle, signer, signed_at, sequence, exporter, content, files) values ($1, $2, $3, $4, $5, $6, $7, $8)
			on conflict do nothing`
		addPart  = `insert into part (set_id, number, file) values ($1, $2, $3) on conflict do nothing`
		addBlobs = `
			insert into part_blob (set_id, number, blob) select $1, $2, b from unnest($3::text[]) as b on conflict do nothing`
	)
	var sets int
	if err := tx.QueryRow(ctx, count, s.ID).Scan(&sets); err != nil {
		return false, err
	}
	if sets >= maxPartSets {
		return false, &TooManySetsError{maxPartSets}
	}
	names := make([]string, len(p.Blobs))
	for i, b := range p.Blobs {
		names[i] = b.Digest.String()
	}
	b := &pgx.Batch{}
	queueBlobs(b, p.Blobs)
	b.Queue(addSet, s.ID, s.Bundle, s.Signer, s.SignedAt, int64(s.Sequence), text(s.Exporter), text(s.Content), s.Files)
	b.Queue(addPart, s.ID, p.Number, text(p.File)).Exec(func(tag pgconn.CommandTag) error {
		added = tag.RowsAffected() > 0
		return nil
	})
	b.Queue(addBlobs, s.ID, p.Number, names)
	return added, tx.SendBatch(ctx, b).Close()
}

// partAct returns the row of a part that has arrived.
func partAct(s *PartSet, p *ArrivedPart) audit.Act {
	return audit.Act{What: "push-part", Subject: text(p.File), After: map[string]any{
		"set": s.ID, "bundle": s.Bundle, "signer": s.Signer, "signed-at": s.SignedAt.UTC(), "sequence": s.Sequence, "part": p.Number, "parts": len(s.Files),
	}}
}

// PartSets returns the divided bundles that wait for parts, the oldest first.
func (db *DB) PartSets(ctx context.Context) ([]PartSet, error) {
	const q = `
		select s.id, bundle, signer, signed_at, sequence, exporter, content, files, begun_at, p.number, p.file, p.arrived_at,
			coalesce(json_agg(json_build_object('Digest', b.digest, 'Size', b.size, 'SHA3384', b.sha3_384) order by b.digest) filter (where b.digest is not null), '[]')
		from part_set s join part p on p.set_id = s.id
		left join part_blob pb on pb.set_id = p.set_id and pb.number = p.number left join blob b on b.digest = pb.blob
		group by s.id, p.set_id, p.number order by begun_at, s.id, p.number`
	rows, err := db.pool.Query(ctx, q)
	if err != nil {
		return nil, fmt.Errorf("list the parts: %w", interpret(err))
	}
	list := []PartSet{}
	var s PartSet
	var p ArrivedPart
	var id, bundle string
	var blobs []byte
	_, err = pgx.ForEachRow(rows, []any{&id, &bundle, &s.Signer, &s.SignedAt, &s.Sequence, &s.Exporter, &s.Content, &s.Files, &s.BegunAt, &p.Number, &p.File, &p.ArrivedAt, &blobs}, func() error {
		s.ID, s.Bundle = digest.Digest(id), digest.Digest(bundle)
		p.Blobs = nil
		if err := json.Unmarshal(blobs, &p.Blobs); err != nil {
			return err
		}
		if len(list) == 0 || list[len(list)-1].ID != s.ID {
			list = append(list, s)
		}
		last := &list[len(list)-1]
		last.Arrived = append(last.Arrived, p)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list the parts: %w", interpret(err))
	}
	return list, nil
}

// forgetPartSet deletes a set whose bundle is imported. The bundle has its own row in the audit trail.
const forgetPartSet = `delete from part_set where id = $1`

// RemovePartSet forgets the parts of a divided bundle for good. Their blobs are garbage afterwards, unless something else refers to them. It returns their
// number and size.
func (db *DB) RemovePartSet(ctx context.Context, s *PartSet) (blobs int, size int64, err error) {
	const garbage = `select count(*), coalesce(sum(size), 0)::bigint from blob where digest = any($1) and digest not in (` + usedBlobs + `)`
	err = pgx.BeginFunc(ctx, db.pool, func(tx pgx.Tx) error {
		if err := lockApply(ctx, tx); err != nil {
			return err
		}
		before := []string{}
		for _, p := range s.Arrived {
			for _, b := range p.Blobs {
				before = append(before, b.Digest.String())
			}
		}
		if _, err := tx.Exec(ctx, forgetPartSet, s.ID); err != nil {
			return err
		}
		if err := tx.QueryRow(ctx, garbage, before).Scan(&blobs, &size); err != nil {
			return err
		}
		return appendAudit(ctx, tx, audit.Act{What: "remove-parts", Subject: s.Bundle.String(), Before: map[string]any{
			"set": s.ID, "signer": s.Signer, "signed-at": s.SignedAt.UTC(), "parts": len(s.Files), "arrived": len(s.Arrived),
		}})
	})
	if err != nil {
		return 0, 0, fmt.Errorf("remove parts: %w", interpret(err))
	}
	return blobs, size, nil
}

// EndPartSet forgets a set whose bundle was imported before, so that its import changes nothing.
func (db *DB) EndPartSet(ctx context.Context, id digest.Digest) error {
	if _, err := db.pool.Exec(ctx, forgetPartSet, id); err != nil {
		return fmt.Errorf("forget parts: %w", interpret(err))
	}
	return nil
}
