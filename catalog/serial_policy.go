package catalog

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"offlinestore/audit"
)

// ErrNoPolicy reports that a model has no such policy.
var ErrNoPolicy = errors.New("the model has no such serial policy")

// SerialPolicy tells which key signs the serials of a model. The newest revision counts.
type SerialPolicy struct {
	BrandID, Model string
	Revision       int
	KeyID          string
	// AuthorityID is the account in whose name the key signs.
	AuthorityID string
	CreatedAt   time.Time
	CreatedBy   string
	// Registered reports whether the catalogue has an account-key of the authority for the key.
	Registered bool
}

// SerialPolicies returns the policies of a model, the active one first. The error is ErrNoModel if there is no such model.
func (db *DB) SerialPolicies(ctx context.Context, brand, model string) ([]SerialPolicy, error) {
	if _, err := db.DeviceModel(ctx, brand, model); err != nil {
		return nil, err
	}
	list, err := db.serialPolicies(ctx, `where brand_id = $1 and model = $2 order by revision desc`, text(brand), text(model))
	if err != nil {
		return nil, fmt.Errorf("list serial policies: %w", interpret(err))
	}
	return list, nil
}

func (db *DB) serialPolicies(ctx context.Context, where string, args ...any) (list []SerialPolicy, err error) {
	const q = `
		select brand_id, model, revision, key_id, authority_id, created_at, created_by,
			(select raw from assertion a where a.type = 'account-key' and a.primary_key = array[p.key_id] order by revision desc, format desc limit 1)
		from serial_policy p `
	rows, err := db.pool.Query(ctx, q+where, args...)
	if err != nil {
		return nil, err
	}
	var p SerialPolicy
	var raw []byte
	_, err = pgx.ForEachRow(rows, []any{&p.BrandID, &p.Model, &p.Revision, &p.KeyID, &p.AuthorityID, &p.CreatedAt, &p.CreatedBy, &raw}, func() error {
		p.Registered = isKeyOf(raw, p.AuthorityID)
		list = append(list, p)
		return nil
	})
	return list, err
}

// AddSerialPolicy makes the next policy of a model, with a key of the brand, and returns it. Revisions are never used again, even if the model is removed and added again. The error is ErrNoModel, ErrNoSigningKey or ErrTooMany.
func (db *DB) AddSerialPolicy(ctx context.Context, by, brand, model, key string) (*SerialPolicy, error) {
	const count = `select count(*) from serial_policy where brand_id = $1 and model = $2`
	const lock = `select from device_model where brand_id = $1 and name = $2 for update`
	const next = `
		insert into last_policy (brand_id, model, revision) values ($1, $2, 1)
		on conflict (brand_id, model) do update set revision = last_policy.revision + 1 returning revision`
	const add = `
		insert into serial_policy (brand_id, model, revision, key_id, authority_id, created_by)
		select brand_id, $2, $3, id, brand_id, $5 from signing_key where brand_id = $1 and id = $4`
	var revision int
	err := db.change(ctx, "add a serial policy", func(tx pgx.Tx) ([]audit.Act, error) {
		if err := requireRow(ctx, tx, ErrNoModel, lock, text(brand), text(model)); err != nil {
			return nil, err
		}
		if err := tx.QueryRow(ctx, next, text(brand), text(model)).Scan(&revision); err != nil {
			return nil, err
		}
		if err := requireRoom(ctx, tx, maxOfBrand, count, brand, model); err != nil {
			return nil, err
		}
		err := requireRow(ctx, tx, ErrNoSigningKey, add, brand, model, revision, text(key), text(by))
		return []audit.Act{{What: "create-serial-policy", Subject: modelSubject(brand, model), After: policyState(revision, key)}}, err
	})
	if err != nil {
		return nil, err
	}
	list, err := db.serialPolicies(ctx, `where brand_id = $1 and model = $2 and revision = $3`, text(brand), text(model), revision)
	if err == nil && len(list) == 0 {
		err = ErrNoPolicy // somebody has removed it meanwhile
	}
	if err != nil {
		return nil, fmt.Errorf("read a serial policy: %w", interpret(err))
	}
	return &list[0], nil
}

// RemoveSerialPolicy removes a revision of a model's policy. If it was the active one, the one before becomes active. The error is
// ErrNoPolicy if there is no such revision.
func (db *DB) RemoveSerialPolicy(ctx context.Context, brand, model string, revision int) error {
	const q = `delete from serial_policy where brand_id = $1 and model = $2 and revision = $3 returning key_id`
	return db.change(ctx, "remove a serial policy", func(tx pgx.Tx) ([]audit.Act, error) {
		var key string
		err := tx.QueryRow(ctx, q, text(brand), text(model), revision).Scan(&key)
		if errors.Is(err, pgx.ErrNoRows) {
			err = ErrNoPolicy
		}
		return []audit.Act{{What: "delete-serial-policy", Subject: modelSubject(brand, model), Before: policyState(revision, key)}}, err
	})
}

// policyState describes a policy for the audit trail.
func policyState(revision int, key string) any {
	return map[string]any{"revision": revision, "signing-key-sha3-384": key}
}
