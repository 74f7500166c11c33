package main

import (
	"cmp"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"offlinestore/account"
	"offlinestore/cmd/internal/cli"
	"offlinestore/upstream"
)

func newWhoAmI() *cobra.Command {
	var o serviceOptions
	var offline offlineOptions
	c := &cobra.Command{
		Use:   "whoami [--offline URL]",
		Short: "Show whose login at the Snap Store, or at an air-gapped store, is used",
		Long: `Ask the Snap Store whose login it is that exports use, and what it permits: the one in
the environment (STORE_ADMIN_TOKEN, SNAPCRAFT_STORE_CREDENTIALS, UBUNTU_STORE_AUTH), else
the one that 'store-admin login' saved. The flags name the services for a login in the
environment; a saved login knows its own, and is for no other store.

With --offline, ask an air-gapped store about the login there: its roles, and the brands
that the store knows.
` + cli.ExitHelp,
		Example: "  store-admin whoami\n  store-admin whoami --json | jq -r .username\n  store-admin whoami --offline https://store.example.internal:8013",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if offline.url != "" {
				return runWhoAmIOffline(c, &offline)
			}
			return runWhoAmI(c, o, offline.json)
		},
	}
	o.addFlags(c.Flags())
	c.Flags().StringVar(&offline.url, "offline", "", "`URL` of an air-gapped store's administration")
	c.Flags().BoolVar(&offline.json, "json", false, "print the result as JSON")
	return c
}

func runWhoAmI(c *cobra.Command, o serviceOptions, asJSON bool) error {
	l, session, err := o.findNamedLogin()
	if err != nil {
		return err
	}
	dashboard, err := o.client(l.Dashboard, session)
	if err != nil {
		return err
	}
	a, err := dashboard.WhoAmI(c.Context())
	if err != nil {
		return cli.At(atLogin, err)
	}
	r := newIdentity(l, a)
	if asJSON {
		return cli.PrintJSON(c.OutOrStdout(), r)
	}
	return r.print(c.OutOrStdout())
}

// identity is the result of whoami. Channels, packages and stores are null if the login is good for all.
type identity struct {
	Email       string   `json:"email"`
	Username    string   `json:"username"`
	ID          string   `json:"id"`
	DisplayName string   `json:"display-name"`
	Permissions []string `json:"permissions"`
	Channels    []string `json:"channels"`
	Packages    []string `json:"packages"`
	Stores      []string `json:"stores"`
	Expires     string   `json:"expires"`
	Login       string   `json:"login"`
	Saved       bool     `json:"saved"`
}

func newIdentity(l *account.Login, a *upstream.Account) *identity {
	r := &identity{
		Email: a.Account.Email, Username: a.Account.Username, ID: a.Account.ID, DisplayName: a.Account.DisplayName, Permissions: a.Permissions,
		Channels: a.Channels, Stores: a.StoreIDs, Expires: a.Expires, Login: l.Source, Saved: l.Saved(),
	}
	if r.Permissions == nil {
		r.Permissions = []string{}
	}
	if a.Packages != nil {
		r.Packages = []string{} // a login that is good for none
	}
	for _, p := range a.Packages {
		r.Packages = append(r.Packages, cmp.Or(p.Name, p.SnapID))
	}
	return r
}

// print prints the lines of snapcraft's command of that name, and where the login is.
func (r *identity) print(w io.Writer) error {
	limits := func(list []string) string {
		if list == nil {
			return "no restrictions"
		}
		return strings.Join(list, ", ")
	}
	_, err := fmt.Fprintf(w, "email: %s\nusername: %s\nid: %s\npermissions: %s\nchannels: %s\npackages: %s\nstores: %s\nexpires: %s\nlogin: %s\n",
		cli.Clean(r.Email), cli.Clean(r.Username), cli.Clean(r.ID), cli.Clean(strings.Join(r.Permissions, ", ")), cli.Clean(limits(r.Channels)),
		cli.Clean(limits(r.Packages)), cli.Clean(limits(r.Stores)), cli.Clean(cmp.Or(r.Expires, "never")), cli.Clean(r.Login))
	return err
}
