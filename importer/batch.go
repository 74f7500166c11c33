package importer

import (
	"context"
	"errors"
	"slices"

	"offlinestore/blob"
	"offlinestore/bundle"
	"offlinestore/catalog"
)

// File is a file of a Batch, with its state.
type File struct {
	// Name is the operator's name for the file.
	Name  string
	Input *bundle.Input
	// Err is the reason why the file cannot be imported. A caller sets it for a file that it could not open.
	Err error

	// Plan sets the following. Digest is empty for an unsigned file, whose payload Plan has read already.
	Digest   blob.Digest
	Signer   string
	Unsigned bool
	Content  Content
	// Payload counts the bytes to read, Missing the bytes of it that the blob folder lacks.
	Payload, Missing int64
	Planned          *catalog.Report
	// UpToDate reports that importing the file would change nothing.
	UpToDate bool

	// Done is set once the file is imported.
	Done *catalog.Report

	opened    *Opened // kept from Plan only if the input cannot be read twice
	verified  *Verified
	candidate Candidate // kept after Plan only for Preview
	follows   bool      // a file before it moves channels, and can still fail
}

// Changes reports whether the file was imported with changes, or would be.
func (f *File) Changes() bool { return f.Err == nil && !f.UpToDate }

// Batch imports several files. Each of them is accepted or refused on its own. The order of the files does not matter to their
// channels: without PushChannelMap the newest bundle decides, and with it the batch applies the files in the order of signing.
type Batch struct {
	*Importer
	Files []*File
	// AllowUnsigned accepts files of the original store-admin.
	AllowUnsigned bool
	// KeepPlan keeps what Preview needs.
	KeepPlan bool

	// Warn receives warnings about a file for the operator. Report receives a file that failed or was imported. Several goroutines may
	// call it at once.
	Warn   func(f *File, text string)
	Report func(f *File)
	// Progress receives the number of bytes that Run has read. It may be nil.
	Progress func(int64)
	// ReadingUnsigned is called before Plan reads an unsigned file of size bytes. It returns a function that receives the number of bytes
	// that were read, and one that is called at the end.
	ReadingUnsigned func(f *File, size int64) (progress func(int64), done func())
}

// Totals holds the sums over files that change the store.
type Totals struct {
	Revisions, Moves int
	Payload, Missing int64
}

// Totals returns the sums over the planned files that change the store.
func (b *Batch) Totals() (t Totals) {
	for _, f := range b.Files {
		if f.Changes() {
			revisions, moves := f.Planned.Changes()
			t.Revisions, t.Moves = t.Revisions+revisions, t.Moves+moves
			t.Payload, t.Missing = t.Payload+f.Payload, t.Missing+f.Missing
		}
	}
	return t
}

// Plan reads the heads of all files and plans the changes of importing them. It reads unsigned files whole. It returns an error only if
// that error stops the batch.
func (b *Batch) Plan(ctx context.Context) error {
	for _, f := range b.Files {
		if f.Err == nil {
			f.Err = b.planFile(ctx, f)
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if f.Err != nil {
			b.Report(f)
		}
	}
	if b.PushChannelMap {
		if err := b.planInOrder(ctx); err != nil {
			return err
		}
	}
	for _, f := range b.Files {
		if f.Err == nil {
			f.UpToDate = b.upToDate(f)
		}
		if !b.KeepPlan {
			f.candidate = Candidate{}
		}
	}
	return nil
}

// upToDate reports whether a file was imported before. With PushChannelMap it still has to be applied if it moves a channel, now or
// after the files before it.
func (b *Batch) upToDate(f *File) bool {
	if !f.Planned.AlreadyImported {
		return false
	}
	_, moves := f.Planned.Changes()
	return !b.PushChannelMap || moves == 0 && !f.follows
}

// planInOrder sorts the files by the order in which they were signed, and plans each of them against the state after the one before.
// Files that cannot be imported come last.
func (b *Batch) planInOrder(ctx context.Context) error {
	slices.SortStableFunc(b.Files, func(x, y *File) int {
		switch {
		case x.Err == nil && y.Err == nil:
			return x.candidate.Origin().Compare(y.candidate.Origin())
		case x.Err == nil:
			return -1
		case y.Err == nil:
			return 1
		}
		return 0
	})
	files, candidates := b.candidates(func(f *File) bool { return f.Err == nil })
	plan, err := b.PlanAll(ctx, candidates)
	if err != nil {
		return err
	}
	follows := false
	for i, f := range files {
		f.follows = follows
		if f.Err = plan[i].Err; f.Err != nil {
			b.Report(f)
			continue
		}
		imported := f.Planned.AlreadyImported
		if f.Planned = plan[i].Report; !f.Unsigned {
			f.Planned.AlreadyImported = imported
		}
		_, moves := f.Planned.Changes()
		follows = follows || moves > 0
	}
	return nil
}

func (b *Batch) candidates(want func(*File) bool) (files []*File, candidates []Candidate) {
	for _, f := range b.Files {
		if want(f) {
			files, candidates = append(files, f), append(candidates, f.candidate)
		}
	}
	return files, candidates
}

// Preview returns the catalogue as it would be after the planned batch, if KeepPlan is set.
func (b *Batch) Preview(ctx context.Context) (*catalog.Snapshot, error) {
	_, candidates := b.candidates((*File).Changes)
	return b.Importer.Preview(ctx, candidates)
}

// Close closes the inputs.
func (b *Batch) Close() error {
	var errs []error
	for _, f := range b.Files {
		if f.Input != nil {
			errs = append(errs, f.Input.Close())
		}
	}
	return errors.Join(errs...)
}
