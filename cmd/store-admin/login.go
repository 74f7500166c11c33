package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"offlinestore/cmd/internal/cli"
	"offlinestore/keyring"
	"offlinestore/server/admin/api"
)

// loginOptions are the flags of login.
type loginOptions struct {
	url, ca   string
	stdin     bool
	acceptKey bool
}

func newLogin() *cobra.Command {
	var o loginOptions
	c := &cobra.Command{
		Use:   "login --offline URL EMAIL",
		Short: "Log in at an air-gapped store, to administer it from this machine",
		Long: `Log in at the administration of an air-gapped store (its proxy.admin.listen), as
an admin that 'snap-store-proxy add-admin EMAIL' added there. The command asks for
the password, or reads it from standard input; it may be a one-time token. The login
is kept in a file that only you can read, for 30 days. Meanwhile, 'snap-store-proxy
override --remote URL' and the other commands for overrides work from here.

Before it sends a password, the store has to prove that it has the same key as at the
first login from here. 'snap-store-proxy status' shows the key on the store's host.
On that host, an http:// URL leads through a socket that no other user can make.
` + cli.ExitHelp,
		Example: `  store-admin login --offline https://store.example.internal:8013 jo@example.internal
  ssh -N -L 8013:127.0.0.1:8013 store.example.internal &
  store-admin login --offline http://127.0.0.1:8013 jo@example.internal`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error { return runLogin(c, o, args[0]) },
	}
	f := c.Flags()
	f.StringVar(&o.url, "offline", "", "`URL` of the store's administration")
	f.StringVar(&o.ca, "ca", "", "PEM `file` with the authority to verify the store's certificate with (default: the system's)")
	f.BoolVar(&o.acceptKey, "accept-key", false, "accept the key that the store has now, if it is another one than before")
	f.BoolVar(&o.stdin, "password-stdin", false, "read the password from standard input: one line")
	return c
}

func runLogin(c *cobra.Command, o loginOptions, email string) error {
	if o.url == "" {
		return cli.Usagef("login: name the store with --offline URL; exports need no login")
	}
	var ca []byte
	if o.ca != "" {
		var err error
		if ca, err = cli.ReadFile(o.ca, keyring.MaxKeySize); err != nil {
			return err
		}
	}
	store, err := api.Connect(c.Context(), api.Target{URL: o.url, CA: string(ca), AcceptKey: o.acceptKey})
	if err != nil {
		return err
	}
	if key, first := store.Key(); first && key != "" {
		fmt.Fprintf(os.Stderr, "The store's key is %s. From now on, another one is refused.\n", key)
	}
	var password string
	if o.stdin {
		password, err = cli.ReadSecret(os.Stdin)
	} else {
		if password, err = cli.AskSecret("Password for " + email + ": "); err != nil {
			err = &passwordError{err}
		}
	}
	if err != nil {
		return err
	}
	if err := store.LogIn(c.Context(), email, password); err != nil {
		return err
	}
	_, err = fmt.Fprintf(c.OutOrStdout(), "Logged in at %s as %s.\n", cli.Clean(o.url), cli.Clean(email))
	return err
}
