package push

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"

	"offlinestore/cmd/internal/cli"
	"offlinestore/importer"
)

// run plans all files, announces the sum, and imports them.
func (p *push) run(ctx context.Context) error {
	if err := p.batch.Plan(ctx); err != nil {
		return err
	}
	defer p.printWants(ctx)
	if err := p.identify(ctx); err != nil {
		return err
	}
	p.leaveOutJoined()
	p.noteOtherContent()
	p.warnOfGaps()
	if p.o.Plan {
		return errors.Join(p.printPlan(), p.result())
	}
	if err := p.confirmTakeOvers(); err != nil {
		return err
	}
	p.detailPlan()
	if err := p.announce(); err != nil {
		return err
	}
	p.bar = cli.NewProgress("Importing", p.batch.Totals().Payload)
	p.batch.Progress = p.bar.Add
	p.batch.Run(ctx)
	p.reports.Flush()
	p.bar.Done()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if p.o.JSON {
		if err := p.printJSON(); err != nil {
			return err
		}
	}
	p.warnOfMoreGaps(ctx)
	if err := p.result(); err != nil || p.o.Finish == nil {
		return err
	}
	return p.o.Finish(ctx, p.in, p.batch.Files)
}

// leaveOutJoined leaves out the files that became part of other ones: the assertions of a snap.
func (p *push) leaveOutJoined() {
	p.files = slices.DeleteFunc(p.files, func(f *importer.File) bool {
		joined := !slices.Contains(p.batch.Files, f)
		if joined {
			p.reports.Add(f, "")
		}
		return joined
	})
}

// noteOtherContent names the files that another command is for. They are imported nevertheless.
func (p *push) noteOtherContent() {
	for _, f := range p.files {
		switch n := len(f.Content.Stores); {
		case f.Err != nil:
		case p.o.Stores && n == 0:
			cli.Note("%s holds no store: it is imported as push-snap does it.\n", cli.Clean(f.Name))
		case !p.o.Stores && n > 0:
			cli.Note("%s holds %s of a brand: it is imported as push-store does it.\n", cli.Clean(f.Name), cli.Count(n, "store"))
		}
	}
}

func warnOfFile(f *importer.File, text string) {
	fmt.Fprintf(os.Stderr, "Warning: %s: %s\n", cli.Clean(f.Name), cli.Clean(text))
}

// reading shows the progress of reading all of a file.
func reading(f *importer.File, size int64) (progress func(int64), done func()) {
	if f.Unsigned {
		fmt.Fprintf(os.Stderr, "Warning: %s is not signed: nothing proves that Charmhub published its content\n", cli.Clean(f.Name))
	}
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
	_, hint := p.o.Hints().Find(failed[0])
	return &cli.Error{Code: cli.Partial, Err: fmt.Errorf("%d of %d bundles were not imported; the others are", len(failed), len(files)), Hint: hint}
}
