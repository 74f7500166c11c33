// Package takeback holds the commands that take imports back, hold channels, and put revisions into channels of an operator's own.
package takeback

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"offlinestore/catalog"
	"offlinestore/cmd/internal/cli"
	"offlinestore/cmd/internal/push"
	"offlinestore/instance"
)

// Program is the way to the rest of the program.
type Program struct {
	Dir *instance.Dir
	// Open calls a function with the open store. Read is for commands that only read.
	Open, Read func(context.Context, *instance.Dir, func(*instance.Instance) error) error
}

// Commands returns the commands.
func (p *Program) Commands() []*cobra.Command {
	return []*cobra.Command{p.newRollback(), p.newHold(), p.newRelease(), p.newListHolds(), p.newPromote(), p.newCloseChannel()}
}

// errNotRolledBack reports that the operator did not confirm a rollback.
var errNotRolledBack = errors.New("nothing was changed: the rollback was not confirmed")

// Hints returns the rows about these commands.
func Hints() cli.Table {
	return cli.Table{
		cli.On(cli.Is(errNotRolledBack), cli.Failed, ""),
		cli.On(cli.Any(cli.As[*push.PlanError], cli.Is(catalog.ErrChanged)), cli.Failed, "look at a new plan, and decide again"),
		cli.OnType(cli.Failed, rollbackHint),
		cli.On(cli.As[*catalog.NoImportError], cli.Gaps, "'snap-store-proxy history' lists the imports with their numbers"),
		cli.On(cli.As[*catalog.LostError], cli.Gaps, "push a bundle that has it, and roll back again"),
		cli.On(cli.As[*catalog.NotHeldError], cli.Gaps, "'snap-store-proxy list-holds' lists what is held"),
		cli.OnType(cli.Usage, func(e *catalog.ImportedChannelError) string {
			return "use 'snap-store-proxy override " + e.Name + " " + e.Channel + "=REVISION'"
		}),
	}
}
