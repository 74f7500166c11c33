package instance

import (
	"context"
	"errors"
	"slices"

	"offlinestore/catalog"
	"offlinestore/instance/settings"
)

// AddAdmin adds an admin, or gives one another secret. It also names the admin in proxy.admin-emails, as the original does.
func (in *Instance) AddAdmin(ctx context.Context, a catalog.Admin) error {
	if err := in.Catalog.PutAdmin(ctx, a); err != nil {
		return err
	}
	return in.setAdminEmails(func(list []string) []string {
		if slices.Contains(list, a.Email) {
			return list
		}
		return append(list, a.Email)
	})
}

// RemoveAdmin removes an admin and ends all logins. The error is catalog.ErrNoAdmin if neither the catalogue nor the settings name
// the admin: one that comes from the original's settings has no password here until AddAdmin.
func (in *Instance) RemoveAdmin(ctx context.Context, email string) error {
	removed := in.Catalog.RemoveAdmin(ctx, email)
	if removed != nil && !errors.Is(removed, catalog.ErrNoAdmin) {
		return removed
	}
	if in.Settings.Values().StoreAdminID == email {
		if err := in.Settings.Set(map[string]string{settings.StoreAdminID: "", settings.StoreAdminDigest: ""}); err != nil {
			return err
		}
	}
	named := false
	err := in.setAdminEmails(func(list []string) []string {
		named = slices.Contains(list, email)
		return slices.DeleteFunc(list, func(e string) bool { return e == email })
	})
	if named {
		removed = nil
	}
	return errors.Join(err, removed)
}

// AddStoreAdmin makes an account of the Snap Store an admin, who logs in with the macaroon that has a digest. A known one keeps its roles, and a
// new macaroon ends all logins with the one before. The admin of another account before is removed.
func (in *Instance) AddStoreAdmin(ctx context.Context, account, digest string) error {
	before := in.Settings.Values()
	// The former macaroon must not log in between the end of its logins and the change.
	if err := in.setStoreAdmin(account, digest); err != nil {
		return err
	}
	err := in.replaceStoreAdmin(ctx, account, before.StoreAdminID, before.StoreAdminDigest != digest)
	if err != nil { // the next attempt has to see the former account
		err = errors.Join(err, in.setStoreAdmin(before.StoreAdminID, before.StoreAdminDigest))
	}
	return err
}

func (in *Instance) setStoreAdmin(account, digest string) error {
	return in.Settings.Set(map[string]string{settings.StoreAdminID: account, settings.StoreAdminDigest: digest})
}

// replaceStoreAdmin makes an account an admin, and removes the one of another account before.
func (in *Instance) replaceStoreAdmin(ctx context.Context, account, former string, changed bool) error {
	_, err := in.Catalog.Admin(ctx, account)
	isNew := errors.Is(err, catalog.ErrNoAdmin)
	if err != nil && !isNew {
		return err
	}
	a := catalog.Admin{Email: account}
	if isNew {
		a.Roles = []string{catalog.RoleModelAdministrator}
	}
	if isNew || former != account || changed {
		if err := in.Catalog.PutAdmin(ctx, a); err != nil {
			return err
		}
	}
	if former == "" || former == account {
		return nil
	}
	if err := in.Catalog.RemoveAdmin(ctx, former); !errors.Is(err, catalog.ErrNoAdmin) {
		return err
	}
	return nil
}

func (in *Instance) setAdminEmails(change func([]string) []string) error {
	return in.Settings.Set(map[string]string{settings.AdminEmails: settings.FormatList(change(in.Settings.Values().AdminEmails))})
}
