package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"offlinestore/account"
	"offlinestore/cmd/internal/cli"
	"offlinestore/server/admin/api"
)

func newLogout() *cobra.Command {
	var url string
	c := &cobra.Command{
		Use:   "logout [--offline URL]",
		Short: "Remove the login at the Snap Store, or at an air-gapped store",
		Long: `Remove the login that 'store-admin login' saved. Exports then see only what is public.
The store is not told: whoever has a copy of the login can use it until it expires.
A login in the environment stays there.
` + cli.ExitHelp,
		Example: "  store-admin logout\n  store-admin logout --offline https://store.example.internal:8013",
		Args:    cobra.NoArgs,
		RunE:    func(c *cobra.Command, _ []string) error { return runLogout(c, url) },
	}
	c.Flags().StringVar(&url, "offline", "", "`URL` of an air-gapped store's administration")
	return c
}

func runLogout(c *cobra.Command, url string) error {
	forget, none := func() error { return api.Forget(url) }, cli.As[*api.NotLoggedInError]
	if url == "" {
		dir, err := loginsDir()
		if err != nil {
			return err
		}
		forget, none = func() error { return account.Forget(c.Context(), dir) }, cli.Is(account.ErrNone)
	}
	said := "Logged out."
	if err := forget(); err != nil && none(err) {
		said = "Not logged in: there is nothing to remove."
	} else if err != nil {
		return err
	}
	for _, name := range account.Variables {
		if url == "" && os.Getenv(name) != "" {
			fmt.Fprintf(os.Stderr, "Warning: %s is set, and is used as a login\n", name)
			break
		}
	}
	_, err := fmt.Fprintln(c.OutOrStdout(), said)
	return err
}
