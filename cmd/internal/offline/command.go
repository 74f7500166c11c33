package offline

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"

	"offlinestore/catalog"
	"offlinestore/cmd/internal/cli"
	"offlinestore/instance"
	"offlinestore/instance/settings"
)

// Options are the flags of enable-airgap-mode, and the ways to the rest of the program.
type Options struct {
	// Plan prints what devices will still get, and changes nothing.
	Plan bool
	JSON bool
	// Open opens the store, and makes one if there is none. Read opens a store that exists.
	Open, Read func(context.Context, *instance.Dir, func(*instance.Instance) error) error
}

// Run takes a store to air-gapped mode, or prints the plan of that.
func (o Options) Run(ctx context.Context, w io.Writer, dir *instance.Dir) error {
	if o.Plan {
		return o.Read(ctx, dir, func(in *instance.Instance) error { return o.printPlan(ctx, w, in) })
	}
	return o.Open(ctx, dir, func(in *instance.Instance) error { return o.enable(ctx, w, in) })
}

// planMessage is the JSON of --plan.
type planMessage struct {
	Plan
	Airgapped bool `json:"air-gapped"`
}

func (o Options) printPlan(ctx context.Context, w io.Writer, in *instance.Instance) (err error) {
	message := planMessage{Plan{[]Item{}, []Item{}}, in.Settings.Values().Airgap}
	if !message.Airgapped {
		step, err := Prepare(ctx, in, false)
		if err != nil {
			return err
		}
		message.Plan = step.Plan
		if err := step.Close(); err != nil {
			return err
		}
	}
	switch {
	case o.JSON:
		return cli.PrintJSON(w, message)
	case message.Airgapped:
		fmt.Fprintln(w, "The store is in air-gapped mode already: nothing changes.")
		return nil
	}
	printItems(w, "Devices will still get, beside the things that were imported:", message.Kept, "No revision that devices were given is in the cache: they will get the things that were imported, and no others.")
	printItems(w, "Devices were given these, and will not get them any more:", message.Lost, "Nothing that devices were given is lost.")
	fmt.Fprintln(w, "Nothing was changed.")
	return nil
}

// printItems prints a table, or a sentence if it is empty.
func printItems(w io.Writer, title string, list []Item, none string) {
	if len(list) == 0 {
		fmt.Fprintln(w, none)
		return
	}
	fmt.Fprintln(w, title)
	t := tabwriter.NewWriter(w, 0, 0, 4, ' ', 0)
	fmt.Fprintln(t, "  Name\tChannel\tArchitecture\tRevision\tVersion\tSize\tNote")
	var total int64
	files := make(map[string]bool)
	for _, i := range list {
		note := cli.Clean(i.note())
		channel := i.Channel
		if channel == "" {
			channel = "(by number)"
		}
		fmt.Fprintf(t, "  %s\t%s\t%s\t%d\t%s\t%s\t%s\n", cli.Clean(i.Name), cli.Clean(channel), cli.Clean(i.Architecture), i.Revision, cli.Clean(i.Version), cli.Bytes(i.Size), note)
		if key := fmt.Sprint(i.Kind, i.Name, i.Revision); !files[key] {
			files[key], total = true, total+i.Size
		}
	}
	t.Flush()
	fmt.Fprintf(w, "  %s, %s\n", cli.Count(len(files), "revision"), cli.Bytes(total))
}

// note returns the remarks about an item.
func (i *Item) note() string {
	var notes []string
	if i.Kind == KindCharm {
		notes = append(notes, strings.TrimSpace("charm "+i.Base))
	}
	if i.Reason != "" {
		notes = append(notes, i.Reason)
	}
	if i.Override {
		notes = append(notes, "overridden")
	}
	return strings.Join(notes, "; ")
}

// enabled is the JSON of the result.
type enabled struct {
	Database  string   `json:"database"`
	Made      []string `json:"made"`
	Airgapped bool     `json:"air-gapped"`
	Kept      []Item   `json:"kept"`
	Lost      []Item   `json:"lost"`
	// Overrides counts the overrides that were taken over.
	Overrides int `json:"overrides"`
}

// enable takes the steps that can fail first, so that a store without its database or its content is not called ready.
func (o Options) enable(ctx context.Context, w io.Writer, in *instance.Instance) error {
	done := enabled{Database: in.DatabaseName(), Made: []string{}, Airgapped: true, Kept: []Item{}, Lost: []Item{}}
	var result *Result
	if !in.Settings.Values().Airgap {
		plan, got, err := o.take(ctx, in)
		if err != nil {
			return &StepError{err}
		}
		done.Kept, done.Lost, result, done.Overrides = plan.Kept, plan.Lost, got, len(got.Overrides)
	}
	made, err := in.EnableAirgapMode()
	if err != nil {
		return err
	}
	done.Made = append(done.Made, made...)
	if result != nil {
		warn(done.Lost, result.Left)
	}
	if o.JSON {
		return cli.PrintJSON(w, done)
	}
	fmt.Fprintf(w, "Store DB: ok (%s)\n", done.Database)
	if len(made) > 0 {
		fmt.Fprintf(w, "Made %s\n", strings.Join(made, ", "))
	}
	if len(done.Kept) > 0 {
		printItems(w, "Kept from the cache:", done.Kept, "")
	}
	if done.Overrides > 0 {
		fmt.Fprintf(w, "Took over %s\n", cli.Count(done.Overrides, "override"))
	}
	fmt.Fprintln(w, "Store is in air-gapped mode")
	if in.Settings.Values().Domain == "" {
		fmt.Fprintf(w, "Set the name that devices know this host by: snap-store-proxy config %s=NAME\n", settings.Domain)
	}
	return nil
}

// StepError means that a store could not keep its content, and so stays online.
type StepError struct{ Err error }

func (e *StepError) Error() string {
	return "the store stays online, because the content of its cache can't be kept: " + e.Err.Error()
}

func (e *StepError) Unwrap() error { return e.Err }

// take keeps the content of the cache.
func (o Options) take(ctx context.Context, in *instance.Instance) (*Plan, *Result, error) {
	step, err := Prepare(ctx, in, true)
	if err != nil {
		return nil, nil, err
	}
	bar := cli.NewProgress("Keeping", step.Size())
	result, err := step.Take(ctx, instance.Operator(), bar.Add)
	bar.Done()
	return &step.Plan, result, errors.Join(err, step.Close())
}

// warn prints the losses.
func warn(lost []Item, left []catalog.Override) {
	for _, i := range lost {
		fmt.Fprintf(os.Stderr, "Warning: %s revision %d (%s %s) is not kept: %s\n", cli.Clean(i.Name), i.Revision, cli.Clean(i.Channel), cli.Clean(i.Architecture), cli.Clean(i.Reason))
	}
	for _, o := range left {
		fmt.Fprintf(os.Stderr, "Warning: the override of %s %s with revision %d is not taken over: the revision is not here\n", cli.Clean(o.Name), cli.Clean(o.Channel), o.Revision)
	}
}
