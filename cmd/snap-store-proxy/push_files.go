package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"

	"offlinestore/blob"
	"offlinestore/bundle"
	"offlinestore/catalog"
	"offlinestore/cmd/internal/cli"
	"offlinestore/importer"
)

// Files are read two at a time, since two cores hash what one disk delivers. More may wait for their blobs to be hashed.
const (
	readersAtOnce = 2
	filesAtOnce   = 6
)

// pushFile is one file of a push.
type pushFile struct {
	Name  string
	input *bundle.Input
	// opened is kept from the planning only for what can't be read twice.
	opened *importer.Opened
	// unsigned is set for a file of the original store-admin, which was read whole to plan its import.
	unsigned *importer.Unsigned
	content  content
	// candidate is set until all files are planned together, and with --plan until the end. follows means that a file before this one moves channels: what this one
	// changes then depends on whether the other one can be imported.
	candidate importer.Candidate
	follows   bool
	planned   *catalog.Report
	digest    blob.Digest
	signer    string
	payload   int64
	missing   int64
	done      *catalog.Report
	err       error
}

// plan reads the head of a file and works out what importing it would change.
func (p *push) plan(ctx context.Context, f *pushFile) error {
	original, err := isOriginal(f.input)
	if err != nil {
		return err
	}
	if original {
		return p.planUnsigned(ctx, f)
	}
	o, err := p.open(ctx, f)
	if err != nil {
		return p.explainPipe(f, err)
	}
	for _, warning := range o.Warnings {
		fmt.Fprintf(os.Stderr, "Warning: %s: %s\n", cli.Clean(f.Name), warning)
	}
	f.digest, f.signer = o.Digest(), o.Signer.ID()
	f.content = content{o.Content()}
	f.payload, f.missing = o.Head.PayloadSize(), p.im.Missing(o)
	f.planned = &catalog.Report{AlreadyImported: o.Imported, SnapRevisions: []catalog.SnapRevisionRef{}, SnapMoves: []catalog.SnapMove{}}
	if p.o.pushChannelMap || p.o.plan && !o.Imported {
		f.candidate, err = p.im.Candidate(o)
	}
	if err == nil && !p.o.pushChannelMap && !o.Imported {
		f.planned, err = p.im.Plan(ctx, o)
	}
	if err != nil {
		return errors.Join(err, o.Close())
	}
	if f.input.Rewindable() {
		return o.Close()
	}
	f.opened = o
	return nil
}

func (p *push) open(ctx context.Context, f *pushFile) (*importer.Opened, error) {
	if f.opened != nil {
		return f.opened, nil
	}
	r, err := f.input.Reader()
	if err != nil {
		return nil, err
	}
	return p.im.Open(ctx, f.input.Name, r)
}

// payload is how many bytes the good files will be read for.
func (p *push) payload() (n int64) {
	for _, f := range p.files {
		if f.err == nil && !p.skips(f) {
			n += f.payload
		}
	}
	return n
}

// skips says whether there is nothing to do for a file. The operator's explicit wish to push the channel map is done.
func (p *push) skips(f *pushFile) bool {
	if f.planned == nil || !f.planned.AlreadyImported {
		return false
	}
	_, moves := changes(f.planned)
	return !p.o.pushChannelMap || moves == 0 && !f.follows
}

// importAll imports the files side by side, each on its own. If channels are forced, a file is applied only after those before it.
func (p *push) importAll(ctx context.Context) {
	var wg sync.WaitGroup
	readers, slots := make(chan struct{}, readersAtOnce), make(chan struct{}, filesAtOnce)
	turn := make(chan struct{})
	close(turn)
	for _, f := range p.files {
		if f.err != nil {
			continue
		}
		if p.skips(f) {
			f.done = &catalog.Report{AlreadyImported: true, SnapRevisions: []catalog.SnapRevisionRef{}, SnapMoves: []catalog.SnapMove{}}
			p.report(f)
			continue
		}
		slots <- struct{}{}
		mine, next := turn, make(chan struct{})
		if p.o.pushChannelMap {
			turn = next
		}
		wg.Go(func() {
			defer func() { <-slots }()
			defer close(next)
			f.err = p.importFile(ctx, f, readers, mine)
			if f.err != nil && ctx.Err() == nil {
				p.fail(f)
			} else if f.err == nil {
				p.report(f)
			}
		})
	}
	wg.Wait()
}

func (p *push) importFile(ctx context.Context, f *pushFile, readers chan struct{}, turn <-chan struct{}) (err error) {
	var verified *importer.Verified
	if f.unsigned != nil {
		verified = f.unsigned.Verified
	} else {
		readers <- struct{}{}
		staging, err := p.stage(ctx, f)
		<-readers
		if err != nil {
			return err
		}
		if verified, err = staging.Wait(); err != nil {
			return err
		}
	}
	<-turn
	f.done, err = p.im.Apply(ctx, verified)
	return err
}

func (p *push) stage(ctx context.Context, f *pushFile) (*importer.Staging, error) {
	o, err := p.open(ctx, f)
	if err != nil {
		return nil, err
	}
	defer o.Close()
	return p.im.Verify(ctx, o, p.bar.Add)
}

// report says what became of a file, in the original's words.
func (p *push) report(f *pushFile) {
	if p.o.json {
		return
	}
	var b strings.Builder
	switch {
	case p.skips(f):
		fmt.Fprintf(&b, "[%s] Already imported: nothing to do.\n", &f.content)
	case !isEmpty(f.done):
	case f.done.AlreadyImported && f.missing > 0:
		fmt.Fprintf(&b, "[%s] Already imported: what was missing is here again.\n", &f.content)
	default:
		fmt.Fprintf(&b, "[%s] Imported: nothing new in it.\n", &f.content)
	}
	printReport(&b, &f.content, f.done)
	p.bar.Printf(p.w, "%s", b.String())
}
