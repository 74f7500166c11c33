package main

import (
	"bytes"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"offlinestore/charm"
	"offlinestore/cmd/internal/cli"
	"offlinestore/exporter"
	"offlinestore/upstream"
)

// maxBundleFile bounds the file that lists the charms to export.
const maxBundleFile = 4 << 20

// charmOptions are the flags of export charms and export bundle.
type charmOptions struct {
	exportOptions
	noImages, noReferrers bool
}

func (o *charmOptions) addCharms(f *pflag.FlagSet) {
	o.addFlags(f)
	f.StringArrayVar(&o.archs, "arch", []string{"amd64"}, "`architecture` to export for where the file names none; repeatable. If given, images are exported only for these, else for all of theirs")
	f.StringVar(&o.charmhubURL, "charmhub-url", os.Getenv("STORE_ADMIN_CHARMHUB_URL"), "`URL` of Charmhub (default "+upstream.DefaultCharmhubOrigin+")")
	f.BoolVar(&o.noImages, "no-images", false, "leave out the container images")
	f.BoolVar(&o.noReferrers, "no-referrers", false, "leave out the signatures and attestations of the images")
	f.BoolVar(&o.withSnaps, "with-snaps", false, "also export the snaps that the charms install, with their dependencies")
}

const exportCharmsHelp = `Export the charms that a file lists into one signed bundle, with their
resources and container images. The file is a bundle.yaml, or a
list of the same form. Further files are overlays, as in
'juju deploy --overlay':

  applications:
    postgresql:               # any name
      charm: postgresql-k8s   # all that must be there
      base: ubuntu@22.04      # or series: jammy
      channel: 14/stable      # default: the charm's default track, stable
      revision: 20
      constraints: arch=arm64 # default: --arch
      resources:
        postgresql-image: postgres:16   # the image's name inside, or a revision

--from URL names an online store (docs/edge.md): the export has the charms that Juju was given
there, the ones whose NAMEs follow or else all, with their resources and images, from its
cache, also while Charmhub is away. --arch narrows that.
`

func newExportCharms() *cobra.Command {
	var o charmOptions
	var from fromOptions
	c := &cobra.Command{
		Use:   "charms FILE.yaml [OVERLAY.yaml…]",
		Short: "Export charms, with their resources and container images",
		Long:  exportCharmsHelp + cli.ExitHelp,
		Example: `  store-admin export charms charms.yaml
  store-admin export charms bundle.yaml overlay.yaml
  store-admin export charms charms.yaml --arch amd64 --arch arm64 --with-snaps
  store-admin export charms charms.yaml --output-dir /media/usb/layout --no-images
  store-admin export charms --from http://dmz.example.internal --single next.tar.gz`,
		Args: func(c *cobra.Command, args []string) error {
			if c.Flags().Changed("from") {
				return nil
			}
			return cobra.MinimumNArgs(1)(c, args)
		},
		RunE: func(c *cobra.Command, args []string) error {
			req, err := o.request(c.Flags().Changed)
			if err != nil {
				return err
			}
			o.archive = "charms-export"
			if c.Flags().Changed("from") {
				return o.runFrom(c, &from, args, req)
			}
			f, err := readApplications(args)
			if err != nil {
				return err
			}
			req.Charms.Applications = f.Applications
			if len(f.Repeated) > 0 {
				req.Warnings = append(req.Warnings, fmt.Sprintf("%s: repeated keys, of which the last value counts: %s", strings.Join(args, ", "), strings.Join(f.Repeated, ", ")))
			}
			return o.run(c, req)
		},
	}
	o.addCharms(c.Flags())
	c.Flags().StringVar(&from.url, "from", "", "export the charms that Juju was given by the online store at this `URL`")
	return c
}

// runFrom exports the charms that Juju was given by an online store.
func (o *charmOptions) runFrom(c *cobra.Command, from *fromOptions, names []string, req exporter.Request) error {
	if err := from.validate(c.Flags().Changed, &o.exportOptions, nil); err != nil {
		return err
	}
	if err := from.requestCharms(c.Context(), names, req.Charms); err != nil {
		return err
	}
	return o.run(c, req)
}

// readApplications reads a bundle.yaml, or a list of charms in the same form, with its overlays.
func readApplications(paths []string) (*charm.BundleFile, error) {
	var texts [][]byte
	for _, path := range paths {
		text, err := cli.ReadFile(path, maxBundleFile)
		if err != nil {
			return nil, &charmListError{err}
		}
		texts = append(texts, text)
	}
	f, err := charm.ParseBundle(texts[0], texts[1:]...)
	names := strings.Join(paths, ", ")
	if err != nil && !bytes.Contains(texts[0], []byte("applications:")) {
		return nil, &charmListError{fmt.Errorf("%s: %w", names, err)}
	}
	if err != nil {
		return nil, cli.Usagef("%s: %w", names, err)
	}
	return f, nil
}

func newExportBundle() *cobra.Command {
	var o charmOptions
	var channel, series string
	var onlyYAML bool
	c := &cobra.Command{
		Use:   "bundle NAME",
		Short: "Export a charm bundle, with all its charms",
		Long: `Export a charm bundle into one signed bundle, with its charms, their resources
and container images.
` + cli.ExitHelp,
		Example: `  store-admin export bundle cos-lite
  store-admin export bundle cos-lite --channel edge --arch arm64
  store-admin export bundle cos-lite --only-print-yaml > cos-lite.yaml`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			req, err := o.request(c.Flags().Changed)
			if err != nil {
				return err
			}
			name := strings.TrimPrefix(args[0], "ch:")
			req.Charms.Bundles = []exporter.CharmBundle{{Name: name, Channel: channel}}
			if req.Charms.Base, err = charm.ParseBase(series); err != nil {
				return cli.Usagef("--series: %w", err)
			}
			o.archive = name
			if onlyYAML {
				return o.printBundle(c, req)
			}
			return o.run(c, req)
		},
	}
	f := c.Flags()
	o.addCharms(f)
	f.StringVar(&channel, "channel", "", "`channel` of the bundle (default its default track, stable)")
	f.StringVar(&series, "series", "jammy", "`series` or base, such as ubuntu@24.04, for charms without one in the bundle")
	f.BoolVar(&onlyYAML, "only-print-yaml", false, "print the bundle.yaml and export nothing")
	return c
}

// request returns the parts of the request that are common to both commands.
func (o *charmOptions) request(given func(flag string) bool) (exporter.Request, error) {
	if err := o.validate(given); err != nil {
		return exporter.Request{}, err
	}
	req := &exporter.CharmRequest{Architectures: unique(o.archs), NoImages: o.noImages, NoReferrers: o.noReferrers, NoIcons: o.noIcons}
	if given("arch") {
		req.ImageArchitectures = req.Architectures
	}
	out := exporter.Request{Charms: req, NoIcons: o.noIcons, Withdrawn: exporter.WithdrawnMode(o.withdrawn)}
	err := setExported(&out)
	return out, err
}

func (o *charmOptions) run(c *cobra.Command, req exporter.Request) error {
	if err := req.Validate(); err != nil {
		return cli.Usagef("%w", err)
	}
	return runExport(c.Context(), c.OutOrStdout(), &o.exportOptions, req)
}

func (o *charmOptions) printBundle(c *cobra.Command, req exporter.Request) error {
	if err := req.Validate(); err != nil {
		return cli.Usagef("%w", err)
	}
	e, err := o.newExporter(&exportProgress{w: c.OutOrStdout()})
	if err != nil {
		return err
	}
	text, err := e.BundleYAML(c.Context(), req.Charms)
	if err != nil {
		return err
	}
	_, err = c.OutOrStdout().Write([]byte(text))
	return err
}
