package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"offlinestore/cmd/internal/cli"
	"offlinestore/exporter"
)

// archiveOfImages begins the name of the archive of images.
const archiveOfImages = "images-export"

// imageOptions are the flags of export images.
type imageOptions struct {
	exportOptions
	as          string
	noReferrers bool
}

func newExportImages() *cobra.Command {
	var o imageOptions
	c := &cobra.Command{
		Use:     "images REF…",
		Aliases: []string{"image"},
		Short:   "Export container images that belong to no charm",
		Long: `Export container images from their registries into one signed bundle, with their
signatures and attestations. Inside, the store's registry serves them under the same
path and tag: docker.io/library/postgres:16 as library/postgres:16. The digests stay.

REF is registry/path, with a tag, a digest (name@sha256:…) or both; without them, the
tag is latest, and without a registry it is docker.io. An image that is named by its
digest alone is pulled by it. A tag names the image of the most recently signed bundle.

Of an image for several platforms, the parts for --arch come along. A login of 'docker
login' or 'podman login' is used, and not carried.
` + cli.ExitHelp,
		Example: `  store-admin export images docker.io/library/postgres:16
  store-admin export images ghcr.io/acme/app:1.2 quay.io/acme/tool:3 --arch amd64 --arch arm64
  store-admin export images registry.acme.com/app:1.2 --as acme/app:stable
  store-admin export images docker.io/library/postgres@sha256:… --arch all`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			req, err := o.request(c.Flags().Changed, unique(args))
			if err != nil {
				return err
			}
			return runExport(c.Context(), c.OutOrStdout(), &o.exportOptions, req)
		},
	}
	f := c.Flags()
	o.addFlags(f)
	f.StringArrayVar(&o.archs, "arch", []string{"amd64"}, "`architecture` to export, or all for all parts; repeatable")
	f.StringVar(&o.as, "as", "", "the `name` of the image inside, path or path:tag; with one REF")
	f.BoolVar(&o.noReferrers, "no-referrers", false, "leave out the signatures and attestations of the images")
	return c
}

// request returns the request for images.
func (o *imageOptions) request(given func(flag string) bool, refs []string) (exporter.Request, error) {
	req := exporter.Request{Withdrawn: exporter.WithdrawnError}
	if err := o.validate(given); err != nil {
		return req, err
	}
	if given("as") && (o.as == "" || len(refs) > 1) {
		return req, cli.Usagef("--as: give one name, for one image")
	}
	for _, ref := range refs {
		req.Images = append(req.Images, exporter.ImageRequest{Reference: ref, As: o.as, Architectures: unique(o.archs), NoReferrers: o.noReferrers})
	}
	if err := req.Validate(); err != nil {
		return req, cli.Usagef("%w", err)
	}
	o.archive = archiveOfImages
	return req, nil
}

// reportImages prints the place of the images, and the names that they get inside.
func (out *output) reportImages() {
	fmt.Fprintf(out.w, "Successfully exported images to: %s\n", out.files[0].File)
	for _, name := range out.files[0].Images {
		fmt.Fprintf(out.w, "%s\n", name)
	}
}
