package exporter

import (
	"context"
	"errors"
	"net/url"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"offlinestore/bundle"
	"offlinestore/upstream"
)

// The concurrent requests for icons. One host that gives no answer must not hold up the icons of the others.
const (
	iconHosts       = 16
	iconsOfHostOnce = 8
)

// iconFetch is the icon of a snap or charm that is to be fetched, and then the result.
type iconFetch struct {
	of, url string
	client  *upstream.Client
	// keep puts the icon into the plan.
	keep func(*bundle.Icon)
	icon *bundle.Icon
	err  error
}

// iconsOf returns the icons that the plan lacks, by the host of their URLs.
func (e *Exporter) iconsOf(p *Plan) map[string][]*iconFetch {
	out := make(map[string][]*iconFetch)
	add := func(f *iconFetch) {
		host := ""
		if u, err := url.Parse(f.url); err == nil {
			host = u.Host
		}
		out[host] = append(out[host], f)
	}
	for _, s := range p.Snaps {
		if s.iconURL != "" && !p.Request.NoIcons {
			add(&iconFetch{of: s.Listing.Name, url: s.iconURL, client: p.clientOf(e, s), keep: func(i *bundle.Icon) {
				s.icon, s.Listing.Unknown, s.iconURL = i, nil, ""
			}})
		}
	}
	for _, c := range p.Charms {
		if c.iconURL != "" && !p.Request.Charms.NoIcons {
			add(&iconFetch{of: c.Listing.Name, url: c.iconURL, client: e.Charmhub, keep: func(i *bundle.Icon) {
				c.icon, c.Listing.Unknown, c.iconURL = i, nil, ""
			}})
		}
	}
	return out
}

// fetchIcons fetches icons, each with one request, within the time of all icons of the export. It returns an error only if ctx ends.
func (e *Exporter) fetchIcons(ctx context.Context, p *Plan, icons map[string][]*iconFetch) error {
	start := time.Now()
	defer func() { p.iconTime += time.Since(start) }()
	short, cancel := e.optionalContext(ctx, p.iconTime)
	defer cancel()
	var hosts errgroup.Group
	hosts.SetLimit(iconHosts)
	for _, list := range icons {
		hosts.Go(func() error {
			fetchIconsOfHost(short, list)
			return nil
		})
	}
	hosts.Wait()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return nil
}

// fetchIconsOfHost fetches icons from one host. Once the host gives no answer, it is not asked again.
func fetchIconsOfHost(ctx context.Context, list []*iconFetch) {
	var dead atomic.Pointer[error]
	var g errgroup.Group
	g.SetLimit(iconsOfHostOnce)
	for _, f := range list {
		g.Go(func() error {
			if err := dead.Load(); err != nil {
				f.err = *err
				return nil
			}
			data, mediaType, err := f.client.Once().Icon(ctx, f.url)
			if f.err = err; err == nil {
				f.icon = &bundle.Icon{MediaType: mediaType, Data: data}
			} else if errors.Is(err, upstream.ErrUnavailable) || ctx.Err() != nil {
				dead.CompareAndSwap(nil, &err)
			}
			return nil
		})
	}
	g.Wait()
}

// keepIcons puts the fetched icons into the plan, and records the others.
func (p *Plan) keepIcons(icons map[string][]*iconFetch) {
	for _, list := range icons {
		for _, f := range list {
			if f.err != nil {
				p.addUnfetched(PartIcon, f.of, f.err)
				continue
			}
			f.keep(f.icon)
		}
	}
}
