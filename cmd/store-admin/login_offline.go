package main

import (
	"errors"
	"fmt"
	"net/http"
	"os"

	"github.com/spf13/cobra"

	"offlinestore/cmd/internal/cli"
	"offlinestore/keyring"
	"offlinestore/macaroons"
	"offlinestore/server/admin/api"
	gateway "offlinestore/server/gateway/api"
)

// runOfflineLogin logs in at the administration of an air-gapped store.
func runOfflineLogin(c *cobra.Command, o loginOptions) error {
	token := ""
	if text := os.Getenv(tokenVariable); text != "" && o.passwordFile == "" {
		var err error
		if token, err = macaroons.Admin(text); err != nil {
			return &tokenError{o.email, err}
		}
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
	if token != "" {
		err = o.exchange(c, store, token)
	} else {
		err = o.logInOffline(c, store)
	}
	if err != nil {
		return err
	}
	if err := remember(func(m *offlineMemory) { m.Last = store.URL() }); err != nil {
		return err
	}
	return o.confirm(c, o.url)
}

// logInOffline logs in with a password.
func (o *loginOptions) logInOffline(c *cobra.Command, store *api.Client) error {
	password, otp, err := o.readPasswords()
	if err != nil {
		return err
	}
	if otp != "" {
		return cli.Usagef("login: air-gapped stores have no one-time passwords beside the password: give one line")
	}
	return store.LogIn(c.Context(), o.email, password)
}

// exchange exchanges the token of an administrator for a login.
func (o *loginOptions) exchange(c *cobra.Command, store *api.Client, token string) error {
	fmt.Fprintln(c.OutOrStdout(), "Exchanging store admin macaroon for a publisher gateway admin macaroon...")
	who, err := gateway.NewClient(store).Exchange(c.Context(), o.email, token)
	if r, ok := errors.AsType[*api.RefusalError](err); ok && r.Status == http.StatusUnauthorized {
		return &tokenError{o.email, err}
	}
	if err != nil {
		return err
	}
	if who.Account.Email != "" && who.Account.Email != o.email {
		fmt.Fprintf(os.Stderr, "The token belongs to %s.\n", cli.Clean(who.Account.Email))
		o.email = who.Account.Email
	}
	return nil
}
