package main

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"offlinestore/catalog"
	"offlinestore/cmd/internal/cli"
	"offlinestore/instance"
	"offlinestore/instance/settings"
	"offlinestore/registry"
)

// pushImagesOptions are the flags of push-images.
type pushImagesOptions struct {
	to, username, password  string
	plainHTTP, json, dryRun bool
	jobs                    int
	login                   *login         // nil for that of the settings
	roots                   *x509.CertPool // nil for the system's
}

// login is a user name and a password.
type login struct{ username, password string }

func newPushImages(dir *instance.Dir) *cobra.Command {
	var o pushImagesOptions
	c := &cobra.Command{
		Use:   "push-images [CHARM…]",
		Short: "Copy the images of charms to a registry",
		Long: `Copy the container images of charms, or of those named, to a registry that is
there already: that of proxy.oci-registry.domain, with the user name and password
of proxy.oci-registry.username and .password. Images keep their digests, and what
the registry has is not sent again, so an interrupted push is simply run again.
Juju's clusters get those credentials too; --username and --password-file name an
account that may write, for this push alone.

The registry that 'serve' is itself while no domain is set needs none of this.`,
		Example: `  snap-store-proxy push-images
  snap-store-proxy push-images --to registry.example.internal:5000 --plain-http --dry-run postgresql-k8s`,
		RunE: func(c *cobra.Command, charms []string) (err error) {
			// A file of root's is read before root's rights are given up.
			if o.login, err = readLogin(o.username, o.password); err != nil {
				return err
			}
			return withSnapshot(c.Context(), dir, func(in *instance.Instance, cat *catalog.Snapshot) (err error) {
				if o.roots, err = dir.CACerts(); err != nil {
					return err
				}
				return runPushImages(c.Context(), c.OutOrStdout(), in, cat, o, charms)
			})
		},
	}
	f := c.Flags()
	f.StringVar(&o.to, "to", "", "`registry` to copy to, host or host:port (default proxy.oci-registry.domain)")
	f.StringVar(&o.username, "username", "", "user `name` for this push (default proxy.oci-registry.username)")
	f.StringVar(&o.password, "password-file", "", "`file` with its password in the first line, or - for standard input")
	f.BoolVar(&o.plainHTTP, "plain-http", false, "take a registry without TLS, too; the password then crosses the network as it is")
	f.BoolVar(&o.dryRun, "dry-run", false, "say what would be copied, and ask no registry")
	f.BoolVar(&o.json, "json", false, "print the result as JSON")
	f.IntVar(&o.jobs, "jobs", 4, "`number` of blobs to copy at once")
	return c
}

// pushedImage is an image in the result, and why it could not be copied.
type pushedImage struct {
	registry.PlannedImage
	Error string `json:"error,omitempty"`
}

// imagesPush is a push of images that runs, and its result.
type imagesPush struct {
	o        pushImagesOptions
	w        io.Writer
	progress *cli.Progress

	Registry string        `json:"registry"`
	DryRun   bool          `json:"dry-run,omitempty"`
	Images   []pushedImage `json:"images"`
	registry.PushSummary
}

func runPushImages(ctx context.Context, w io.Writer, in *instance.Instance, cat *catalog.Snapshot, o pushImagesOptions, charms []string) error {
	access, err := instance.ReadRegistryAccess(in.Settings, "")
	if err != nil {
		return err
	}
	if o.login != nil {
		access.Username, access.Password = o.login.username, o.login.password
	}
	p := &imagesPush{o: o, w: w, Registry: o.to, DryRun: o.dryRun, Images: []pushedImage{}}
	if p.Registry == "" {
		p.Registry = access.Domain
	}
	switch {
	case p.Registry == "":
		return cli.Hint(cli.Usagef("there is no registry to copy to"), "give --to REGISTRY, or set %s", settings.RegistryDomain)
	case strings.ContainsAny(p.Registry, "/@ "):
		return cli.Usagef("--to %q: want the host of a registry, or host:port, without http:// and path", p.Registry)
	case o.jobs < 1:
		return cli.Usagef("--jobs %d: want 1 or more", o.jobs)
	}
	plan, err := registry.NewPlan(in.Blobs, cat, charms...)
	if err != nil {
		return err
	}
	p.announce(plan)
	if !o.dryRun {
		err = p.run(ctx, plan, registry.PushConfig{Registry: p.Registry, Username: access.Username, Password: access.Password, PlainHTTP: o.plainHTTP, Jobs: o.jobs, Roots: o.roots})
	}
	return errors.Join(err, p.print(plan, err))
}

// readLogin reads the password that goes with a name; both are optional, together.
func readLogin(username, passwordFile string) (*login, error) {
	switch {
	case username == "" && passwordFile == "":
		return nil, nil
	case username == "" || passwordFile == "":
		return nil, cli.Usagef("--username and --password-file belong together")
	}
	password, err := cli.ReadPasswordFile(passwordFile)
	if err != nil {
		return nil, fmt.Errorf("--password-file: %w", err)
	}
	return &login{username, password}, nil
}

// announce says what can't be copied, before anything is.
func (p *imagesPush) announce(plan *registry.Plan) {
	for _, i := range plan.Images {
		switch {
		case i.Absent:
			fmt.Fprintf(os.Stderr, "snap-store-proxy: image %s of charm %s is not here: it was exported without images\n", cli.Clean(i.Name), i.Charm)
		case len(i.Missing) > 0:
			fmt.Fprintf(os.Stderr, "snap-store-proxy: image %s is here without %s\n", cli.Clean(i.Name), cli.Clean(strings.Join(i.Missing, ", ")))
		}
		if i.Absent || p.o.dryRun {
			p.Images = append(p.Images, pushedImage{PlannedImage: i})
		}
	}
}

func (p *imagesPush) run(ctx context.Context, plan *registry.Plan, cfg registry.PushConfig) (err error) {
	p.progress = cli.NewProgress("images", plan.Size)
	defer p.progress.Done()
	cfg.Progress, cfg.Done = p.progress.Add, p.done
	if p.PushSummary, err = plan.Push(ctx, cfg); err == nil || ctx.Err() != nil {
		return err
	}
	if p.PushSummary.Images == 0 {
		return err
	}
	failed := 0
	for _, i := range p.Images {
		if i.Error != "" {
			failed++
		}
	}
	_, hint := hints().Find(err)
	return &cli.Error{Code: cli.Partial, Err: fmt.Errorf("%s could not be copied", cli.Count(failed, "image")), Hint: hint}
}

// done is told of each image.
func (p *imagesPush) done(i registry.PlannedImage, err error) {
	image := pushedImage{PlannedImage: i}
	if err != nil {
		image.Error = err.Error()
		p.progress.Printf(os.Stderr, "snap-store-proxy: push image %s: %s\n", cli.Clean(i.Name), cli.Clean(image.Error))
	} else if !p.o.json {
		p.progress.Printf(p.w, "Pushed %s (%s)\n", cli.Clean(i.Name), cli.Bytes(i.Size))
	}
	p.Images = append(p.Images, image)
}

func (p *imagesPush) print(plan *registry.Plan, err error) error {
	if p.o.json {
		if err != nil && len(p.Images) == 0 {
			return nil // the error itself is the result
		}
		return cli.PrintJSON(p.w, p)
	}
	if p.o.dryRun {
		n := 0
		for _, i := range plan.Images {
			if !i.Absent {
				n++
				fmt.Fprintf(p.w, "Would push %s (%s)\n", cli.Clean(i.Name), cli.Bytes(i.Size))
			}
		}
		fmt.Fprintf(p.w, "%s for %s: %s, less what it has.\n", cli.Count(n, "image"), p.Registry, cli.Bytes(plan.Size))
		return nil
	}
	if err == nil || p.PushSummary.Images > 0 {
		fmt.Fprintf(p.w, "Pushed %s to %s: %s sent, %s there already.\n", cli.Count(p.PushSummary.Images, "image"), p.Registry, cli.Bytes(p.Sent), cli.Bytes(p.Present))
	}
	return nil
}
