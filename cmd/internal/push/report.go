package push

import (
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"sync"

	"github.com/spf13/pflag"

	"offlinestore/bundle"
	"offlinestore/closure"
	"offlinestore/cmd/internal/changes"
	"offlinestore/cmd/internal/cli"
	"offlinestore/importer"
	"offlinestore/instance"
)

// push is one run of a push command.
type push struct {
	o       Options
	w       io.Writer
	in      *instance.Instance
	batch   *importer.Batch
	dataDir string
	bar     *cli.Progress
	// files are in the order of the arguments, which the batch may change. reports prints their results in that order.
	files   []*importer.File
	reports *cli.Ordered[*importer.File]
	// id names the plan, and the state of the store that it is for.
	id string
	// unknown has the unknown signers that were named. naming protects it.
	unknown map[string]bool
	naming  sync.Mutex
	gaps    []closure.Gap // that the files leave, according to the plan
}

// Options are the flags of the push commands, and the ways to the rest of the program.
type Options struct {
	PushChannelMap, Plan, JSON, AcceptTime, AllowUnsigned bool
	// TakeOver lists names that are given to other snaps and charms than before, by the operator By. Yes means that they are not asked.
	TakeOver []string
	By       string
	// Channels are the channels for snaps without a bundle.
	Channels []string
	Yes      bool
	// Expect is the ID of the plan that must be the one of this push, or empty.
	Expect string
	// Stores is set for push-store.
	Stores bool
	// Finish is called after an import of all files, unless it is nil.
	Finish func(context.Context, *instance.Instance, []*importer.File) error
	// Open calls a function with the open store.
	Open func(context.Context, *instance.Dir, func(*instance.Instance) error) error
	// Hints has the hints of the program.
	Hints func() cli.Table
}

// AddFlags adds the flags of all push commands.
func (o *Options) AddFlags(f *pflag.FlagSet) {
	f.BoolVar(&o.PushChannelMap, "push-channel-map", false, "update the channel map, and all else that the newest bundle decides, even where a newer bundle has set it")
	f.BoolVar(&o.Plan, "plan", false, "print the plan, and change nothing")
	f.StringVar(&o.Expect, "expect", "", "push only if the plan is still the one with this `ID`, which --plan prints")
	f.BoolVar(&o.JSON, "json", false, "print the result as JSON")
	f.StringArrayVar(&o.TakeOver, "take-over", nil, "give the `name` to another snap or charm than before; repeatable")
	f.BoolVar(&o.Yes, "yes", false, "do not ask before names are taken over")
	f.BoolVar(&o.AllowUnsigned, "allow-unsigned", false, "accept an unsigned export of the original store-admin")
	f.StringArrayVar(&o.Channels, "channel", nil, "put snaps that come without a bundle into this `channel`; repeatable")
	f.BoolVar(&o.AcceptTime, "accept-time", false, "accept a bundle that was signed far in the future")
}

// report prints the result of a file, in the original's words. It names a bad file at once, because the other files
// continue. If there is only one file, the error of the whole run names it.
func (p *push) report(f *importer.File) {
	if f.Err != nil && len(p.batch.Files) > 1 {
		p.bar.Printf(os.Stderr, "snap-store-proxy: %s: %s\n", cli.Clean(f.Name), cli.Clean(p.reason(f.Err)))
	}
	if f.Err != nil || p.o.JSON {
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
