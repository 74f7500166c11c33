package catalog

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"offlinestore/audit"
)

var (
	// ErrNoAdmin reports that no admin has this email, or that the admin's secret has changed.
	ErrNoAdmin = errors.New("no such admin")
	// ErrNoSession reports a login that has ended.
	ErrNoSession = errors.New("the login has ended")
)

// maxSessions is the number of logins that an admin may have at once. A further login ends the oldest.
const maxSessions = 20

// Admin is a person who may administer the store remotely.
type Admin struct {
	Email string
	// Secret is the hash of a password, or of a token that can be used until ExpiresAt. A token that can be used Once leaves it empty. It is
	// also empty if the admin has a macaroon of the Snap Store.
	Secret    string
	Once      bool
	ExpiresAt *time.Time
	AddedAt   time.Time
	// Roles are the admin's rights, sorted. PutAdmin gives a new admin RoleOperator if it is empty.
	Roles []string
}

// Session is one login of an admin.
type Session struct {
	ID, Email string
	// Serial is the number of refreshes, counted from 1.
	Serial    int
	ExpiresAt time.Time
	// Roles are the present ones of the admin.
	Roles []string
}

// PutAdmin adds an admin, or changes an admin's secret, which ends all logins. The roles of a known admin stay if a has none.
func (db *DB) PutAdmin(ctx context.Context, a Admin) error {
	const q = `
		insert into admin (email, secret, once, expires_at, roles) values ($1, $2, $3, $4, coalesce($5, array['` + RoleOperator + `']))
		on conflict (email) do update set secret = excluded.secret, once = excluded.once, expires_at = excluded.expires_at,
			roles = coalesce($5, admin.roles)
		returning roles`
	err := pgx.BeginFunc(ctx, db.pool, func(tx pgx.Tx) error {
		before, err := stateOfAdmin(ctx, tx, a.Email)
		if err != nil {
			return err
		}
		if err := tx.QueryRow(ctx, q, a.Email, a.Secret, a.Once, a.ExpiresAt, a.Roles).Scan(&a.Roles); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `delete from admin_session where email = $1`, a.Email); err != nil {
			return err
		}
		return appendAudit(ctx, tx, audit.Act{What: "add-admin", Subject: a.Email, Before: before, After: adminState(&a)})
	})
	if err != nil {
		return fmt.Errorf("add admin: %w", interpret(err))
	}
	return nil
}

// RemoveAdmin removes an admin and all the admin's logins.
func (db *DB) RemoveAdmin(ctx context.Context, email string) error {
	email = text(email)
	err := pgx.BeginFunc(ctx, db.pool, func(tx pgx.Tx) error {
		before, err := stateOfAdmin(ctx, tx, email)
		if err != nil {
			return err
		}
		t, err := tx.Exec(ctx, `delete from admin where email = $1`, email)
		if err == nil && t.RowsAffected() == 0 {
			err = ErrNoAdmin
		}
		if err != nil {
			return err
		}
		return appendAudit(ctx, tx, audit.Act{What: "remove-admin", Subject: email, Before: before})
	})
	if err != nil {
		return fmt.Errorf("remove admin: %w", interpret(err))
	}
	return nil
}

// stateOfAdmin returns the state of an admin for the audit trail, or nil if there is no such admin.
func stateOfAdmin(ctx context.Context, tx pgx.Tx, email string) (any, error) {
	rows, err := tx.Query(ctx, selectAdmin+`where email = $1 for update`, email)
	if err != nil {
		return nil, err
	}
	a, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByPos[Admin])
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	return adminState(&a), err
}

// adminState returns the state of an admin for the audit trail. Of the secret, it names the kind.
func adminState(a *Admin) any {
	state := map[string]any{"secret": "password", "roles": a.Roles}
	switch {
	case a.Secret == "" && !a.Once:
		state["secret"] = "none"
	case a.Once && a.Secret == "":
		state["secret"] = "used token"
	case a.Once, a.ExpiresAt != nil:
		state["secret"] = "token"
	}
	if a.ExpiresAt != nil {
		state["secret-expires"] = audit.Time(*a.ExpiresAt)
	}
	return state
}

const selectAdmin = `select email, secret, once, expires_at, added_at, roles from admin `

// Admins returns all admins, sorted by email.
func (db *DB) Admins(ctx context.Context) ([]Admin, error) {
	return db.admins(ctx, `order by email collate "C"`)
}

// Admin returns the admin with an email. The error is ErrNoAdmin if there is none.
func (db *DB) Admin(ctx context.Context, email string) (*Admin, error) {
	list, err := db.admins(ctx, `where email = $1`, text(email))
	if err != nil {
		return nil, err
	}
	if len(list) == 0 {
		return nil, ErrNoAdmin
	}
	return &list[0], nil
}

func (db *DB) admins(ctx context.Context, where string, args ...any) (list []Admin, err error) {
	rows, err := db.pool.Query(ctx, selectAdmin+where, args...)
	if err == nil {
		list, err = pgx.CollectRows(rows, pgx.RowToStructByPos[Admin])
	}
	if err != nil {
		return nil, fmt.Errorf("read the admins: %w", interpret(err))
	}
	return list, nil
}

// StartSession records a login of a, whose secret was right. The error is ErrNoAdmin if the secret has changed since, as it does
// when somebody else has just used the same token.
func (db *DB) StartSession(ctx context.Context, a *Admin, id string, expires time.Time) error {
	const use = `update admin set secret = case when once then '' else secret end where email = $1 and secret = $2 and secret <> ''`
	return db.startSession(ctx, a.Email, id, expires, func(tx pgx.Tx) error {
		return requireRow(ctx, tx, ErrNoAdmin, use, a.Email, a.Secret)
	})
}

// StartVouchedSession records a login of an admin whose macaroon the operator of the store has vouched for. The error is ErrNoAdmin if there
// is no such admin.
func (db *DB) StartVouchedSession(ctx context.Context, email, id string, expires time.Time) error {
	return db.startSession(ctx, email, id, expires, func(tx pgx.Tx) error {
		return requireRow(ctx, tx, ErrNoAdmin, `select from admin where email = $1 for share`, email)
	})
}

func (db *DB) startSession(ctx context.Context, email, id string, expires time.Time, use func(pgx.Tx) error) error {
	const add = `insert into admin_session (id, email, expires_at) values ($1, $2, $3)`
	const tidy = `
		delete from admin_session where expires_at < now() or id in (
			select id from admin_session where email = $1 order by started_at desc, id offset $2)`
	err := pgx.BeginFunc(ctx, db.pool, func(tx pgx.Tx) error {
		if err := use(tx); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, add, id, email, expires); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, tidy, email, maxSessions); err != nil {
			return err
		}
		return appendAudit(ctx, tx, audit.Act{What: "log-in", Subject: email})
	})
	if err != nil {
		return fmt.Errorf("record the login: %w", interpret(err))
	}
	return nil
}

// Session returns the login with an ID. The error is ErrNoSession if there is none.
func (db *DB) Session(ctx context.Context, id string) (*Session, error) {
	const q = `select id, email, serial, s.expires_at, roles from admin_session s join admin using (email) where id = $1`
	var l Session
	err := db.pool.QueryRow(ctx, q, text(id)).Scan(&l.ID, &l.Email, &l.Serial, &l.ExpiresAt, &l.Roles)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, ErrNoSession
	}
	if err != nil {
		return nil, fmt.Errorf("read the login: %w", interpret(err))
	}
	return &l, nil
}

// RefreshSession counts a refresh. Serial comes from the caller's discharge. An old serial means that two people have the
// discharge, one of whom has stolen it, so the login ends.
func (db *DB) RefreshSession(ctx context.Context, id string, serial int) error {
	t, err := db.pool.Exec(ctx, `update admin_session set serial = serial + 1 where id = $1 and serial = $2`, text(id), serial)
	if err == nil && t.RowsAffected() == 0 {
		if err = db.endSession(ctx, text(id)); err == nil {
			err = ErrNoSession
		}
	}
	if err != nil {
		return fmt.Errorf("refresh the login: %w", interpret(err))
	}
	return nil
}

// endSession ends a login whose discharge was used twice.
func (db *DB) endSession(ctx context.Context, id string) error {
	return pgx.BeginFunc(ctx, db.pool, func(tx pgx.Tx) error {
		var email string
		err := tx.QueryRow(ctx, `delete from admin_session where id = $1 returning email`, id).Scan(&email)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		return appendAudit(ctx, tx, audit.Act{What: "end-log-in", Subject: email, Before: map[string]string{"reason": "two clients have used the same discharge"}})
	})
}
