package main

import (
	"fmt"
	"io"
	"os"
	"sync"
	"sync/atomic"

	"offlinestore/cmd/internal/cli"
	"offlinestore/exporter"
)

// exportProgress prints the downloads in the original's words, above the bar if there is one.
type exportProgress struct {
	bar   atomic.Pointer[cli.Progress]
	w     io.Writer
	quiet bool
	// warned holds the warnings so far.
	warned sync.Map
}

func (p *exportProgress) start(what string, size int64) { p.bar.Store(cli.NewProgress(what, size)) }

func (p *exportProgress) done() { p.bar.Swap(nil).Done() }

func (p *exportProgress) Downloading(what string) {
	if !p.quiet {
		p.bar.Load().Printf(p.w, "Downloading %s\n", cli.Clean(what))
	}
}

func (p *exportProgress) Add(n int64) { p.bar.Load().Add(n) }

// Warn prints a warning, once.
func (p *exportProgress) Warn(text string) {
	if _, printed := p.warned.LoadOrStore(text, true); printed {
		return // in an earlier attempt
	}
	p.bar.Load().Printf(os.Stderr, "Warning: %s\n", cli.Clean(text))
}

// gaps prints the gaps of a plan, beginning with number first.
func (p *exportProgress) gaps(plan *exporter.Plan, first int) {
	for _, g := range plan.Gaps[first:] {
		p.Warn(g.String())
	}
}

// unfetched prints the optional parts that could not be fetched, and adds them to the warnings of the result.
func (p *exportProgress) unfetched(plan *exporter.Plan) {
	for _, u := range plan.Unfetched {
		text := u.String()
		if hint := unfetchedHint(u.Part); hint != "" {
			text += "; " + hint
		}
		plan.Warnings = append(plan.Warnings, text)
		p.Warn(text)
	}
}

// overrides prints the mapped images, in the original's words.
func (p *exportProgress) overrides(plan *exporter.Plan) {
	for _, resource := range plan.Overrides {
		if !p.quiet {
			fmt.Fprintf(p.w, "Overriding %s with local registry subpath.\n", cli.Clean(resource))
		}
	}
}

// log prints that a request is tried again.
func (p *exportProgress) log(format string, args ...any) {
	p.bar.Load().Printf(os.Stderr, "store-admin: %s\n", cli.Clean(fmt.Sprintf(format, args...)))
}

// detail prints a message if details are wanted.
func (p *exportProgress) detail(format string, args ...any) {
	if cli.Verbose() {
		p.bar.Load().Printf(os.Stderr, "%s\n", cli.Clean(fmt.Sprintf(format, args...)))
	}
}
