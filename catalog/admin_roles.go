package catalog

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"offlinestore/audit"
)

// The roles of admins. Each admin may read.
const (
	// RoleOperator may change the content that devices get.
	RoleOperator = "operator"
	// RoleModelAdministrator may change the keys, models and policies by which devices get serials.
	RoleModelAdministrator = "model-administrator"
	// RoleViewer may only read.
	RoleViewer = "viewer"
)

// Roles returns all roles, sorted.
func Roles() []string { return []string{RoleModelAdministrator, RoleOperator, RoleViewer} }

// SetRoles changes the roles of an admin, and nothing else. Requests of the admin's logins have them at once. The error is ErrNoAdmin if
// there is no such admin.
func (db *DB) SetRoles(ctx context.Context, email string, roles []string) error {
	email = text(email)
	err := pgx.BeginFunc(ctx, db.pool, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, selectAdmin+`where email = $1 for update`, email)
		if err != nil {
			return err
		}
		list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Admin])
		if err != nil {
			return err
		}
		if len(list) == 0 {
			return ErrNoAdmin
		}
		if _, err := tx.Exec(ctx, `update admin set roles = $2 where email = $1`, email, roles); err != nil {
			return err
		}
		before := adminState(&list[0])
		list[0].Roles = roles
		return appendAudit(ctx, tx, audit.Act{What: "change-roles", Subject: email, Before: before, After: adminState(&list[0])})
	})
	if err != nil {
		return fmt.Errorf("change the roles of an admin: %w", interpret(err))
	}
	return nil
}
