package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"offlinestore/blob"
	"offlinestore/bundle"
	"offlinestore/cmd/internal/cli"
	"offlinestore/importer"
	"offlinestore/instance"
)

// pushOptions are the flags of the push commands.
type pushOptions struct {
	pushChannelMap, plan, json, acceptTime, allowUnsigned bool
}

// newPushes are the commands that import bundles. Each takes any bundle and imports all of it; they go by the original's names.
func newPushes(dir *instance.Dir) []*cobra.Command {
	return []*cobra.Command{
		newPush(dir, "push-snap FILE…", "Verify and import bundles of snaps", "'store-admin export snaps'",
			"  snap-store-proxy push-snap jq-20261120T101500.tar.gz\n  snap-store-proxy push-snap --plan /media/usb/*.tar.gz\n"+
				"  cat /media/usb/week47.tar.gz.part* | snap-store-proxy push-snap -"),
		newPush(dir, "push-charms FILE…", "Verify and import bundles of charms, with their resources and images", "'store-admin export charms'",
			"  snap-store-proxy push-charms charms-export-20261120T101500.tar.gz\n  snap-store-proxy push-charms --plan /media/usb/*.tar.gz"),
		newPush(dir, "push-charm-bundle FILE…", "Verify and import charm bundles, with all their charms", "'store-admin export bundle'",
			"  snap-store-proxy push-charm-bundle cos-lite-20261120T101500.tar.gz"),
	}
}

func newPush(dir *instance.Dir, use, short, source, example string) *cobra.Command {
	var o pushOptions
	c := &cobra.Command{
		Use:   use,
		Short: short,
		Long: `Verify bundles and import them. FILE is what ` + source + ` wrote:
an archive, a layout directory, or - for standard input. The signature is
checked before the first blob is read, and clients see all of a bundle or
nothing of it. Several bundles are imported side by side, each on its own; a bad
one does not stop the others. An interrupted push is simply run again.

What an older bundle says about a channel does not undo what a newer one said,
unless --push-channel-map is given; its revisions are added all the same. With
--push-channel-map, several bundles are applied in the order in which they were
signed, whatever their order on the command line.`,
		Example: example,
		Args:    cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return runPush(c.Context(), c.OutOrStdout(), dir, o, args)
		},
	}
	f := c.Flags()
	f.BoolVar(&o.pushChannelMap, "push-channel-map", false, "update the channel map even where a newer bundle has set it")
	f.BoolVar(&o.plan, "plan", false, "say what would be done, and change nothing")
	f.BoolVar(&o.json, "json", false, "print the result as JSON")
	f.BoolVar(&o.allowUnsigned, "allow-unsigned", false, "take an export of the original store-admin, which nobody has signed")
	f.BoolVar(&o.acceptTime, "accept-time", false, "take a bundle that was signed far in the future")
	return c
}

func runPush(ctx context.Context, w io.Writer, dir *instance.Dir, o pushOptions, files []string) (err error) {
	if i := slices.Index(files, "-"); i >= 0 && slices.Contains(files[i+1:], "-") {
		return cli.Usagef("standard input is one bundle: - can be given once")
	}
	// Inputs are opened with the rights that we were started with, and read without them.
	inputs := make([]*bundle.Input, len(files))
	openErrs := make([]error, len(files))
	for i, f := range files {
		if inputs[i], openErrs[i] = bundle.OpenInput(f); openErrs[i] == nil {
			defer inputs[i].Close()
		}
	}
	in, err := dir.Open(ctx, options())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	im, err := newImporter(in, o)
	if err != nil {
		return err
	}
	defer im.Hasher.Close()
	release, err := in.Catalog.Lock(ctx, false)
	if err != nil {
		return err
	}
	defer release()
	if err := in.Blobs.CleanStaging(); err != nil {
		return err
	}
	p := &push{o: o, w: w, in: in, im: im, dataDir: string(*dir)}
	for i, f := range files {
		p.files = append(p.files, &pushFile{Name: f, input: inputs[i], err: openErrs[i]})
	}
	return p.run(ctx)
}

func newImporter(in *instance.Instance, o pushOptions) (*importer.Importer, error) {
	signers, err := in.Trust.Signers()
	if err != nil {
		return nil, err
	}
	trust, err := in.Trust.Assertions()
	if err != nil {
		return nil, err
	}
	return &importer.Importer{
		Store: in.Catalog, Blobs: in.Blobs, Hasher: blob.NewHasher(0), Signers: signers, Trust: trust, Now: time.Now,
		AcceptTime: o.acceptTime, PushChannelMap: o.pushChannelMap,
	}, nil
}

// push is one run of a push command.
type push struct {
	o       pushOptions
	w       io.Writer
	in      *instance.Instance
	im      *importer.Importer
	dataDir string
	files   []*pushFile
	bar     *cli.Progress
}

// run plans all files, says so, and imports them.
func (p *push) run(ctx context.Context) error {
	for _, f := range p.files {
		if f.err == nil {
			f.err = p.plan(ctx, f)
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if f.err != nil {
			p.fail(f)
		}
	}
	if p.o.pushChannelMap {
		if err := p.planInOrder(ctx); err != nil {
			return err
		}
	}
	if p.o.plan {
		err := p.printPlan()
		p.warnOfGaps(ctx)
		return errors.Join(err, p.result())
	}
	if err := p.announce(); err != nil {
		return err
	}
	p.bar = cli.NewProgress("Importing", p.payload())
	p.importAll(ctx)
	p.bar.Done()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if p.o.json {
		if err := p.printJSON(); err != nil {
			return err
		}
	}
	p.warnOfGaps(ctx)
	return p.result()
}

// fail names a bad file at once: the others go on. A file that is alone is named by the error of the whole run.
func (p *push) fail(f *pushFile) {
	if len(p.files) > 1 {
		p.bar.Printf(os.Stderr, "snap-store-proxy: %s: %s\n", cli.Clean(f.Name), cli.Clean(f.err.Error()))
	}
}

// result is the error of the whole run: that of the one file, or how many failed.
func (p *push) result() error {
	var failed []error
	for _, f := range p.files {
		if f.err != nil {
			failed = append(failed, fmt.Errorf("%s: %w", f.Name, f.err))
		}
	}
	switch {
	case len(failed) == 0:
		return nil
	case len(p.files) == 1:
		return p.files[0].err
	case len(failed) == len(p.files):
		return fmt.Errorf("no bundle was imported; the first error: %w", failed[0])
	}
	_, hint := hints().Find(failed[0])
	if known := (*cli.Error)(nil); errors.As(failed[0], &known) && known.Hint != "" {
		hint = known.Hint
	}
	return &cli.Error{Code: cli.Partial, Err: fmt.Errorf("%d of %d bundles were not imported; the others are", len(failed), len(p.files)), Hint: hint}
}
