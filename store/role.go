package store

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// schemaLock waits for other processes that change tables or rights, which PostgreSQL does not let two do at once.
func (s *Store) schemaLock(ctx context.Context) (conn *pgxpool.Conn, release func(), err error) {
	if conn, err = s.pool.Acquire(ctx); err != nil {
		return nil, nil, err
	}
	if _, err := conn.Exec(ctx, `select pg_advisory_lock($1)`, lockKey+1); err != nil {
		conn.Release()
		return nil, nil, err
	}
	return conn, func() {
		conn.Exec(context.WithoutCancel(ctx), `select pg_advisory_unlock($1)`, lockKey+1) // closing the connection would do it too
		conn.Release()
	}, nil
}

// CreateServerRole makes the role that a server logs in with on the private cluster: it can only SELECT.
func (s *Store) CreateServerRole(ctx context.Context, role string) error {
	if err := s.createServerRole(ctx, role); err != nil {
		return fmt.Errorf("create role %s: %w", role, interpret(err))
	}
	return nil
}

func (s *Store) createServerRole(ctx context.Context, role string) error {
	conn, release, err := s.schemaLock(ctx)
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
	name, db := pgx.Identifier{role}.Sanitize(), pgx.Identifier{database}.Sanitize()
	statements := []string{
		// Before PostgreSQL 15 everyone may create tables, and temporary ones to this day.
		`revoke create on schema public from public`,
		`revoke temporary on database ` + db + ` from public`,
		`grant usage on schema public to ` + name,
		`grant select on all tables in schema public to ` + name,
		`alter default privileges in schema public grant select on tables to ` + name,
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
