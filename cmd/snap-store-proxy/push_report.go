package main

import (
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"sync"

	"offlinestore/bundle"
	"offlinestore/closure"
	"offlinestore/cmd/internal/changes"
	"offlinestore/cmd/internal/cli"
	"offlinestore/importer"
	"offlinestore/instance"
)

// push is one run of a push command.
type push struct {
	o       pushOptions
	w       io.Writer
	in      *instance.Instance
	batch   *importer.Batch
	dataDir string
	bar     *cli.Progress
	// files are in the order of the arguments, which the batch may change. reports prints their results in that order.
	files   []*importer.File
	reports *cli.Ordered[*importer.File]
	// unknown has the unknown signers that were named. naming protects it.
	unknown map[string]bool
	naming  sync.Mutex
	gaps    []closure.Gap // that the files leave, according to the plan
}

// pushOptions are the flags of the push commands.
type pushOptions struct {
	pushChannelMap, plan, json, acceptTime, allowUnsigned bool
	// takeOver lists names that are given to other snaps and charms than before, by the operator by. yes means that they are not asked.
	takeOver []string
	by       string
	// channels are the channels for snaps without a bundle.
	channels []string
	yes      bool
	// stores is set for push-store.
	stores bool
	// finish is called after an import of all files, unless it is nil.
	finish func(context.Context, *push) error
}

// report prints the result of a file, in the original's words. It names a bad file at once, because the other files
// continue. If there is only one file, the error of the whole run names it.
func (p *push) report(f *importer.File) {
	if f.Err != nil && len(p.batch.Files) > 1 {
		p.bar.Printf(os.Stderr, "snap-store-proxy: %s: %s\n", cli.Clean(f.Name), cli.Clean(p.reason(f.Err)))
	}
	if f.Err != nil || p.o.json {
		p.reports.Add(f, "")
		return
	}
	var b strings.Builder
	changes.PrintResult(&b, f)
	p.reports.Add(f, b.String())
}

// reason returns the text of an error. A signer that several files have in common is named once.
func (p *push) reason(err error) string {
	var unknown *bundle.UnknownSignerError
	if !errors.As(err, &unknown) {
		return err.Error()
	}
	p.naming.Lock()
	defer p.naming.Unlock()
	if p.unknown[unknown.KeyID] {
		return "signed by the same key"
	}
	if p.unknown == nil {
		p.unknown = make(map[string]bool)
	}
	p.unknown[unknown.KeyID] = true
	return err.Error()
}
