package push

import (
	"errors"
	"os"

	"offlinestore/cmd/internal/changes"
	"offlinestore/cmd/internal/cli"
)

// ErrNotTakenOver reports that the operator did not confirm that names are taken over.
var ErrNotTakenOver = errors.New("nothing was imported: taking over was not confirmed")

// confirmTakeOvers asks before names are taken over.
func (p *push) confirmTakeOvers() error {
	if p.o.Yes {
		return nil
	}
	found := false
	for _, f := range p.batch.Files {
		if f.Err == nil && f.Planned != nil && changes.HasTakeOver(f.Planned) {
			found = true
			changes.PrintTakeOvers(os.Stderr, f.Planned)
		}
	}
	if !found {
		return nil
	}
	yes, err := cli.Confirm("Take over these names?")
	if err == nil && !yes {
		err = ErrNotTakenOver
	}
	return err
}
