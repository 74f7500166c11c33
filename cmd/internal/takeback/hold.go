package takeback

import (
	"context"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"offlinestore/catalog"
	"offlinestore/cmd/internal/changes"
	"offlinestore/cmd/internal/cli"
	"offlinestore/instance"
)

// holding are the flags of hold and release.
type holding struct {
	all, charm, json bool
	until            string
	name             string
}

func (p *Program) newHold() *cobra.Command {
	var o holding
	c := &cobra.Command{
		Use:   "hold NAME",
		Short: "Keep the channels of a snap or charm as they are, whatever is pushed",
		Long: `Keep the channels of a snap, a charm or a charm bundle as they are. Pushes add its
revisions and move none of its channels until 'release', or until a date. With --all,
everything is held, and new snaps and charms have no channels until they are released.
A rollback, 'override' and 'promote' still count.`,
		Example: "  snap-store-proxy hold jq\n  snap-store-proxy hold --all --until 2027-01-15",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			until, err := o.parse(args)
			if err != nil {
				return err
			}
			by := instance.Operator() // before root's rights are given up
			return p.Open(c.Context(), p.Dir, func(in *instance.Instance) error {
				h, err := o.holding(c.Context(), in.Catalog, by)
				if err != nil {
					return err
				}
				h.Until = until
				done, err := in.Catalog.Hold(c.Context(), h)
				if err != nil {
					return err
				}
				return o.printHeld(c.OutOrStdout(), done)
			})
		},
	}
	o.addFlags(c)
	c.Flags().StringVar(&o.until, "until", "", "end the hold at this `date`: 2027-01-15, or 2027-01-15T06:00:00Z")
	return c
}

func (p *Program) newRelease() *cobra.Command {
	var o holding
	c := &cobra.Command{
		Use:   "release NAME",
		Short: "Let the channels of a held snap or charm move to what the newest bundles say",
		Long: `End a hold. The channels move at once to what the newest pushed bundles say, or what a
rollback has returned them to. With --all, everything is released.`,
		Example: "  snap-store-proxy release jq\n  snap-store-proxy release --all",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if _, err := o.parse(args); err != nil {
				return err
			}
			by := instance.Operator() // before root's rights are given up
			return p.Open(c.Context(), p.Dir, func(in *instance.Instance) error {
				h, err := o.holding(c.Context(), in.Catalog, by)
				if err != nil {
					return err
				}
				done, err := in.Catalog.Release(c.Context(), h)
				if err != nil {
					return err
				}
				if o.json {
					return cli.PrintJSON(c.OutOrStdout(), done)
				}
				changes.PrintReleased(c.OutOrStdout(), done)
				return nil
			})
		},
	}
	o.addFlags(c)
	return c
}

func (p *Program) newListHolds() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:     "list-holds",
		Short:   "List the snaps and charms whose channels are held",
		Example: "  snap-store-proxy list-holds",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return p.Read(c.Context(), p.Dir, func(in *instance.Instance) error {
				list, err := in.Catalog.Holds(c.Context())
				if err != nil {
					return err
				}
				if asJSON {
					return cli.PrintJSON(c.OutOrStdout(), append([]catalog.Hold{}, list...))
				}
				return printHolds(c.OutOrStdout(), list)
			})
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

func (o *holding) addFlags(c *cobra.Command) {
	c.Flags().BoolVar(&o.all, "all", false, "everything, in place of a NAME")
	c.Flags().BoolVar(&o.charm, "charm", false, "NAME is a charm or charm bundle, even if there is a snap of that name")
	c.Flags().BoolVar(&o.json, "json", false, "print JSON")
}

// parse reads the arguments, and returns the end of the hold, or nil.
func (o *holding) parse(args []string) (*time.Time, error) {
	if len(args) == 1 == o.all {
		return nil, cli.Usagef("give the name of a snap or charm, or --all")
	}
	if len(args) == 1 {
		o.name = args[0]
	}
	if o.until == "" {
		return nil, nil
	}
	t, err := time.Parse(time.RFC3339, o.until)
	if err != nil {
		t, err = time.ParseInLocation(time.DateOnly, o.until, time.Local)
	}
	if err != nil {
		return nil, cli.Usagef("--until %.40q: want a date like 2027-01-15, or a time like 2027-01-15T06:00:00Z", o.until)
	}
	if !t.After(time.Now()) {
		return nil, cli.Usagef("--until %s has passed", o.until)
	}
	return &t, nil
}

// holding returns the request to the catalogue.
func (o *holding) holding(ctx context.Context, db *catalog.DB, by string) (catalog.Holding, error) {
	h := catalog.Holding{Name: o.name, By: by, Kind: catalog.ItemSnap}
	if o.name == "" {
		h.Kind = catalog.ItemAll
		return h, nil
	}
	cat, err := db.LoadSnapshot(ctx)
	if err == nil && (o.charm || cat.MeansCharm(o.name)) {
		h.Kind = catalog.ItemCharm
	}
	return h, err
}

func (o *holding) printHeld(w io.Writer, list []catalog.Hold) error {
	if o.json {
		return cli.PrintJSON(w, list)
	}
	if o.all {
		_, err := fmt.Fprintf(w, "Everything is held%s: pushes add revisions and move no channel until 'release'.\n", end(list[0]))
		return err
	}
	_, err := fmt.Fprintf(w, "%s is held%s: pushes add revisions and move no channel until 'release'.\n", cli.Clean(list[0].Name), end(list[0]))
	return err
}

// end returns the end of a hold for people, empty for none.
func end(h catalog.Hold) string {
	if h.Until == nil {
		return ""
	}
	return " until " + h.Until.UTC().Format(time.RFC3339)
}

func printHolds(w io.Writer, list []catalog.Hold) error {
	if len(list) == 0 {
		_, err := fmt.Fprintln(w, "Nothing is held.")
		return err
	}
	t := tabwriter.NewWriter(w, 0, 0, 4, ' ', 0)
	fmt.Fprintln(t, "Kind\tName\tUntil\tBy\tSince")
	for _, h := range list {
		name, until := h.Name, "released"
		if h.Kind == catalog.ItemAll {
			name = "(what comes later)"
		}
		if h.Until != nil {
			until = h.Until.UTC().Format(time.RFC3339)
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\n", h.Kind, cli.Clean(name), until, cli.Clean(h.By), h.At.UTC().Format(time.RFC3339))
	}
	return t.Flush()
}
