package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"offlinestore/account"
	"offlinestore/cmd/internal/cli"
	"offlinestore/exporter"
	"offlinestore/receiver"
	"offlinestore/upstream"
)

// runExport exports the items of req. To keep going, it leaves out the items that an attempt failed of, and tries again; downloads are in the
// cache by then.
func runExport(ctx context.Context, w io.Writer, o *exportOptions, req exporter.Request) error {
	progress := &exportProgress{w: w, quiet: o.json}
	e, err := o.newExporter(progress)
	if err != nil {
		return err
	}
	if resumed, err := o.resumeParts(ctx, w, progress.Warn); resumed || err != nil {
		return err
	}
	req.KeepGoing = o.keepGoing
	var left []exporter.LeftOut
	var first error
	for {
		err := exportOnce(ctx, w, o, e, progress, req, left)
		blamed := slices.DeleteFunc(exporter.Blamed(err), func(i exporter.Item) bool { return slices.Contains(req.Without, i) })
		switch {
		case errors.Is(err, errNothingLeft):
			return first
		case !o.keepGoing || len(blamed) == 0 || ctx.Err() != nil:
			return err
		case first == nil:
			first = err
		}
		for _, i := range blamed {
			left = append(left, exporter.LeftOut{Item: i.String(), Reason: err.Error()})
			progress.Warn(fmt.Sprintf("left out: %s: %v", i, err))
		}
		req.Without = append(req.Without, blamed...)
	}
}

// exportOnce plans, fetches and packs the items of req. left are the items that earlier attempts left out.
func exportOnce(ctx context.Context, w io.Writer, o *exportOptions, e *exporter.Exporter, progress *exportProgress, req exporter.Request, left []exporter.LeftOut) error {
	plan, err := e.Plan(ctx, req)
	if err != nil {
		return err
	}
	if len(left) > 0 && len(plan.Snaps)+len(plan.Charms)+len(plan.Assertions)+len(plan.Withdrawals)+len(plan.Stores)+len(plan.Repositories) == 0 {
		return errNothingLeft
	}
	for _, l := range plan.LeftOut {
		progress.Warn("left out: " + l.Item + ": " + l.Reason)
	}
	plan.LeftOut = append(slices.Clone(left), plan.LeftOut...)
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
		return errors.Join(printPlan(w, plan, o.json), leftOut(plan))
	}
	out, err := o.newOutput(ctx, w, e, plan, nil)
	if err != nil {
		return err
	}
	defer out.Close()
	if err := out.fetch(ctx, plan, progress); err != nil {
		return err
	}
	progress.warnOfCharmGaps(plan)
	progress.unfetched(plan)
	if o.lock != nil {
		out.note(ctx, plan, progress)
		return errors.Join(out.lock(plan), leftOut(plan))
	}
	return errors.Join(out.finish(ctx, plan, progress), leftOut(plan))
}

// finish writes the bundles after everything was fetched, and reports them.
func (out *output) finish(ctx context.Context, plan *exporter.Plan, progress *exportProgress) error {
	if err := out.writeAll(ctx, plan); err != nil {
		return err
	}
	out.note(ctx, plan, progress)
	if !out.o.inPlace() {
		if _, err := out.e.Cache.Trim(out.o.maxCache); err != nil {
			progress.Warn(err.Error()) // the bundles exist nevertheless
		}
	}
	return out.report(plan)
}

// note remembers the export for later ones. The bundles exist, whether it works or not.
func (out *output) note(ctx context.Context, plan *exporter.Plan, progress *exportProgress) {
	for _, to := range out.recipients {
		var delivered []receiver.Delivery
		for _, f := range out.files {
			if f.to == to {
				delivered = append(delivered, f.delivery)
			}
		}
		if err := to.note(ctx, delivered); err != nil {
			progress.Warn(err.Error())
		}
	}
	if err := noteExported(ctx, plan); err != nil {
		progress.Warn(err.Error())
	}
	if out.parts == nil {
		return
	}
	if err := out.parts.state.end(); err != nil {
		progress.Warn(err.Error())
	}
}

// leftOut returns the error about the items that a plan leaves out, if there are some.
func leftOut(plan *exporter.Plan) error {
	if n := len(plan.LeftOut); n > 0 {
		return fmt.Errorf("%w: %s", errLeftOut, cli.Count(n, "item"))
	}
	return nil
}

// fetch downloads the planned items. The snaps that charms install are only known after the charms have been downloaded.
func (out *output) fetch(ctx context.Context, plan *exporter.Plan, progress *exportProgress) error {
	gaps := len(plan.Gaps)
	if err := out.fetchOnce(ctx, plan, progress); err != nil {
		return err
	}
	progress.gaps(plan, gaps)
	if out.o.strict && len(plan.Gaps) > gaps {
		return errGaps
	}
	if !out.o.withSnaps || len(plan.Hints) == 0 {
		return nil
	}
	gaps = len(plan.Gaps)
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

// login returns the login for the export, or nil.
func (o *exportOptions) login(progress *exportProgress) (*account.Login, *account.Session, error) {
	if o.noLogin {
		return nil, nil, nil
	}
	return loginFor(o.storeURL, progress)
}

// setClients sets the clients of the Snap Store, and of its dashboard if there is a login.
func (o *exportOptions) setClients(e *exporter.Exporter, progress *exportProgress) (err error) {
	l, session, err := o.login(progress)
	if err != nil {
		return err
	}
	if l == nil && o.needsLogin {
		return account.ErrNone
	}
	cfg := upstream.Config{Origin: o.storeURL, UserAgent: "store-admin/" + cli.Version(), Logf: progress.log, Trace: progress.detail}
	if l != nil {
		cfg.Auth, o.session = session, session
	}
	if e.Client, err = upstream.New(cfg); err == nil && l != nil && o.stores {
		cfg.Origin = l.Dashboard
		e.Dashboard, err = upstream.NewDashboard(cfg)
	}
	if err != nil {
		return cli.Usagef("%w", err)
	}
	return nil
}

// newExporter returns an exporter without a cache. A plan needs no cache, so newOutput opens it.
func (o *exportOptions) newExporter(progress *exportProgress) (*exporter.Exporter, error) {
	trust, err := readRoots(o.roots)
	if err != nil {
		return nil, err
	}
	e := &exporter.Exporter{Trust: trust, Jobs: o.jobs, Progress: progress}
	if err := o.setClients(e, progress); err != nil {
		return nil, err
	}
	if o.archive == "" {
		return e, nil
	}
	cfg := upstream.Config{Origin: o.charmhubURL, UserAgent: "store-admin/" + cli.Version(), Logf: progress.log, Trace: progress.detail}
	if cfg.Origin == "" {
		cfg.Origin = upstream.DefaultCharmhubOrigin
	}
	if e.Charmhub, err = upstream.New(cfg); err != nil {
		return nil, cli.Usagef("%w", err)
	}
	e.Login = upstream.RegistryLogin
	e.Registry = upstream.RegistryConfig{UserAgent: cfg.UserAgent, Logf: progress.log, Trace: progress.detail}
	return e, nil
}
