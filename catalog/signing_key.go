package catalog

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"offlinestore/assertion"
	"offlinestore/audit"
)

var (
	// ErrNoSigningKey reports that a brand has no such key on the token.
	ErrNoSigningKey = errors.New("the brand has no such signing key")
	// ErrSigningKeyExists reports that a key, or another one of the name, is there already.
	ErrSigningKeyExists = errors.New("there is such a signing key already")
	// ErrTooMany reports that a brand can have no more of something.
	ErrTooMany = errors.New("a brand can have no more of them")
)

// maxOfBrand bounds the keys and the models of a brand, and the policies of a model; maxRemodels bounds the allow-list of a brand. All lists
// fit in one answer or have pages.
const (
	maxOfBrand  = 1000
	maxRemodels = 100_000
)

// Stamp tells who made something, and who changed it last.
type Stamp struct {
	CreatedAt  time.Time
	CreatedBy  string
	ModifiedAt time.Time
	ModifiedBy string
}

// Modified reports whether something was changed since it was made.
func (s Stamp) Modified() bool { return s.ModifiedAt.After(s.CreatedAt) }

func (s *Stamp) columns() []any {
	return []any{&s.CreatedAt, &s.CreatedBy, &s.ModifiedAt, &s.ModifiedBy}
}

const stampColumns = `created_at, created_by, modified_at, modified_by`

// SigningKey is a key of a brand on the token of the store.
type SigningKey struct {
	// ID is the SHA3-384 of the public key, as assertions have it, and Fingerprint the one of the OpenPGP key.
	ID, BrandID, Name, Fingerprint string
	Stamp
	// Registered reports whether the catalogue has an account-key of the brand for the key.
	Registered bool
}

// KeyInUseError reports a key that policies use.
type KeyInUseError struct {
	ID string
	// Models have the policies.
	Models []string
}

// Error names the key and the models.
func (e *KeyInUseError) Error() string {
	return fmt.Sprintf("the signing key %s is used by a serial policy of %d models, such as %s", e.ID, len(e.Models), e.Models[0])
}

// SigningKeys returns the keys of a brand, sorted by name.
func (db *DB) SigningKeys(ctx context.Context, brand string) ([]SigningKey, error) {
	list, err := db.signingKeys(ctx, `where brand_id = $1 order by name collate "C"`, text(brand))
	if err != nil {
		return nil, fmt.Errorf("list signing keys: %w", interpret(err))
	}
	return list, nil
}

// SigningKey returns a key of a brand. The error is ErrNoSigningKey if there is none.
func (db *DB) SigningKey(ctx context.Context, brand, id string) (*SigningKey, error) {
	list, err := db.signingKeys(ctx, `where brand_id = $1 and id = $2`, text(brand), text(id))
	if err == nil && len(list) == 0 {
		err = ErrNoSigningKey
	}
	if err != nil {
		return nil, fmt.Errorf("read a signing key: %w", interpret(err))
	}
	return &list[0], nil
}

func (db *DB) signingKeys(ctx context.Context, where string, args ...any) (list []SigningKey, err error) {
	const q = `
		select id, brand_id, name, fingerprint, ` + stampColumns + `,
			(select raw from assertion a where a.type = 'account-key' and a.primary_key = array[k.id] order by revision desc, format desc limit 1)
		from signing_key k `
	rows, err := db.pool.Query(ctx, q+where, args...)
	if err != nil {
		return nil, err
	}
	var k SigningKey
	var raw []byte
	to := append(append([]any{&k.ID, &k.BrandID, &k.Name, &k.Fingerprint}, k.columns()...), &raw)
	_, err = pgx.ForEachRow(rows, to, func() error {
		k.Registered = isKeyOf(raw, k.BrandID)
		list = append(list, k)
		return nil
	})
	return list, err
}

// isKeyOf reports whether raw is an account-key of an account.
func isKeyOf(raw []byte, account string) bool {
	if raw == nil {
		return false
	}
	a, err := assertion.Decode(raw)
	return err == nil && a.HeaderString("account-id") == account
}

// RequireFreeKeyName returns ErrSigningKeyExists if a brand has a key of a name, and ErrTooMany if it can have no more keys.
func (db *DB) RequireFreeKeyName(ctx context.Context, brand, name string) error {
	const q = `select count(*), coalesce(bool_or(name = $2), false) from signing_key where brand_id = $1`
	var n int
	var taken bool
	err := db.pool.QueryRow(ctx, q, text(brand), text(name)).Scan(&n, &taken)
	switch {
	case err == nil && taken:
		err = ErrSigningKeyExists
	case err == nil && n >= maxOfBrand:
		err = fmt.Errorf("%w: %d", ErrTooMany, maxOfBrand)
	}
	if err != nil {
		return fmt.Errorf("look for a signing key: %w", interpret(err))
	}
	return nil
}

// AddSigningKey adds a key that is on the token. The error is ErrSigningKeyExists or ErrTooMany.
func (db *DB) AddSigningKey(ctx context.Context, by string, k SigningKey) error {
	const q = `
		insert into signing_key (id, brand_id, name, fingerprint, created_by, modified_by) values ($1, $2, $3, $4, $5, $5)
		on conflict do nothing`
	return db.change(ctx, "add a signing key", func(tx pgx.Tx) ([]audit.Act, error) {
		if err := requireRoom(ctx, tx, maxOfBrand, `select count(*) from signing_key where brand_id = $1`, k.BrandID); err != nil {
			return nil, err
		}
		if err := requireRow(ctx, tx, ErrSigningKeyExists, q, k.ID, k.BrandID, k.Name, k.Fingerprint, text(by)); err != nil {
			return nil, err
		}
		_, err := tx.Exec(ctx, `delete from signing_key_begun where name = $1`, k.Name)
		return []audit.Act{{What: "create-key", Subject: k.subject(), After: k.state()}}, err
	})
}

// RemoveSigningKey forgets a key of a brand that no policy uses. It leaves the token within a time, and nobody can add it again until
// then, or until EndSigningKey. The error is ErrNoSigningKey or a [KeyInUseError].
func (db *DB) RemoveSigningKey(ctx context.Context, brand, id string, within time.Duration) error {
	const used = `select distinct model collate "C" as model from serial_policy where key_id = $1 order by model`
	return db.change(ctx, "remove a signing key", func(tx pgx.Tx) ([]audit.Act, error) {
		k := SigningKey{ID: id, BrandID: brand}
		// The lock keeps a new policy waiting.
		err := tx.QueryRow(ctx, `select name, fingerprint from signing_key where brand_id = $1 and id = $2 for update`, text(brand), text(id)).Scan(&k.Name, &k.Fingerprint)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil, ErrNoSigningKey
		}
		if err != nil {
			return nil, err
		}
		rows, err := tx.Query(ctx, used, id)
		if err != nil {
			return nil, err
		}
		models, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			return nil, err
		}
		if len(models) > 0 {
			return nil, &KeyInUseError{id, models}
		}
		if _, err = tx.Exec(ctx, `delete from signing_key where id = $1`, id); err != nil {
			return nil, err
		}
		err = k.leave(ctx, tx, within)
		return []audit.Act{{What: "delete-key", Subject: k.subject(), Before: k.state()}}, err
	})
}

// subject names the key in the audit trail, and state describes it.
func (k *SigningKey) subject() string { return k.BrandID + "/" + k.Name }

func (k *SigningKey) state() any {
	return map[string]any{"sha3-384": k.ID, "fingerprint": k.Fingerprint}
}

// change makes a change of the model service in one transaction, records it in the audit trail, and notifies the servers.
func (db *DB) change(ctx context.Context, what string, f func(pgx.Tx) ([]audit.Act, error)) error {
	err := pgx.BeginFunc(ctx, db.pool, func(tx pgx.Tx) error {
		if err := lockApply(ctx, tx); err != nil {
			return err
		}
		acts, err := f(tx)
		if err != nil {
			return err
		}
		if err := bump(ctx, tx); err != nil {
			return err
		}
		return appendAudit(ctx, tx, acts...)
	})
	if err != nil {
		return fmt.Errorf("%s: %w", what, interpret(err))
	}
	return nil
}

// requireRow runs a statement that concerns one row, and returns missing if it concerns none.
func requireRow(ctx context.Context, tx pgx.Tx, missing error, q string, args ...any) error {
	t, err := tx.Exec(ctx, q, args...)
	if err == nil && t.RowsAffected() == 0 {
		err = missing
	}
	return err
}

// requireRoom returns ErrTooMany if a query counts as many rows as there may be.
func requireRoom(ctx context.Context, tx pgx.Tx, most int, q string, args ...any) error {
	var n int
	err := tx.QueryRow(ctx, q, args...).Scan(&n)
	if err == nil && n >= most {
		err = fmt.Errorf("%w: %d", ErrTooMany, most)
	}
	return err
}
