package main

import (
	"cmp"
	"context"
	"errors"
	"strings"

	"github.com/spf13/cobra"

	"offlinestore/cmd/internal/cli"
	"offlinestore/exporter"
	"offlinestore/safeyaml"
)

// snapOptions are the flags of export snaps.
type snapOptions struct {
	exportOptions
	channels []string
	noDeps   bool
	store    string
	from     fromOptions
}

func newExportSnaps() *cobra.Command {
	var o snapOptions
	c := &cobra.Command{
		Use:   "snaps NAME…",
		Short: "Export snaps with their dependencies",
		Long: `Export snaps and their dependencies (base, snapd, default content providers)
into signed bundles, one for each snap. Everything is verified before it is
packed. Downloads stay in a cache, so an interrupted export continues where it
stopped and a repeated one fetches only new items.

--from URL names an online store (docs/edge.md): the export has the revisions that its devices
were given, of the snaps or else of all, from its cache, also while the Snap Store is away.
--channel and --arch narrow that.
` + cli.ExitHelp,
		Example: `  store-admin export snaps jq
  store-admin export snaps jq hello --channel stable --channel edge --arch amd64 --arch arm64
  store-admin export snaps jq --single /media/usb/week47.tar.gz
  store-admin export snaps pump-gadget --store acme-pumps
  store-admin export snaps --from http://dmz.example.internal --single next.tar.gz
  store-admin export snaps --from-yaml snaps.yaml --output-dir /media/usb/layout --strict`,
		RunE: func(c *cobra.Command, args []string) error {
			if err := o.validate(c.Flags().Changed); err != nil {
				return err
			}
			if c.Flags().Changed("store") && o.store == "" {
				return cli.Usagef("--store: it is empty")
			}
			if err := o.from.validate(c.Flags().Changed, &o.exportOptions, o.channels); err != nil {
				return err
			}
			req, err := o.request(c.Context(), args)
			if err != nil {
				return err
			}
			return runExport(c.Context(), c.OutOrStdout(), &o.exportOptions, req)
		},
	}
	f := c.Flags()
	o.addFlags(f)
	f.StringArrayVar(&o.channels, "channel", []string{"stable"}, "`channel` to export; repeatable")
	f.StringArrayVar(&o.archs, "arch", []string{"amd64"}, "`architecture` to export for; repeatable")
	f.StringVar(&o.fromYAML, "from-yaml", "", "read the packages from a YAML `file`: packages: [{name, revision, push_channel}]")
	f.BoolVar(&o.noDeps, "no-deps", false, "leave out the dependencies")
	f.StringVar(&o.from.url, "from", "", "export the revisions that the devices of the online store at this `URL` were given")
	f.StringVar(&o.store, "store", "", "also export private snaps of the brand's store with this `ID`, for its devices; needs a login")
	return c
}

func (o *snapOptions) request(ctx context.Context, names []string) (exporter.Request, error) {
	req := exporter.Request{Names: unique(names), Channels: unique(o.channels), Architectures: unique(o.archs), NoDeps: o.noDeps, NoIcons: o.noIcons,
		Withdrawn: exporter.WithdrawnMode(o.withdrawn)}
	if err := setExported(&req); err != nil {
		return req, err
	}
	if o.store != "" {
		req.Stores, o.stores, o.needsLogin = []exporter.StoreRequest{{ID: o.store}}, true, true
		// A login that does not see a snap does not prove that the snap is gone.
		req.Withdrawn = cmp.Or(req.Withdrawn, exporter.WithdrawnError)
	}
	if o.from.url != "" {
		if err := o.from.request(ctx, &req); err != nil {
			return req, err
		}
	}
	if o.fromYAML != "" {
		packages, err := readPackages(o.fromYAML)
		if err != nil {
			return req, err
		}
		req.Packages = packages
	}
	if err := req.Validate(); err != nil {
		return req, cli.Usagef("%w", err)
	}
	return req, nil
}

// maxPackages is the largest --from-yaml file, in bytes.
const maxPackages = 4 << 20

// readPackages reads a --from-yaml file. An unknown key is an error, so that a typing mistake in push_channel is noticed.
func readPackages(path string) ([]exporter.Package, error) {
	text, err := cli.ReadFile(path, maxPackages)
	if err != nil {
		return nil, cli.Usagef("--from-yaml: %w", err)
	}
	type entry struct {
		Name        string `yaml:"name"`
		Revision    int    `yaml:"revision"`
		PushChannel string `yaml:"push_channel"`
	}
	var file struct {
		Packages []entry `yaml:"packages"`
	}
	if err := safeyaml.DecodeStrict(text, maxPackages, &file); err != nil {
		what, _, _ := strings.Cut(err.Error(), " in type ") // the rest names a Go type
		return nil, &packageListError{path, errors.New(what)}
	}
	if len(file.Packages) == 0 {
		return nil, cli.Usagef("--from-yaml %s: no packages in it", path)
	}
	var out []exporter.Package
	for _, p := range unique(file.Packages) {
		out = append(out, exporter.Package{Name: p.Name, Revision: p.Revision, PushChannel: p.PushChannel})
	}
	return out, nil
}
