package main

import (
	"context"
	"crypto"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"offlinestore/cmd/internal/cli"
	"offlinestore/exporter"
	"offlinestore/keyring"
	"offlinestore/upstream"
)

// runExport plans, fetches and packs what req asks for.
func runExport(ctx context.Context, w io.Writer, o *exportOptions, req exporter.Request) error {
	progress := &exportProgress{w: w, quiet: o.json}
	e, err := o.newExporter(progress)
	if err != nil {
		return err
	}
	plan, err := e.Plan(ctx, req)
	if err != nil {
		return err
	}
	progress.gaps(plan, 0)
	if o.dryRun && o.withSnaps {
		plan.Warnings = append(plan.Warnings, "which snaps the charms install is only known once these have been downloaded: they are not in this plan")
	}
	for _, text := range plan.Warnings {
		progress.Warn(text)
	}
	progress.overrides(plan)
	if o.strict && len(plan.Gaps) > 0 {
		return errGaps
	}
	if o.dryRun {
		return printPlan(w, plan, o.json)
	}
	out, err := o.newOutput(ctx, w, e, plan)
	if err != nil {
		return err
	}
	defer out.Close()
	if err := out.fetch(ctx, plan, progress); err != nil {
		return err
	}
	progress.warnOfCharmGaps(plan)
	if err := out.write(ctx, plan); err != nil {
		return err
	}
	if o.outputDir == "" {
		if _, err := e.Cache.Trim(o.maxCache); err != nil {
			progress.Warn(err.Error()) // the bundles are there all the same
		}
	}
	return out.report(plan)
}

// fetch downloads what was planned. Which snaps the charms install is only known once these are here.
func (out *output) fetch(ctx context.Context, plan *exporter.Plan, progress *exportProgress) error {
	if err := out.fetchOnce(ctx, plan, progress); err != nil || !out.o.withSnaps || len(plan.Hints) == 0 {
		return err
	}
	gaps := len(plan.Gaps)
	if err := out.e.AddSnaps(ctx, plan); err != nil {
		return err
	}
	progress.gaps(plan, gaps)
	if out.o.strict && len(plan.Gaps) > gaps {
		return errGaps
	}
	if err := out.checkTarget(plan); err != nil {
		return err
	}
	return out.fetchOnce(ctx, plan, progress)
}

func (out *output) fetchOnce(ctx context.Context, plan *exporter.Plan, progress *exportProgress) error {
	progress.start("Downloading", plan.Size())
	defer progress.done()
	return out.e.Fetch(ctx, plan)
}

// newExporter makes what plans and fetches; a plan needs no cache, so opening that is left to newOutput.
func (o *exportOptions) newExporter(progress *exportProgress) (*exporter.Exporter, error) {
	trust, err := readRoots(o.roots)
	if err != nil {
		return nil, err
	}
	client, err := upstream.New(upstream.Config{Origin: o.storeURL, UserAgent: "store-admin/" + cli.Version(), Logf: progress.log})
	if err != nil {
		return nil, cli.Usagef("%w", err)
	}
	e := &exporter.Exporter{Client: client, Trust: trust, Jobs: o.jobs, Progress: progress}
	if o.archive == "" {
		return e, nil
	}
	cfg := upstream.Config{Origin: o.charmhubURL, UserAgent: "store-admin/" + cli.Version(), Logf: progress.log}
	if cfg.Origin == "" {
		cfg.Origin = upstream.DefaultCharmhubOrigin
	}
	if e.Charmhub, err = upstream.New(cfg); err != nil {
		return nil, cli.Usagef("%w", err)
	}
	e.Registry = upstream.RegistryConfig{UserAgent: cfg.UserAgent, Logf: progress.log}
	return e, nil
}

// openCache opens the cache; an export into a layout has its blobs in place, without a second copy.
func (o *exportOptions) openCache() (*exporter.Cache, error) {
	if o.outputDir != "" {
		return exporter.OpenLayout(o.outputDir)
	}
	dir, err := cacheDir(o.cacheDir)
	if err != nil {
		return nil, err
	}
	return exporter.OpenCache(dir)
}

// exportProgress prints what is downloaded in the original's words, above the bar while there is one.
type exportProgress struct {
	bar   atomic.Pointer[cli.Progress]
	w     io.Writer
	quiet bool
}

func (p *exportProgress) start(what string, size int64) { p.bar.Store(cli.NewProgress(what, size)) }

func (p *exportProgress) done() { p.bar.Swap(nil).Done() }

func (p *exportProgress) Downloading(what string) {
	if !p.quiet {
		p.bar.Load().Printf(p.w, "Downloading %s\n", cli.Clean(what))
	}
}

func (p *exportProgress) Add(n int64) { p.bar.Load().Add(n) }

func (p *exportProgress) Warn(text string) {
	p.bar.Load().Printf(os.Stderr, "Warning: %s\n", cli.Clean(text))
}

// gaps says what a plan lacks, from the gap number first on.
func (p *exportProgress) gaps(plan *exporter.Plan, first int) {
	for _, g := range plan.Gaps[first:] {
		p.Warn(g.String())
	}
}

// overrides says which images are mapped, in the original's words.
func (p *exportProgress) overrides(plan *exporter.Plan) {
	for _, resource := range plan.Overrides {
		if !p.quiet {
			fmt.Fprintf(p.w, "Overriding %s with local registry subpath.\n", cli.Clean(resource))
		}
	}
}

// log tells of requests that are tried again.
func (p *exportProgress) log(format string, args ...any) {
	p.bar.Load().Printf(os.Stderr, "store-admin: %s\n", cli.Clean(fmt.Sprintf(format, args...)))
}

// signingKey loads the key, or makes the default one on the first export and says how to have it trusted.
func signingKey(name string) (crypto.Signer, *keyring.Ring, error) {
	k, err := openKeyring()
	if err != nil {
		return nil, nil, err
	}
	names, err := k.Names()
	if err != nil {
		return nil, nil, err
	}
	if slices.Contains(names, name) || name != defaultKey {
		key, err := k.Load(name)
		return key, k, cli.Hint(err, "make one with 'store-admin key generate %s'", name)
	}
	key, err := k.Generate(name)
	if errors.Is(err, fs.ErrExist) { // another export was faster
		key, err := k.Load(name)
		return key, k, err
	}
	if err != nil {
		return nil, nil, err
	}
	fmt.Fprintf(os.Stderr, "Made a key to sign bundles with.\n%s", trustAdvice(name))
	return key, k, nil
}

// maxEpoch is the last second of the year 9999: RFC 3339 has four digits for a year.
const maxEpoch = 253402300799

// now is the time that bundles are signed at. SOURCE_DATE_EPOCH fixes it, for reproducible bundles.
func now() (t time.Time, fixed bool, err error) {
	epoch := os.Getenv("SOURCE_DATE_EPOCH")
	if epoch == "" {
		return time.Now().UTC().Truncate(time.Second), false, nil
	}
	n, err := strconv.ParseInt(epoch, 10, 64)
	if err != nil || n < 0 || n > maxEpoch {
		return t, false, cli.Usagef("SOURCE_DATE_EPOCH %q: want seconds since 1970, up to the end of the year 9999", epoch)
	}
	return time.Unix(n, 0).UTC(), true, nil
}
