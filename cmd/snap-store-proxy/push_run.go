package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"offlinestore/blob"
	"offlinestore/bundle"
	"offlinestore/cmd/internal/cli"
	"offlinestore/importer"
	"offlinestore/instance"
)

func runPush(ctx context.Context, w io.Writer, dir *instance.Dir, o pushOptions, files []string) error {
	if i := slices.Index(files, "-"); i >= 0 && slices.Contains(files[i+1:], "-") {
		return cli.Usagef("standard input is one bundle: - can be given once")
	}
	p := &push{o: o, w: w, dataDir: string(*dir)}
	p.batch = &importer.Batch{AllowUnsigned: o.allowUnsigned, KeepPlan: o.plan, Warn: warnOfFile, Report: p.report, ReadingUnsigned: readingUnsigned}
	defer p.batch.Close()
	// Inputs are opened with the rights that the program was started with, and read without them.
	for _, name := range files {
		f := &importer.File{Name: name}
		f.Input, f.Err = bundle.OpenInput(name)
		p.batch.Files = append(p.batch.Files, f)
	}
	return withInstance(ctx, dir, func(in *instance.Instance) error {
		p.in = in
		var err error
		if p.batch.Importer, err = newImporter(in, o); err != nil {
			return err
		}
		defer p.batch.Hasher.Close()
		release, err := in.Catalog.Lock(ctx, false)
		if err != nil {
			return err
		}
		defer release()
		if err := in.Blobs.CleanStaging(); err != nil {
			return err
		}
		return p.run(ctx)
	})
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
	batch   *importer.Batch
	dataDir string
	bar     *cli.Progress
}

// run plans all files, announces the sum, and imports them.
func (p *push) run(ctx context.Context) error {
	if err := p.batch.Plan(ctx); err != nil {
		return err
	}
	if p.o.plan {
		err := p.printPlan()
		p.warnOfGaps(ctx)
		return errors.Join(err, p.result())
	}
	if err := p.announce(); err != nil {
		return err
	}
	p.bar = cli.NewProgress("Importing", p.batch.Totals().Payload)
	p.batch.Progress = p.bar.Add
	p.batch.Run(ctx)
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

func warnOfFile(f *importer.File, text string) {
	fmt.Fprintf(os.Stderr, "Warning: %s: %s\n", cli.Clean(f.Name), cli.Clean(text))
}

// readingUnsigned shows the progress of reading a file of the original store-admin.
func readingUnsigned(f *importer.File, size int64) (progress func(int64), done func()) {
	fmt.Fprintf(os.Stderr, "Warning: %s is not signed: nothing says that it is what Charmhub published\n", cli.Clean(f.Name))
	bar := cli.NewProgress("Reading", size)
	return bar.Add, bar.Done
}

// result returns the error of the whole run: the error of the one file, or the number of the files that failed.
func (p *push) result() error {
	files := p.batch.Files
	var failed []error
	for _, f := range files {
		if f.Err != nil {
			failed = append(failed, fmt.Errorf("%s: %w", f.Name, f.Err))
		}
	}
	switch {
	case len(failed) == 0:
		return nil
	case len(files) == 1:
		return files[0].Err
	case len(failed) == len(files):
		return fmt.Errorf("no bundle was imported; the first error: %w", failed[0])
	}
	_, hint := hints().Find(failed[0])
	return &cli.Error{Code: cli.Partial, Err: fmt.Errorf("%d of %d bundles were not imported; the others are", len(failed), len(files)), Hint: hint}
}
