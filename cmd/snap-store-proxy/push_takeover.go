package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"offlinestore/catalog"
	"offlinestore/cmd/internal/cli"
)

// errNotTakenOver reports that the operator did not confirm that names are taken over.
var errNotTakenOver = errors.New("nothing was imported: taking over was not confirmed")

// printTakeOvers prints what happens when names are taken over.
func printTakeOvers(w io.Writer, r *catalog.Report) {
	for _, t := range r.TakeOvers {
		fmt.Fprintf(w, "  take over the name %s: so far it is the %s %s of publisher %s, then it is %s\n", t.Name, t.Kind, t.From, cli.Clean(t.Publisher), t.To)
		fmt.Fprintf(w, "  clients that have %s keep it and get no updates of it; new clients get %s\n", t.From, t.To)
		printRemoved(w, t.Removed)
	}
}

// confirmTakeOvers asks before names are taken over.
func (p *push) confirmTakeOvers() error {
	if p.o.yes {
		return nil
	}
	found := false
	for _, f := range p.batch.Files {
		if f.Err == nil && f.Planned != nil && len(f.Planned.TakeOvers) > 0 {
			found = true
			printTakeOvers(os.Stderr, f.Planned)
		}
	}
	if !found {
		return nil
	}
	yes, err := cli.Confirm("Take over these names?")
	if err == nil && !yes {
		err = errNotTakenOver
	}
	return err
}
