package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"offlinestore/cmd/internal/cli"
	"offlinestore/keyring"
	"offlinestore/server/admin/api"
)

// runOfflineLogin logs in at the administration of an air-gapped store.
func runOfflineLogin(c *cobra.Command, o loginOptions) error {
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
	password, otp, err := o.readPasswords()
	if err != nil {
		return err
	}
	if otp != "" {
		return cli.Usagef("login: air-gapped stores have no one-time passwords beside the password: give one line")
	}
	if err := store.LogIn(c.Context(), o.email, password); err != nil {
		return err
	}
	return o.confirm(c, o.url)
}
