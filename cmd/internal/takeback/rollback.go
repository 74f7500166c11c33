package takeback

import (
	"context"
	"fmt"
	"io"
	"os"
	"strconv"

	"github.com/spf13/cobra"

	"offlinestore/catalog"
	"offlinestore/cmd/internal/changes"
	"offlinestore/cmd/internal/cli"
	"offlinestore/instance"
)

// rollback is a run of the command.
type rollback struct {
	catalog.Rollback
	yes, json bool
}

func (p *Program) newRollback() *cobra.Command {
	var o rollback
	c := &cobra.Command{
		Use:   "rollback [IMPORT]",
		Short: "Take the last import back, or all imports from IMPORT on",
		Long: `Return all channels, names of images and withdrawals to their state before an import:
the last one, or IMPORT, a number from 'history'; then all imports after it are taken
back, too. The plan is shown, and a question asked. It is one transaction, and running
servers follow at once. Devices that follow a channel get the former revision at their
next refresh.

Overrides and promoted revisions stay, and so do revisions, assertions, descriptions,
and the lists of private snaps. A bundle that was taken back moves no channel when it
is pushed again, unless --push-channel-map is given. A bundle that was signed later
does.`,
		Example: "  snap-store-proxy rollback --dry-run\n  snap-store-proxy rollback 12 --yes",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) > 0 {
				n, err := strconv.ParseInt(args[0], 10, 64)
				if err != nil || n < 1 {
					return cli.Usagef("%.40q: want the number of an import, as 'history' prints it", args[0])
				}
				o.Import = n
			}
			o.By = instance.Operator() // before root's rights are given up
			return p.Open(c.Context(), p.Dir, func(in *instance.Instance) error {
				return o.run(c.Context(), c.OutOrStdout(), in.Catalog)
			})
		},
	}
	c.Flags().BoolVar(&o.DryRun, "dry-run", false, "print the plan, and change nothing")
	c.Flags().BoolVar(&o.yes, "yes", false, "do not ask")
	c.Flags().BoolVar(&o.json, "json", false, "print JSON")
	return c
}

// run plans the rollback, asks, and rolls back. If the store changes meanwhile, nothing is done.
func (o *rollback) run(ctx context.Context, w io.Writer, db *catalog.DB) error {
	r := o.Rollback
	r.DryRun = true
	plan, err := db.Rollback(ctx, r)
	if err != nil {
		return err
	}
	if o.DryRun {
		return o.print(w, plan)
	}
	if !o.yes {
		changes.PrintRolledBack(os.Stderr, plan)
		yes, err := cli.Confirm("Take this back?")
		if err != nil {
			return err
		}
		if !yes {
			return errNotRolledBack
		}
	}
	r.DryRun, r.Generation = false, plan.Generation
	done, err := db.Rollback(ctx, r)
	if err != nil {
		return err
	}
	return o.print(w, done)
}

func (o *rollback) print(w io.Writer, r *catalog.RolledBack) error {
	if o.json {
		return cli.PrintJSON(w, r)
	}
	changes.PrintRolledBack(w, r)
	what := "Nothing was changed."
	if r.Rollback > 0 {
		what = fmt.Sprintf("Rolled back: this is number %d in the history. 'push-* --push-channel-map FILE' brings a bundle's channels back.", r.Rollback)
	}
	_, err := fmt.Fprintln(w, what)
	return err
}

func rollbackHint(e *catalog.RollbackError) string {
	switch {
	case e.Reach > 0:
		return fmt.Sprintf("a rollback reaches back to import %d: snap-store-proxy rollback %d", e.Reach, e.Reach)
	case e.Reach == 0 && e.Err != nil:
		return "'snap-store-proxy history' lists the imports that count; 'override' puts a revision into a channel without a rollback"
	}
	return ""
}
