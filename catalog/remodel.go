package catalog

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"offlinestore/audit"
)

var (
	// ErrNoRemodel reports that the allow-list has no such entry.
	ErrNoRemodel = errors.New("the allow-list has no such entry")
	// ErrRemodelExists reports that the allow-list has an entry already.
	ErrRemodelExists = errors.New("the allow-list has such an entry already")
)

// Remodel allows devices of a model to become another model of the brand.
type Remodel struct {
	BrandID, FromModel, ToModel string
	// FromSerial is the serial of one device, or empty for all devices of the model.
	FromSerial  string
	Description string
	Stamp
}

// RemodelQuery asks for a part of a brand's allow-list.
type RemodelQuery struct {
	BrandID string
	// FromModel and ToModel narrow the list, unless they are empty.
	FromModel, ToModel string
	// After is the last entry of the page before; its fields are empty for the first page.
	After Remodel
	// Limit is the number of entries.
	Limit int
}

// Remodels returns a page of an allow-list, in a fixed order.
func (db *DB) Remodels(ctx context.Context, r RemodelQuery) ([]Remodel, error) {
	const q = `
		select brand_id, from_model, to_model, from_serial, description, ` + stampColumns + ` from remodel
		where brand_id = $1 and $2 in ('', from_model) and $3 in ('', to_model)
			and (from_model, to_model, from_serial) > ($4, $5, $6)
		order by from_model, to_model, from_serial limit $7`
	var list []Remodel
	rows, err := db.pool.Query(ctx, q, text(r.BrandID), text(r.FromModel), text(r.ToModel),
		text(r.After.FromModel), text(r.After.ToModel), text(r.After.FromSerial), r.Limit)
	if err == nil {
		var m Remodel
		to := append([]any{&m.BrandID, &m.FromModel, &m.ToModel, &m.FromSerial, &m.Description}, m.columns()...)
		_, err = pgx.ForEachRow(rows, to, func() error {
			list = append(list, m)
			return nil
		})
	}
	if err != nil {
		return nil, fmt.Errorf("list the allow-list: %w", interpret(err))
	}
	return list, nil
}

// AddRemodels adds entries to the allow-list of a brand: all, or none. The target of each must be a model of the brand at this store. The
// error is ErrNoModel, ErrRemodelExists or ErrTooMany.
func (db *DB) AddRemodels(ctx context.Context, by, brand string, list []Remodel) ([]Remodel, error) {
	const known = `select from device_model where brand_id = $1 and name = $2`
	const q = `
		insert into remodel (brand_id, from_model, to_model, from_serial, description, created_by, modified_by)
		values ($1, $2, $3, $4, $5, $6, $6) on conflict do nothing returning ` + stampColumns
	return db.changeRemodels(ctx, remodelChange{"extend the allow-list", "allow-remodel"}, brand, list, func(tx pgx.Tx, r *Remodel) error {
		if err := requireRow(ctx, tx, ErrNoModel, known, text(brand), r.ToModel); err != nil {
			return err
		}
		return r.load(ctx, tx, ErrRemodelExists, q, r.Description, text(by))
	})
}

// DescribeRemodels changes the descriptions of entries: all, or none. The error is ErrNoRemodel if one is missing.
func (db *DB) DescribeRemodels(ctx context.Context, by, brand string, list []Remodel) ([]Remodel, error) {
	const q = `
		update remodel set description = $5, modified_at = now(), modified_by = $6
		where brand_id = $1 and from_model = $2 and to_model = $3 and from_serial = $4 returning ` + stampColumns
	return db.changeRemodels(ctx, remodelChange{"change the allow-list", "change-remodel"}, brand, list, func(tx pgx.Tx, r *Remodel) error {
		return r.load(ctx, tx, ErrNoRemodel, q, r.Description, text(by))
	})
}

// RemoveRemodels removes entries: all, or none. The error is ErrNoRemodel if one is missing.
func (db *DB) RemoveRemodels(ctx context.Context, brand string, list []Remodel) ([]Remodel, error) {
	const q = `
		delete from remodel where brand_id = $1 and from_model = $2 and to_model = $3 and from_serial = $4
		returning description, ` + stampColumns
	return db.changeRemodels(ctx, remodelChange{"shorten the allow-list", "disallow-remodel"}, brand, list, func(tx pgx.Tx, r *Remodel) error {
		return r.scan(tx.QueryRow(ctx, q, r.key()...), ErrNoRemodel, &r.Description)
	})
}

// remodelChange is a kind of change: its name in errors, and in the audit trail.
type remodelChange struct{ what, act string }

// changeRemodels changes entries in one transaction, and returns them with their stamps.
func (db *DB) changeRemodels(ctx context.Context, c remodelChange, brand string, list []Remodel, f func(pgx.Tx, *Remodel) error) ([]Remodel, error) {
	const count = `select count(*) from remodel where brand_id = $1`
	list = slices.Clone(list)
	err := db.change(ctx, c.what, func(tx pgx.Tx) (acts []audit.Act, err error) {
		for i := range list {
			r := &list[i]
			r.BrandID = text(brand)
			if err := f(tx, r); err != nil {
				return nil, fmt.Errorf("%s to %s: %w", r.FromModel, r.ToModel, err)
			}
			act := audit.Act{What: c.act, Subject: modelSubject(brand, r.FromModel), After: r.state()}
			if c.act == "disallow-remodel" {
				act.Before, act.After = act.After, nil
			}
			acts = append(acts, act)
		}
		return acts, requireRoom(ctx, tx, maxRemodels+1, count, text(brand))
	})
	if err != nil {
		return nil, err
	}
	return list, nil
}

// state describes the entry for the audit trail.
func (r *Remodel) state() any {
	return map[string]string{"to-model": r.ToModel, "from-serial": r.FromSerial, "description": r.Description}
}

func (r *Remodel) key() []any {
	return []any{r.BrandID, text(r.FromModel), text(r.ToModel), text(r.FromSerial)}
}

// load runs a statement about the entry that returns its stamp.
func (r *Remodel) load(ctx context.Context, tx pgx.Tx, missing error, q, description, by string) error {
	return r.scan(tx.QueryRow(ctx, q, append(r.key(), text(description), by)...), missing)
}

// scan reads the stamp of the entry after the given columns.
func (r *Remodel) scan(row pgx.Row, missing error, columns ...any) error {
	err := row.Scan(append(columns, r.columns()...)...)
	if errors.Is(err, pgx.ErrNoRows) {
		return missing
	}
	return err
}
