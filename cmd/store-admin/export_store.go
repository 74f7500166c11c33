package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"offlinestore/cmd/internal/cli"
	"offlinestore/exporter"
)

// storeOptions are the flags of export store.
type storeOptions struct {
	snapOptions
	keys    []string
	noSnaps bool
}

func newExportStore() *cobra.Command {
	var o storeOptions
	o.archive = archiveOfStore
	c := &cobra.Command{
		Use:   "store STORE_ID",
		Short: "Export the store of a brand, with its private snaps",
		Long: `Export the store of a brand into one signed bundle, for 'snap-store-proxy push-store': its
description and its parents' with the lists of their snaps, the store assertion if there
is one, the accounts of the brand and of the login, the published revisions of the listed
snaps with their dependencies, and the declarations of registered snaps without a release.
Devices inside get the private snaps if their model names the store. Run it again to
synchronise: it fetches only new items, and what left the lists leaves the store inside.

The login needs the role Admin in the store: 'store-admin login', or STORE_ADMIN_TOKEN. The
command writes the login into a file beside the bundle, for the next run on a machine
without a person. That file is a secret, and never part of the bundle.

Name the keys that sign the models, the serials and the revisions of the brand with --key.
They must be registered ('snapcraft register-key').
` + cli.ExitHelp,
		Example: `  store-admin export store acme-pumps
  store-admin export store acme-pumps --channel stable --channel edge --arch amd64 --arch arm64 --key $KEYID
  store-admin export store acme-pumps --no-snaps
  store-admin export store acme-pumps --dry-run`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			req, err := o.request(args[0], c.Flags().Changed)
			if err != nil {
				return err
			}
			if !o.json {
				fmt.Fprintln(c.OutOrStdout(), "Logging in as store admin...")
			}
			return runExport(c.Context(), c.OutOrStdout(), &o.exportOptions, req)
		},
	}
	f := c.Flags()
	o.addFlags(f)
	f.StringArrayVar(&o.channels, "channel", []string{"stable"}, "`channel` to export from; repeatable")
	f.StringArrayVar(&o.archs, "arch", []string{"amd64"}, "`architecture` to export for; repeatable")
	f.StringArrayVar(&o.keys, "key", nil, "`ID` (SHA3-384) of a registered key whose account-key comes along; repeatable")
	f.BoolVar(&o.noSnaps, "no-snaps", false, "leave out the revisions of the snaps; the lists and the declarations of snaps without a release stay")
	f.BoolVar(&o.noDeps, "no-deps", false, "leave out the dependencies")
	return c
}

// request returns the request for a store.
func (o *storeOptions) request(id string, given func(flag string) bool) (req exporter.Request, err error) {
	if err := o.validate(given); err != nil {
		return req, err
	}
	req = exporter.Request{Stores: []exporter.StoreRequest{{ID: id, Whole: true, NoSnaps: o.noSnaps}}, Channels: unique(o.channels),
		Architectures: unique(o.archs), NoDeps: o.noDeps || o.noSnaps, NoIcons: o.noIcons, Withdrawn: exporter.WithdrawnMode(o.withdrawn)}
	for _, key := range unique(o.keys) {
		req.AccountKeys = append(req.AccountKeys, exporter.AccountKey{ID: key})
	}
	if err := req.Validate(); err != nil {
		return req, cli.Usagef("%w", err)
	}
	o.stores, o.needsLogin, o.storeID = true, true, id
	o.archive += "-" + id
	return req, setExported(&req)
}
