package catalog

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"offlinestore/audit"
)

var (
	// ErrNoModel reports that a brand has no such model at this store.
	ErrNoModel = errors.New("the brand has no such model at this store")
	// ErrModelExists reports that a model is there already.
	ErrModelExists = errors.New("there is such a model already")
)

// DeviceModel is a model whose devices this store registers.
type DeviceModel struct {
	BrandID, Name, Series string
	// APIKey is empty if devices need none.
	APIKey string
	// PolicyRevision and KeyID are the active policy and its signing key: 0 and empty if there is none.
	PolicyRevision int
	KeyID          string
	Stamp
}

// DeviceModels returns the models of a brand, sorted by name.
func (db *DB) DeviceModels(ctx context.Context, brand string) ([]DeviceModel, error) {
	list, err := db.deviceModels(ctx, `where m.brand_id = $1 order by m.name collate "C"`, text(brand))
	if err != nil {
		return nil, fmt.Errorf("list models: %w", interpret(err))
	}
	return list, nil
}

// DeviceModel returns a model. The error is ErrNoModel if there is none.
func (db *DB) DeviceModel(ctx context.Context, brand, name string) (*DeviceModel, error) {
	list, err := db.deviceModels(ctx, `where m.brand_id = $1 and m.name = $2`, text(brand), text(name))
	if err == nil && len(list) == 0 {
		err = ErrNoModel
	}
	if err != nil {
		return nil, fmt.Errorf("read a model: %w", interpret(err))
	}
	return &list[0], nil
}

func (db *DB) deviceModels(ctx context.Context, where string, args ...any) (list []DeviceModel, err error) {
	const q = `
		select m.brand_id, m.name, m.series, m.api_key, coalesce(p.revision, 0), coalesce(p.key_id, ''),
			m.created_at, m.created_by, m.modified_at, m.modified_by
		from device_model m
		left join lateral (
			select revision, key_id from serial_policy p
			where p.brand_id = m.brand_id and p.model = m.name order by revision desc limit 1
		) p on true `
	rows, err := db.pool.Query(ctx, q+where, args...)
	if err != nil {
		return nil, err
	}
	var m DeviceModel
	to := append([]any{&m.BrandID, &m.Name, &m.Series, &m.APIKey, &m.PolicyRevision, &m.KeyID}, m.columns()...)
	_, err = pgx.ForEachRow(rows, to, func() error {
		list = append(list, m)
		return nil
	})
	return list, err
}

// AddDeviceModel adds a model. The error is ErrModelExists or ErrTooMany.
func (db *DB) AddDeviceModel(ctx context.Context, by string, m DeviceModel) error {
	const q = `
		insert into device_model (brand_id, name, series, api_key, created_by, modified_by) values ($1, $2, $3, $4, $5, $5)
		on conflict do nothing`
	return db.change(ctx, "add a model", func(tx pgx.Tx) ([]audit.Act, error) {
		if err := requireRoom(ctx, tx, maxOfBrand, `select count(*) from device_model where brand_id = $1`, m.BrandID); err != nil {
			return nil, err
		}
		err := requireRow(ctx, tx, ErrModelExists, q, m.BrandID, m.Name, m.Series, m.APIKey, text(by))
		return []audit.Act{{What: "create-model", Subject: modelSubject(m.BrandID, m.Name), After: modelState(m.APIKey)}}, err
	})
}

// SetAPIKey changes the API key of a model. Devices need none if it is empty. The error is ErrNoModel if there is no such model.
func (db *DB) SetAPIKey(ctx context.Context, by, brand, name, key string) error {
	const q = `update device_model set api_key = $3, modified_at = now(), modified_by = $4 where brand_id = $1 and name = $2`
	return db.change(ctx, "change a model", func(tx pgx.Tx) ([]audit.Act, error) {
		before, err := readAPIKey(ctx, tx, brand, name)
		if err != nil {
			return nil, err
		}
		_, err = tx.Exec(ctx, q, text(brand), text(name), key, text(by))
		act := audit.Act{What: "change-model", Subject: modelSubject(brand, name), Before: modelState(before), After: modelState(key)}
		if before != "" && key != "" && before != key {
			act.After = map[string]string{"api-key": "changed"}
		}
		return []audit.Act{act}, err
	})
}

// readAPIKey reads the API key of a model, and locks the model. The error is ErrNoModel if there is no such model.
func readAPIKey(ctx context.Context, tx pgx.Tx, brand, name string) (key string, err error) {
	const q = `select api_key from device_model where brand_id = $1 and name = $2 for update`
	err = tx.QueryRow(ctx, q, text(brand), text(name)).Scan(&key)
	if errors.Is(err, pgx.ErrNoRows) {
		err = ErrNoModel
	}
	return key, err
}

// modelSubject names a model in the audit trail, and modelState describes it without its API key.
func modelSubject(brand, model string) string { return brand + "/" + model }

func modelState(apiKey string) any {
	if apiKey == "" {
		return map[string]string{"api-key": "none"}
	}
	return map[string]string{"api-key": "set"}
}

// RemoveDeviceModel removes a model with its policies and its entries of the allow-list. The serials that were issued stay on record. The
// error is ErrNoModel if there is no such model.
func (db *DB) RemoveDeviceModel(ctx context.Context, brand, name string) error {
	const entries = `delete from remodel where brand_id = $1 and (from_model = $2 or to_model = $2)`
	return db.change(ctx, "remove a model", func(tx pgx.Tx) ([]audit.Act, error) {
		key, err := readAPIKey(ctx, tx, brand, name)
		if err != nil {
			return nil, err
		}
		if _, err := tx.Exec(ctx, `delete from device_model where brand_id = $1 and name = $2`, brand, name); err != nil {
			return nil, err
		}
		_, err = tx.Exec(ctx, entries, brand, name)
		return []audit.Act{{What: "delete-model", Subject: modelSubject(brand, name), Before: modelState(key)}}, err
	})
}

// Brands returns the accounts that have a store, keys or models here, sorted.
func (db *DB) Brands(ctx context.Context) ([]string, error) {
	const q = `
		select brand_id collate "C" as id from (
			select brand_id from store union select brand_id from signing_key union select brand_id from device_model
		) brands where brand_id <> '' order by id`
	rows, err := db.pool.Query(ctx, q)
	var list []string
	if err == nil {
		list, err = pgx.CollectRows(rows, pgx.RowTo[string])
	}
	if err != nil {
		return nil, fmt.Errorf("list brands: %w", interpret(err))
	}
	return list, nil
}
