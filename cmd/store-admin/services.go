package main

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/pflag"

	"offlinestore/account"
	"offlinestore/cmd/internal/cli"
	"offlinestore/keyring"
	"offlinestore/upstream"
)

// serviceOptions are the flags that name the services of a login.
type serviceOptions struct{ storeURL, dashboardURL, ssoURL string }

func (o *serviceOptions) addFlags(f *pflag.FlagSet) {
	f.StringVar(&o.storeURL, "snap-store-url", "", "`URL` of the Snap Store, which gets the login (default $STORE_ADMIN_SNAP_STORE_URL, else "+upstream.DefaultOrigin+")")
	f.StringVar(&o.dashboardURL, "dashboard-url", "", "`URL` of the store's dashboard (default $STORE_DASHBOARD_URL, else "+upstream.DefaultDashboardOrigin+")")
	f.StringVar(&o.ssoURL, "sso-url", "", "`URL` of Ubuntu SSO (default $UBUNTU_ONE_SSO_URL, else "+upstream.DefaultSSOOrigin+")")
}

// complete fills in the URLs that no flag gives, from the environment, or with the defaults.
func (o *serviceOptions) complete() {
	o.storeURL = cmp.Or(o.storeURL, os.Getenv("STORE_ADMIN_SNAP_STORE_URL"), upstream.DefaultOrigin)
	o.dashboardURL = cmp.Or(o.dashboardURL, os.Getenv("STORE_DASHBOARD_URL"), upstream.DefaultDashboardOrigin)
	o.ssoURL = cmp.Or(o.ssoURL, os.Getenv("UBUNTU_ONE_SSO_URL"), upstream.DefaultSSOOrigin)
}

// login returns a login without secrets for the services.
func (o *serviceOptions) login() account.Login {
	return account.Login{Store: o.storeURL, Dashboard: o.dashboardURL, SSO: o.ssoURL}
}

// client returns a client of a service. auth may be nil.
func (o *serviceOptions) client(url string, auth upstream.Authorizer) (*upstream.Client, error) {
	cfg := loginConfig()
	cfg.Origin, cfg.Auth = url, auth
	client, err := upstream.NewLogin(cfg)
	if err != nil {
		return nil, cli.Usagef("%w", err)
	}
	return client, nil
}

// loginConfig returns the configuration of clients of a login's services.
func loginConfig() upstream.Config {
	p := &exportProgress{}
	return upstream.Config{UserAgent: "store-admin/" + cli.Version(), Logf: p.log, Trace: p.detail}
}

// loginsDir returns the folder of logins, which is beside the keys.
func loginsDir() (string, error) {
	dir, err := configDir()
	return filepath.Join(dir, "logins"), err
}

// findLogin returns the login that applies, and a session with it. The error is [account.ErrNone] if there is none.
func (o *serviceOptions) findLogin() (*account.Login, *account.Session, error) {
	dir, err := loginsDir()
	if err != nil {
		return nil, nil, err
	}
	o.complete()
	l, err := account.Find(dir, o.login())
	if err != nil {
		return nil, nil, err
	}
	if l.Saved() && keyring.Exposed(l.Source) {
		fmt.Fprintf(os.Stderr, "Warning: other users of this computer may read the login in %s: keep it in your profile, or take their rights away with 'icacls'\n", l.Source)
	}
	s, err := account.NewSession(l, loginConfig())
	return l, s, err
}

// findNamedLogin returns the login that applies, like findLogin. A saved login for another store than the named one does not apply.
func (o *serviceOptions) findNamedLogin() (*account.Login, *account.Session, error) {
	named := cmp.Or(o.storeURL, os.Getenv("STORE_ADMIN_SNAP_STORE_URL"))
	l, s, err := o.findLogin()
	if err == nil && named != "" && l.Saved() && !l.IsFor(named) {
		return nil, nil, fmt.Errorf("%w: the login in %s is for %s", account.ErrNone, l.Source, l.Store)
	}
	return l, s, err
}

// loginFor returns the login for exports from a store, or nil if there is none. A saved login is for the store that it was made for.
func loginFor(storeURL string, progress *exportProgress) (*account.Login, *account.Session, error) {
	o := serviceOptions{storeURL: storeURL}
	l, s, err := o.findLogin()
	switch {
	case errors.Is(err, account.ErrNone):
		return nil, nil, nil
	case err != nil:
		return nil, nil, err
	case l.Saved() && !l.IsFor(o.storeURL):
		progress.detail("the login in %s is for %s, and is not sent to %s", l.Source, l.Store, o.storeURL)
		return nil, nil, nil
	}
	progress.detail("the login in %s is used", l.Source)
	return l, s, nil
}
