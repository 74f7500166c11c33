package push

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"offlinestore/blob"
	"offlinestore/catalog"
)

// PlanError reports a plan that is not the expected one, because the store, the files or the flags have changed.
type PlanError struct{ Want, Have string }

// Error names both plans.
func (e *PlanError) Error() string {
	return fmt.Sprintf("the plan is %s now, and not %.40q: the store, the files or the flags have changed since; nothing was imported", e.Have, e.Want)
}

// identify gives the plan its ID: a hash over the changes of each file, the flags that decide them, and the state of the store. With --expect,
// the ID must be the expected one, and the import then finds the store in the same state.
func (p *push) identify(ctx context.Context) error {
	type file struct {
		Bundle  blob.Digest
		Signer  string
		Planned *catalog.Report
		Err     string
	}
	store, generation, err := p.in.Catalog.State(ctx)
	if err != nil {
		return err
	}
	var files []file
	for _, f := range p.batch.Files {
		row := file{Bundle: f.Digest, Signer: f.Signer, Planned: f.Planned}
		if f.Err != nil {
			row.Err = f.Err.Error()
		}
		files = append(files, row)
	}
	text, err := json.Marshal([]any{store, generation, p.o.PushChannelMap, p.o.TakeOver, p.o.Channels, files})
	if err != nil {
		return err
	}
	sum := sha256.Sum256(text)
	p.id = hex.EncodeToString(sum[:10])
	if p.o.Expect == "" {
		return nil
	}
	if p.o.Expect != p.id {
		return &PlanError{p.o.Expect, p.id}
	}
	p.batch.Generation = generation
	return nil
}
