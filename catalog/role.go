package catalog

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// CreateServerRole creates the role of a server in the private cluster. It can only SELECT, and not from adminTables, except
// that it keeps the tables wanted, session_nonce, server, edge_device, edge_release, edge_charm, serial, serial_log and serial_request, and adds to the
// audit trail.
func (db *DB) CreateServerRole(ctx context.Context, role string) error {
	if err := db.createServerRole(ctx, role); err != nil {
		return fmt.Errorf("create role %s: %w", role, interpret(err))
	}
	return nil
}

func (db *DB) createServerRole(ctx context.Context, role string) error {
	conn, release, err := db.lockSchema(ctx)
	if err != nil {
		return err
	}
	defer release()
	const known = `select current_database(), exists (select from pg_roles where rolname = $1)`
	var database string
	var exists bool
	if err := conn.QueryRow(ctx, known, role).Scan(&database, &exists); err != nil {
		return err
	}
	name, quoted := pgx.Identifier{role}.Sanitize(), pgx.Identifier{database}.Sanitize()
	statements := []string{
		// Before PostgreSQL 15, every role may create tables. Every role may still create temporary ones.
		`revoke create on schema public from public`,
		`revoke temporary on database ` + quoted + ` from public`,
		`grant usage on schema public to ` + name,
		`grant select on all tables in schema public to ` + name,
		`alter default privileges in schema public grant select on tables to ` + name,
		`revoke all on ` + adminTables + ` from ` + name,
		`grant insert, update, delete on wanted to ` + name,
		`grant insert, delete on session_nonce to ` + name,
		`grant insert, update, delete on server, edge_device, edge_release, edge_charm to ` + name,
		`grant insert, update (revision) on serial to ` + name,
		`grant insert, update (state, log_id, expires_at, changed_at), delete on serial_request to ` + name,
		`grant insert on serial_log, audit, audit_head to ` + name,
	}
	if !exists {
		statements = append([]string{`create role ` + name + ` login nosuperuser nocreatedb nocreaterole noinherit`}, statements...)
	}
	// All changes are one transaction: a running server never has more rights than it should.
	return pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		for _, q := range statements {
			if _, err := tx.Exec(ctx, q); err != nil {
				return err
			}
		}
		return nil
	})
}
