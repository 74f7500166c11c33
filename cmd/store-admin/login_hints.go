package main

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"syscall"

	"offlinestore/account"
	"offlinestore/cmd/internal/cli"
	"offlinestore/exporter"
	"offlinestore/upstream"
)

// loginHints returns the rows about logins at the Snap Store.
func loginHints() cli.Table {
	refused := func(reason upstream.LoginReason) cli.Match {
		return func(err error) bool {
			e, ok := errors.AsType[*upstream.LoginError](err)
			return ok && e.Reason == reason
		}
	}
	const later = "wait, then try again; the account may be locked after more wrong passwords"
	return cli.Table{
		cli.OnType(cli.Failed, func(e *account.ExpiredError) string {
			if e.Saved {
				return "log in again: 'store-admin login EMAIL'; without a login ('store-admin logout'), exports see what is public"
			}
			return fmt.Sprintf("put a new login into %s ('snapcraft export-login -' prints one), or unset it", e.Source)
		}),
		cli.OnType(cli.Usage, func(e *account.VariableError) string {
			return fmt.Sprintf("set %s to what 'snapcraft export-login -' prints, or unset it", e.Name)
		}),
		cli.On(cli.Is(account.ErrNone), cli.Failed, "log in with 'store-admin login EMAIL', or set STORE_ADMIN_TOKEN"),
		cli.On(cli.Is(account.ErrDamaged), cli.Failed, "log in again: 'store-admin login EMAIL'; or remove it: 'store-admin logout'"),
		cli.On(cli.All(cli.As[*account.FileError], cli.Is(syscall.ENOSPC)), cli.NoSpace, "free some space"),
		cli.On(cli.As[*account.FileError], cli.Failed, "a login that is too old is replaced in its folder: let this user write there"),
		cli.On(cli.Is(errCandidWanted), cli.Usage, "unset SNAPCRAFT_STORE_AUTH, and log in with an e-mail address and a password"),
		cli.On(cli.Is(upstream.ErrCandid), cli.Failed, "name a dashboard that asks for a login at Ubuntu SSO: --dashboard-url"),
		cli.On(cli.As[*upstream.InsecureURLError], cli.Usage, "give an https:// URL; without TLS, a login goes to this host alone"),
		cli.On(refused(upstream.ReasonNeedsOTP), cli.Failed, "log in on a terminal, or give the one-time password as the second line"),
		cli.On(refused(upstream.ReasonTooMany), cli.Upstream, later),
		cli.On(refused(upstream.ReasonOTP), cli.Failed, "wait for the next one-time password, and check the clock of the device that shows it"),
		cli.On(cli.Any(refused(upstream.ReasonPassword), refused(upstream.ReasonPolicy), refused(upstream.ReasonEmail)), cli.Failed,
			"the account is the one of https://login.ubuntu.com, where the password can be reset"),
		cli.On(cli.As[*upstream.LoginError], cli.Failed, "see the account at https://login.ubuntu.com"),
		cli.On(cli.Is(upstream.ErrUnauthorized), cli.Failed, "'store-admin whoami' shows the login; log in again with 'store-admin login EMAIL', or replace the one in the environment"),
		cli.On(cli.All(cli.Is(upstream.ErrAnonymous), ofSnap), cli.Failed, "log in with 'store-admin login EMAIL'"),
		cli.OnType(cli.Failed, func(e *upstream.RoleError) string {
			if e.Permission {
				return "log in again with 'store-admin login', which asks for the permission, or put a login with the permission store_admin into the environment"
			}
			return "the role Admin in the store is needed: 'store-admin whoami' shows the login; an administrator of the store gives roles"
		}),
		cli.OnType(cli.Failed, privateHint),
		cli.On(cli.All(cli.Arose(atLogin), cli.Is(upstream.ErrNotStore)), cli.Upstream,
			"a proxy or a captive portal answered: check the way there (HTTPS_PROXY, a login page of the network), --dashboard-url and --sso-url"),
		cli.On(cli.Arose(atLogin), cli.Upstream, "check the way there (HTTPS_PROXY), --dashboard-url and --sso-url; then try again"),
	}
}

// privateHint returns the commands that export private snaps for the devices of their stores. Most exports name no store.
func privateHint(e *exporter.PrivateError) string {
	byStore := make(map[string][]string)
	for _, name := range e.Snaps {
		store := cmp.Or(e.Stores[name], "STORE_ID")
		byStore[store] = append(byStore[store], name)
	}
	var commands []string
	for _, store := range slices.Sorted(maps.Keys(byStore)) {
		commands = append(commands, fmt.Sprintf("'store-admin export snaps %s --store %s'", strings.Join(byStore[store], " "), store))
	}
	return "with the login of a member of the store whose devices may have it: " + strings.Join(commands, " and ") + "; --keep-going leaves it out here"
}

// ofSnap reports whether an error is about the Snap Store, and not about a charm.
func ofSnap(err error) bool {
	e, ok := errors.AsType[*exporter.ItemError](err)
	return !ok || !slices.ContainsFunc(e.Items, func(i exporter.Item) bool { return i.Charm != "" })
}
