package main

import (
	"cmp"
	"errors"
	"time"

	"github.com/spf13/cobra"

	"offlinestore/account"
	"offlinestore/cmd/internal/cli"
)

// keyPermissions are the permissions of the login that registers a key. Other logins lack them, because a person who can register a key can
// sign for the brand.
var keyPermissions = []string{"package_access", "modify_account_key"}

// keyLoginLife is the time for which the login that registers a key lasts.
const keyLoginLife = time.Hour

// keyLogin returns the login that registers a key, and the dashboard that it is for: a new one, which is not kept, or the one in
// the environment, unless --email names an account.
func (o *registerKeyOptions) keyLogin(c *cobra.Command) (*account.Session, string, error) {
	asked := o.services
	l, session, err := o.services.findLogin()
	if err == nil && !l.Saved() && o.email == "" {
		return session, l.Dashboard, nil
	}
	if err != nil && !errors.Is(err, account.ErrNone) {
		return nil, "", err
	}
	if err == nil && l.Saved() { // it tells who it is, and where
		o.email = cmp.Or(o.email, l.Email)
		o.services = serviceOptions{cmp.Or(asked.storeURL, l.Store), cmp.Or(asked.dashboardURL, l.Dashboard), cmp.Or(asked.ssoURL, l.SSO)}
	}
	if o.email == "" {
		if o.email, err = cli.Ask("E-mail address of the brand's account: "); err != nil || o.email == "" {
			return nil, "", cli.Usagef("register-key: name the account of the brand with --email")
		}
	}
	once, err := o.logIn(c, keyPermissions, keyLoginLife)
	if err != nil {
		return nil, "", err
	}
	session, err = account.NewSession(once, loginConfig())
	return session, once.Dashboard, err
}
