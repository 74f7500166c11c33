package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"offlinestore/catalog"
	"offlinestore/catalog/overview"
	"offlinestore/charm"
	"offlinestore/cmd/internal/cli"
	"offlinestore/image"
	"offlinestore/inquiry"
	"offlinestore/instance"
)

// whyOptions are the flags of why.
type whyOptions struct {
	arch, channel, base string
	revision            int
	epoch               int
	isCharm, asJSON     bool
	isImage             bool
	held                string // a line about a hold
}

func newWhy(dir *instance.Dir) *cobra.Command {
	o := whyOptions{epoch: -1}
	c := &cobra.Command{
		Use:   "why NAME",
		Short: "Tell what a device would get of a snap, or Juju of a charm, or a cluster of an image, and why not",
		Long: `Tell what a device would get of a snap from this store, or why it would get nothing.
The answer is the one of 'serve', from the state of the database. With --epoch, the
device has data of that epoch, and refreshes; else it installs.

Of a charm, tell what Juju would get: without --base, Juju chooses the base. Of a
charm bundle, tell it for each application, too. With --charm, NAME is a charm even
if there is a snap of that name.

Of an image that belongs to no charm, tell which manifest a client would get for a
name, with a tag or a digest. With --image, NAME is one even if there is a snap or
charm of that name.`,
		Example: `  snap-store-proxy why jq --arch arm64
  snap-store-proxy why lxd --channel 5.21/stable --epoch 1
  snap-store-proxy why postgresql --channel 14/stable --base ubuntu@22.04
  snap-store-proxy why cos-lite
  snap-store-proxy why library/postgres:16 --arch arm64`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if o.revision < 0 || o.epoch < -1 {
				return cli.Usagef("--revision and --epoch: want a number")
			}
			return withSnapshot(c.Context(), dir, func(in *instance.Instance, cat *catalog.Snapshot) error {
				return o.ask(c.OutOrStdout(), in, cat, args[0])
			})
		},
	}
	f := c.Flags()
	f.StringVar(&o.arch, "arch", "amd64", "`architecture` of the device")
	f.StringVar(&o.channel, "channel", "", "`channel` that the device or Juju asks for (default the one of the snap or charm)")
	f.StringVar(&o.base, "base", "", "`base` of Juju's machine: ubuntu@22.04 or jammy")
	f.BoolVar(&o.isCharm, "charm", false, "NAME is a charm or charm bundle")
	f.BoolVar(&o.isImage, "image", false, "NAME is an image that belongs to no charm")
	f.IntVar(&o.revision, "revision", 0, "`revision` that the device asks for")
	f.IntVar(&o.epoch, "epoch", -1, "`epoch` of the data that the device has")
	f.BoolVar(&o.asJSON, "json", false, "print JSON")
	return c
}

// ask asks as the client that the name is for.
func (o *whyOptions) ask(w io.Writer, in *instance.Instance, cat *catalog.Snapshot, name string) error {
	if o.isImage || !o.isCharm && cat.MeansImage(name) {
		return o.askAsCluster(w, in, cat, name)
	}
	store, err := inquiry.Open(cat, in.Blobs)
	if err != nil {
		return err
	}
	o.isCharm = o.isCharm || cat.MeansCharm(name)
	o.held = overview.HoldLine(cat, name, o.isCharm)
	if o.isCharm {
		return o.askAsJuju(w, store, name)
	}
	return o.askAsDevice(w, store, name)
}

func (o *whyOptions) askAsCluster(w io.Writer, in *instance.Instance, cat *catalog.Snapshot, name string) error {
	a, err := inquiry.Image(cat, in.Blobs, name, image.Architecture(o.arch))
	if err != nil {
		return err
	}
	if o.asJSON {
		return cli.PrintJSON(w, a)
	}
	return o.printAnswer(w, name, a.Sentence())
}

func (o *whyOptions) askAsDevice(w io.Writer, store *inquiry.Store, name string) error {
	a, err := store.Snap(inquiry.Device{Architecture: o.arch, Channel: o.channel, Revision: o.revision, Epoch: o.epoch}, name)
	if err != nil {
		return err
	}
	if o.asJSON {
		return cli.PrintJSON(w, a)
	}
	return o.printAnswer(w, name, a.Sentence())
}

func (o *whyOptions) askAsJuju(w io.Writer, store *inquiry.Store, name string) error {
	j := inquiry.Juju{Architecture: o.arch, Channel: o.channel}
	if o.revision > 0 {
		j.Revision = &o.revision
	}
	if o.base != "" {
		base, err := charm.ParseBase(o.base)
		if err != nil {
			return cli.Usagef("--base: %w", err)
		}
		j.Base = base
	}
	a, err := store.Charm(j, name)
	if err != nil {
		return err
	}
	if o.asJSON {
		return cli.PrintJSON(w, a)
	}
	if err := o.printAnswer(w, name, a.Sentence()); err != nil {
		return err
	}
	for _, app := range a.Applications {
		what := app.Charm
		if app.Requested != "" {
			what += " from " + app.Requested
		}
		fmt.Fprintf(w, "  %s (%s): %s\n", cli.Clean(app.Application), cli.Clean(what), cli.Clean(app.Sentence()))
	}
	return nil
}

func (o *whyOptions) printAnswer(w io.Writer, name, sentence string) error {
	_, err := fmt.Fprintf(w, "%s for %s: %s\n%s", cli.Clean(name), cli.Clean(o.arch), cli.Clean(sentence), cli.Line(o.held))
	return err
}
