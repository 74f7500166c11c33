package main

import (
	"context"
	"io"

	"github.com/spf13/cobra"

	"offlinestore/cmd/internal/cli"
	"offlinestore/cmd/internal/push"
	"offlinestore/instance"
)

func newPushStore(dir *instance.Dir) *cobra.Command {
	o := newPushOptions()
	var dryRun bool
	var key revisionAuthority
	var admin storeAdmin
	c := &cobra.Command{
		Use:   "push-store FILE…",
		Short: "Verify and import the stores of brands, with their private snaps",
		Long: `Verify the export of a brand's store and import it. FILE is the output of
'store-admin export store', as for push-snap: the signature is verified before
anything else, clients see all of it or nothing, and a second push changes nothing.

The list in the newest export counts. A snap that has left it leaves the view of
the store's devices, and a line tells so; --dry-run tells it first. Revisions stay
until 'prune' or 'remove-snap'. An older export changes nothing that a newer one
has stated, unless --push-channel-map is given. --take-over STORE_ID accepts a
store of another brand than before, and asks.

The key that signs revisions published to this store is kept in the settings
(internal.snapassert.signing.revisions.*). Its flags are needed once. The
original takes the key itself; here --revision-authority-key takes the name of a
file, or - for standard input, because every user of this host sees the arguments.

With --store-admin-token, the account that administers the store upstream may log
in here, too, with the token that was written beside the export, as a model
administrator (docs/model-service.md). Only the token's digest is kept. The flag
vouches for the token: no bundle can bring one.`,
		Example: "  snap-store-proxy push-store store-export-acme-20261120T101500.tar.gz\n  snap-store-proxy push-store --dry-run /media/usb/store-export-*.tar.gz\n" +
			"  snap-store-proxy push-store --revision-authority-key-id KEYID --revision-authority-key brand.asc FILE\n" +
			"  snap-store-proxy push-store --store-admin-token store-export-acme-20261120T101500.tar.gz.macaroon store-export-acme-20261120T101500.tar.gz",
		Args: cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			o.By, o.Stores, o.Plan = instance.Operator(), true, o.Plan || dryRun // before root's rights are given up
			return runPushStore(c.Context(), c.OutOrStdout(), dir, o, key, admin, args)
		},
	}
	f := c.Flags()
	o.AddFlags(f)
	f.BoolVar(&dryRun, "dry-run", false, "the same as --plan")
	f.StringVar(&key.id, "revision-authority-key-id", "", "`ID` of the account-key that signs revisions published here")
	f.StringVar(&key.file, "revision-authority-key", "", "`file` with its private key, or - for standard input")
	f.StringVar(&key.file, "revision-authority-key-file", "", "the same as --revision-authority-key")
	f.StringVar(&admin.file, "store-admin-token", "", "let the admin of the pushed store log in with the token in this `file`, or - for standard input")
	return c
}

func runPushStore(ctx context.Context, w io.Writer, dir *instance.Dir, o push.Options, key revisionAuthority, admin storeAdmin, files []string) error {
	if key.file == fromInput && admin.file == fromInput {
		return cli.Usagef("standard input is the key or the token, not both")
	}
	if err := key.read(files); err != nil {
		return err
	}
	if err := admin.read(files); err != nil {
		return err
	}
	if admin.file != "" {
		o.Finish = admin.keep
	}
	if err := push.Run(ctx, w, dir, o, files); err != nil || o.Plan || key.id == "" {
		return err
	}
	return key.keep(ctx, dir)
}
