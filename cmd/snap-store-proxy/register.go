package main

import (
	"cmp"
	"errors"

	"github.com/spf13/cobra"

	"offlinestore/cmd/internal/cli"
	"offlinestore/instance"
)

// errNoRegistration reports that this program can't ask for a registration itself.
var errNoRegistration = errors.New("the service that registers a store has no public description, so this program can't ask it")

func newRegister(dir *instance.Dir) *cobra.Command {
	var o reregisterOptions
	var https bool
	c := &cobra.Command{
		Use:   "register",
		Short: "Take over the registration of this store, which its store assertion is",
		Long: `Take over the registration of this store: the store assertion by which devices join
it. The original's command asks the Snap Store for one. That service has no public
description, so this command takes the registration from a file, in both modes of
the store. The original's 'store-admin register' makes the file on a host with
internet.`,
		Example: `  snap-store-proxy register --https
  snap-store-proxy register --registration-bundle registration_bundle.b64`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if o.storeAssertion+o.registrationBundle+o.fromArchive == "" {
				return registrationHint(dir, https)
			}
			return o.run(c.OutOrStdout(), dir)
		},
	}
	o.addFlags(c)
	c.Flags().BoolVar(&https, "https", false, "tell how to register a URL with https")
	return c
}

// registrationHint returns the error with the way to a registration. The name of the store is unknown before its first settings.
func registrationHint(dir *instance.Dir, https bool) error {
	host := ""
	if err := dir.Enter(); err == nil {
		if s, err := dir.Settings(); err == nil {
			host = s.Values().Domain
		}
	}
	url := "http://" + cmp.Or(host, "HOST")
	if https {
		url = "https://" + cmp.Or(host, "HOST")
	}
	return &cli.Error{Code: cli.Failed, Err: errNoRegistration,
		Hint: "on a host with internet: store-admin register --offline " + url + ", with the original's store-admin; here: snap-store-proxy register --registration-bundle FILE"}
}
