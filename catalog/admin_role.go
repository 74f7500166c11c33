package catalog

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// adminTables are the tables that a server of devices need not read.
const adminTables = `admin, admin_session, login_attempt`

// OpenAdmin connects to a catalogue that Open has prepared, for remote administration. Its role need not own the tables.
func OpenAdmin(ctx context.Context, dsn string) (*DB, error) {
	pool, err := connect(ctx, dsn, false)
	if err != nil {
		return nil, err
	}
	return &DB{pool: pool}, nil
}

// modelTables are the tables by which devices get serials.
const modelTables = `signing_key, signing_key_begun, device_model, serial_policy, last_policy, remodel`

// CreateAdminRole creates the role for remote administration in the private cluster. The role can read the catalogue, and write
// overrides, admins, models and keys, but it can't import or issue serials. CreateAdminRole also keeps serverRole from reading the admins' secrets.
func (db *DB) CreateAdminRole(ctx context.Context, role, serverRole string) error {
	if err := db.createAdminRole(ctx, role, serverRole); err != nil {
		return fmt.Errorf("create role %s: %w", role, interpret(err))
	}
	return nil
}

func (db *DB) createAdminRole(ctx context.Context, role, serverRole string) error {
	conn, release, err := db.lockSchema(ctx)
	if err != nil {
		return err
	}
	defer release()
	var exists bool
	if err := conn.QueryRow(ctx, `select exists (select from pg_roles where rolname = $1)`, role).Scan(&exists); err != nil {
		return err
	}
	name := pgx.Identifier{role}.Sanitize()
	statements := []string{
		`revoke all on ` + adminTables + ` from ` + pgx.Identifier{serverRole}.Sanitize(),
		`grant usage on schema public to ` + name,
		`grant select on all tables in schema public to ` + name,
		`grant insert, update, delete on snap_override, edge_override, ` + adminTables + `, ` + modelTables + ` to ` + name,
		`grant insert on snap_override_history, audit, audit_head to ` + name,
		`grant update on generation, edge_version to ` + name,
	}
	if !exists {
		statements = append([]string{`create role ` + name + ` login nosuperuser nocreatedb nocreaterole noinherit`}, statements...)
	}
	for _, q := range statements {
		if _, err := conn.Exec(ctx, q); err != nil {
			return err
		}
	}
	return nil
}
