package main

import (
	"github.com/spf13/cobra"

	"offlinestore/cmd/internal/cli"
	"offlinestore/exporter"
)

func newExportValidationSets() *cobra.Command {
	var o snapOptions
	c := &cobra.Command{
		Use:   "validation-sets ACCOUNT/NAME[=SEQUENCE]…",
		Short: "Export validation sets with the snaps that they pin",
		Long: `Export validation sets into one signed bundle, with the snaps at the revisions
that they pin and with the dependencies of these. Devices can then monitor and
enforce the sets ('snap validate'), and models can name them.

Without a SEQUENCE, the latest point of the set is exported. A snap that a set
requires without a revision is exported from --channel. A snap that it only
allows, or forbids, is left out. Revisions of several architectures need one
--arch for each.
` + cli.ExitHelp,
		Example: `  store-admin export validation-sets my-brand/base-set
  store-admin export validation-sets my-brand/base-set=3 my-brand/apps=12 --arch amd64 --arch arm64`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if err := o.validate(c.Flags().Changed); err != nil {
				return err
			}
			req := exporter.Request{Channels: unique(o.channels), Architectures: unique(o.archs), NoDeps: o.noDeps, NoIcons: o.noIcons,
				Withdrawn: exporter.WithdrawnMode(o.withdrawn)}
			if err := setExported(&req); err != nil {
				return err
			}
			for _, arg := range unique(args) {
				set, err := exporter.ParseValidationSet(arg)
				if err != nil {
					return cli.Usagef("%w", err)
				}
				req.ValidationSets = append(req.ValidationSets, set)
			}
			if err := req.Validate(); err != nil {
				return cli.Usagef("%w", err)
			}
			o.archive = "validation-sets"
			return runExport(c.Context(), c.OutOrStdout(), &o.exportOptions, req)
		},
	}
	f := c.Flags()
	o.addFlags(f)
	f.StringArrayVar(&o.channels, "channel", []string{"stable"}, "`channel` of the snaps that a set requires without a revision; repeatable")
	f.StringArrayVar(&o.archs, "arch", []string{"amd64"}, "`architecture` to export for; repeatable")
	f.BoolVar(&o.noDeps, "no-deps", false, "leave out the dependencies")
	return c
}
