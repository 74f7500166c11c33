package catalog

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// CreateServerRole makes the role that a server logs in with on the private cluster: it can only SELECT, and not from adminTables.
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
		// Before PostgreSQL 15 everyone may create tables, and temporary ones to this day.
		`revoke create on schema public from public`,
		`revoke temporary on database ` + quoted + ` from public`,
		`grant usage on schema public to ` + name,
		`grant select on all tables in schema public to ` + name,
		`alter default privileges in schema public grant select on tables to ` + name,
		`revoke all on ` + adminTables + ` from ` + name,
	}
	if !exists {
		statements = append([]string{`create role ` + name + ` login nosuperuser nocreatedb nocreaterole noinherit`}, statements...)
	}
	// At once: a server that runs meanwhile never gets more than it should have.
	return pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		for _, q := range statements {
			if _, err := tx.Exec(ctx, q); err != nil {
				return err
			}
		}
		return nil
	})
}
