// Package push imports files as the push commands do: it plans, announces, imports and reports them.
package push

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"filippo.io/age"

	"offlinestore/blob"
	"offlinestore/channel"
	"offlinestore/cmd/internal/cli"
	"offlinestore/importer"
	"offlinestore/instance"
)

// Run imports files into the store in dir.
func Run(ctx context.Context, w io.Writer, dir *instance.Dir, o Options, files []string) error {
	if i := slices.Index(files, "-"); i >= 0 && slices.Contains(files[i+1:], "-") {
		return cli.Usagef("standard input is one bundle: - can be given once")
	}
	channels, err := parseChannels(o.Channels)
	if err != nil {
		return err
	}
	p := &push{o: o, w: w, dataDir: string(*dir)}
	p.batch = &importer.Batch{AllowUnsigned: o.AllowUnsigned, PlanOnly: o.Plan, Warn: warnOfFile, Report: p.report, Reading: reading, Channels: channels}
	defer p.batch.Close()
	// Inputs are opened with the rights with which the program was started, and read without them.
	for _, name := range files {
		p.batch.Files = append(p.batch.Files, importer.OpenFiles(name, warnOfFile)...)
	}
	p.files = slices.Clone(p.batch.Files)
	p.reports = cli.NewOrdered(p.files, func(text string) { p.bar.Printf(p.w, "%s", text) })
	return o.Open(ctx, dir, func(in *instance.Instance) error {
		p.in = in
		var err error
		if p.batch.Importer, err = newImporter(in, o); err != nil {
			return err
		}
		defer p.batch.Hasher.Close()
		unlock(in, p.batch.Files)
		return errors.Join(p.runLocked(ctx), p.removeJoined(ctx))
	})
}

// runLocked runs the push while gc is kept out.
func (p *push) runLocked(ctx context.Context) error {
	release, err := p.in.Lock(ctx, false)
	if err != nil {
		return err
	}
	defer release()
	if err := p.in.Blobs.Prepare(ctx); err != nil {
		return err
	}
	if err := p.in.CleanStaging(ctx); err != nil {
		fmt.Fprintf(os.Stderr, "snap-store-proxy: Remains of killed pushes were not removed: %v\n", err)
	}
	return p.run(ctx)
}

// removeJoined removes the ranges of divided blobs that are whole now. A later gc would do so, too.
func (p *push) removeJoined(ctx context.Context) error {
	if ctx.Err() != nil || p.o.Plan {
		return nil
	}
	return p.in.RemoveJoined(ctx, p.batch.Joined())
}

// unlock lets the store's identity open encrypted bundles.
func unlock(in *instance.Instance, files []*importer.File) {
	for _, f := range files {
		if f.Err != nil {
			continue
		}
		isEncrypted, err := f.Input.IsEncrypted()
		if isEncrypted {
			var identities []age.Identity
			identities, err = in.Dir.Identities()
			f.Input.Unlock(identities...)
		}
		f.Err = err
	}
}

func parseChannels(names []string) (list []channel.Channel, err error) {
	for _, name := range names {
		c, err := channel.Parse(name)
		if err != nil {
			return nil, cli.Usagef("--channel: %w", err)
		}
		list = append(list, c)
	}
	return list, nil
}

func newImporter(in *instance.Instance, o Options) (*importer.Importer, error) {
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
		AcceptTime: o.AcceptTime, PushChannelMap: o.PushChannelMap, TakeOver: o.TakeOver, By: o.By,
	}, nil
}
