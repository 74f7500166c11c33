package importer

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"offlinestore/blob"
	"offlinestore/bundle"
	"offlinestore/catalog"
	"offlinestore/channel"
)

// File is a file of a Batch, with its state.
type File struct {
	// Name is the operator's name for the file.
	Name  string
	Input *bundle.Input
	// Err is the reason why the file cannot be imported. A caller sets it for a file that it could not open.
	Err error

	// Plan sets the following. Digest is empty for an unsigned file. Plan has read the payload of that and of snaps without a bundle already.
	Digest   blob.Digest
	Signer   string
	Unsigned bool
	Content  Content
	// Payload counts the bytes to read, Missing the bytes of it that neither the blob folder nor an earlier file has.
	Payload, Missing int64
	// Planned has the changes of the file to the state that the files before it leave.
	Planned *catalog.Report
	// UpToDate reports that the file was imported before, and that importing it changes nothing.
	UpToDate bool

	// Part is the place of the file in a divided bundle, or nil.
	Part *FilePart

	// Done is set once the file is imported.
	Done *catalog.Report

	opened    *Opened  // kept from Plan if it is small, or cannot be opened again
	staging   *Staging // verified but for its last blobs, which are not committed
	verified  *Verified
	candidate Candidate // not kept after Plan
	missing   map[blob.Digest]int64
	signedAt  time.Time
	increment *increment // nil if it leaves nothing out
	warnings  []string   // of its head
	// length is the error of a bundle that is cut off or has too much, as far as its length tells.
	length error
}

// HasHead reports whether Plan has read only the head of the file. It reads the whole of a file that no exporter has
// signed.
func (f *File) HasHead() bool {
	return !f.Unsigned && f.Signer != catalog.StoreSignatures && f.Signer != catalog.OwnSignatures
}

// Changes reports whether the file was imported with changes, or would be.
func (f *File) Changes() bool { return f.Err == nil && !f.UpToDate }

// Batch imports several files. Each of them is accepted or refused on its own. The order of the files does not matter. Without
// PushChannelMap the newest bundle decides, and each file is applied as soon as it is verified. With PushChannelMap the files are applied
// together in the order of signing, so that clients see only the state after the last one.
type Batch struct {
	*Importer
	Files []*File
	// AllowUnsigned accepts files of the original store-admin.
	AllowUnsigned bool
	// PlanOnly means that Run will not be called. Plan then refuses a file that is cut off, which Run would find.
	PlanOnly bool
	// Generation is the one of the catalogue that the caller has planned with, or 0. If the first file to be applied finds another one, it
	// fails with catalog.ErrChanged, and so do the files beside it.
	Generation int64
	// After is the catalogue as the planned files would leave it, or nil if they change nothing. Plan sets it.
	After *catalog.Snapshot

	// Warn receives warnings about a file for the operator. Report receives a file that failed or was imported. Several goroutines may
	// call it at once.
	Warn   func(f *File, text string)
	Report func(f *File)
	// Progress receives the number of bytes that Run has read, and a negative number before it reads them again. It may be nil.
	Progress func(int64)
	// Reading is called before Plan reads all of a file, of size bytes if that is known. It returns a function that receives the number
	// of bytes that were read, and one that is called at the end.
	Reading func(f *File, size int64) (progress func(int64), done func())
	// Channels are the channels for snaps that come without a bundle.
	Channels []channel.Channel

	joined []*bundle.Input // inputs of files that became part of other files
	// parts are the divided bundles by their IDs. partsLock guards it while heads are read.
	parts     map[blob.Digest]*partSet
	partsLock sync.Mutex
	// openMemory is the memory of the bundles that Plan has left open, in bytes.
	openMemory atomic.Int64
}

// Totals holds the sums over files that change the store. Payload counts the bytes that Run still has to read.
type Totals struct {
	Revisions, Moves, Others int
	Payload, Missing         int64
}

// Totals returns the sums over the planned files that change the store.
func (b *Batch) Totals() (t Totals) {
	for _, f := range b.Files {
		if f.Changes() {
			revisions, moves := f.Planned.Changes()
			t.Revisions, t.Moves, t.Others = t.Revisions+revisions, t.Moves+moves, t.Others+f.Planned.Others()
			if f.verified == nil {
				t.Payload += f.Payload
			}
			t.Missing += f.Missing
		}
	}
	return t
}

// Plan reads the heads of all files and plans the changes of importing one after the other. It reads files without a head whole. It
// returns an error only if that error stops the batch.
func (b *Batch) Plan(ctx context.Context) error {
	if err := b.joinSnaps(ctx); err != nil {
		return err
	}
	b.readFiles(ctx)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err := b.planOthers(ctx); err != nil {
		return err
	}
	for _, f := range b.Files {
		for _, text := range f.warnings {
			b.Warn(f, text)
		}
		if f.Err != nil {
			b.Report(f)
		}
	}
	if b.PushChannelMap {
		b.sortFiles()
	}
	files, candidates := b.candidates()
	plan, after, err := b.PlanAll(ctx, candidates)
	if err != nil {
		return err
	}
	b.After = after
	for i, f := range files {
		if f.Planned, f.Err = plan[i].Report, plan[i].Err; f.Err != nil {
			b.Report(f)
			continue
		}
		if f.verified == nil {
			f.verified = b.verifiedBefore(ctx, f.candidate, f.Planned)
		}
		f.UpToDate = f.Planned.UpToDate && f.verified != nil
		if f.UpToDate || b.PlanOnly { // nothing else will read the file
			f.Err = f.length
		}
		if f.Err != nil {
			b.Report(f)
		}
		f.candidate = Candidate{}
	}
	b.endPlan()
	b.countMissing()
	return nil
}

// planOthers plans the files that need others: increments and parts.
func (b *Batch) planOthers(ctx context.Context) error {
	b.checkExpected(ctx)
	if err := b.planParts(ctx); err != nil {
		return err
	}
	return b.storageErr()
}

// sortFiles sorts the files by the order in which they were signed. Files that cannot be imported come last.
func (b *Batch) sortFiles() {
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
}

// countMissing counts the bytes to copy of each file. A blob in several files counts only in the first of them.
func (b *Batch) countMissing() {
	counted := make(map[blob.Digest]bool)
	for _, f := range b.Files {
		if f.Err != nil {
			continue
		}
		for d, size := range f.missing {
			if !counted[d] {
				counted[d] = true
				f.Missing += size
			}
		}
	}
}

// candidates returns the files that can be imported.
func (b *Batch) candidates() (files []*File, candidates []Candidate) {
	for _, f := range b.Files {
		if f.Err == nil && !f.isCarrier() {
			files, candidates = append(files, f), append(candidates, f.candidate)
		}
	}
	return files, candidates
}

// Close closes the inputs.
func (b *Batch) Close() error {
	var errs []error
	for _, f := range b.Files {
		if f.opened != nil {
			errs = append(errs, f.opened.Close())
		}
		if f.Input != nil {
			errs = append(errs, f.Input.Close())
		}
	}
	for _, in := range b.joined {
		errs = append(errs, in.Close())
	}
	return errors.Join(errs...)
}
