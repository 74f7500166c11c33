package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"offlinestore/catalog"
	"offlinestore/cmd/internal/cli"
	"offlinestore/instance"
	"offlinestore/registry"
)

func runPushImages(ctx context.Context, w io.Writer, in *instance.Instance, cat *catalog.Snapshot, o pushImagesOptions, charms []string) error {
	access, err := instance.ReadRegistryAccess(in.Settings, "")
	if err != nil {
		return err
	}
	if o.login != nil {
		access.Username, access.Password = o.login.username, o.login.password
	}
	p := &imagesPush{o: o, w: w, Registry: o.to, DryRun: o.dryRun, Images: []pushedImage{}}
	if p.Registry == "" {
		p.Registry = access.Domain
	}
	switch {
	case p.Registry == "":
		return cli.At(choosingRegistry, cli.Usagef("there is no registry to copy to"))
	case strings.ContainsAny(p.Registry, "/@ "):
		return cli.Usagef("--to %q: want the host of a registry, or host:port, without http:// and path", p.Registry)
	case o.jobs < 1:
		return cli.Usagef("--jobs %d: want 1 or more", o.jobs)
	}
	plan, err := registry.NewPlan(ctx, in.Blobs, cat, charms...)
	if err != nil {
		return err
	}
	p.announce(plan)
	if !o.dryRun {
		err = p.run(ctx, plan, registry.PushConfig{Registry: p.Registry, Username: access.Username, Password: access.Password, PlainHTTP: o.plainHTTP, Jobs: o.jobs, Roots: o.roots})
	}
	return errors.Join(err, p.print(plan, err))
}

func (p *imagesPush) run(ctx context.Context, plan *registry.Plan, cfg registry.PushConfig) (err error) {
	p.progress = cli.NewProgress("images", plan.Size)
	defer p.progress.Done()
	cfg.Progress, cfg.Done = p.progress.Add, p.done
	if p.PushSummary, err = plan.Push(ctx, cfg); err == nil || ctx.Err() != nil {
		return err
	}
	if p.PushSummary.Images == 0 {
		return err
	}
	failed := 0
	for _, i := range p.Images {
		if i.Error != "" {
			failed++
		}
	}
	_, hint := hints().Find(err)
	return &cli.Error{Code: cli.Partial, Err: fmt.Errorf("%s could not be copied", cli.Count(failed, "image")), Hint: hint}
}
