package exporter

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"

	"offlinestore/channel"
	"offlinestore/charm"
)

// maxBundleArchive bounds the download of a bundle whose content is to be planned. Real ones have some ten kilobytes.
const maxBundleArchive = 16 << 20

// bundles plans the requested bundles. It returns the applications of the request with the ones of the bundles, and for each the
// revision of its bundle, or nil.
func (p *charmPlanner) bundles() (apps []charm.Application, sources []*CharmRevision, err error) {
	apps = slices.Clone(p.req.Applications)
	sources = make([]*CharmRevision, len(apps))
	for _, b := range p.req.Bundles {
		rev, inside, err := p.bundle(b)
		if err != nil {
			return nil, nil, err
		}
		if p.plan.Request.without(Item{Charm: b.Name}) {
			delete(p.charms, b.Name) // its charms are exported without it
			rev = nil
		} else if rev != nil && !slices.Contains(p.bundleRevisions, rev) {
			p.bundleRevisions = append(p.bundleRevisions, rev)
		}
		for _, app := range inside {
			apps, sources = append(apps, app), append(sources, rev)
		}
	}
	return apps, sources, nil
}

// bundle plans a bundle, and returns its revision and its applications. If the bundle is withdrawn, there are none.
func (p *charmPlanner) bundle(b CharmBundle) (*CharmRevision, []charm.Application, error) {
	name := b.Name
	c, err := p.info(name)
	switch {
	case err != nil:
		return nil, nil, err
	case c == nil && p.acceptsWithdrawn() && (p.wasExported(name) || p.plan.Request.Withdrawn == WithdrawnWarn):
		return nil, nil, nil // the export states that it is gone
	case c == nil:
		return nil, nil, &MissingError{[]Gap{{Charm: name, Reason: "the store has no such bundle"}}}
	case c.Listing.Type != charm.TypeBundle:
		return nil, nil, &MissingError{[]Gap{{Charm: name, Reason: ErrNotBundle.Error(), kind: ErrNotBundle}}}
	}
	asked, err := c.asked(b.Channel)
	if err != nil {
		return nil, nil, err
	}
	rev, err := p.bundleRelease(c, asked)
	if err != nil || rev == nil {
		return nil, nil, err
	}
	apps, err := p.bundleApplications(rev)
	return rev, apps, err
}

// bundleRelease asks for the revision of a bundle in a channel. It returns nil for a closed channel.
func (p *charmPlanner) bundleRelease(c *Charm, asked channel.Channel) (*CharmRevision, error) {
	name := c.Listing.Name
	ch := asked.String()
	na := &charm.Base{Name: charm.NotApplicable, Channel: charm.NotApplicable, Architecture: p.req.Architectures[0]}
	results, err := p.e.Charmhub.CharmRefresh(p.ctx, []charm.Action{{Name: &name, Channel: &ch, Base: na}})
	if err != nil {
		return nil, &StoreError{err}
	}
	r := &results[0]
	if r.Error != nil {
		gap := c.refusal(Gap{Charm: name, Channel: ch}, asked, r.Error)
		if !isUnreleased(r.Error.Code) || !p.acceptsWithdrawn() {
			return nil, &MissingError{[]Gap{gap}}
		}
		c.rows.Close(charm.Base{}, asked)
		p.gap(gap)
		return nil, nil
	}
	if r.Charm.ID != c.Listing.ID || r.Charm.Type != c.Listing.Type {
		return nil, storeError("the store's answer about %s is about the %s %s", name, r.Charm.Type, r.Charm.ID)
	}
	rev, err := c.revision(r.Charm, nil)
	if err != nil {
		return nil, storeError("the store's answer about %s: %w", name, err)
	}
	rev.bases = nil
	rev.addFrom(ch)
	if err := c.release(charm.Base{}, asked, r, rowResources{}); err != nil {
		return nil, storeError("the store's answer about %s: %w", name, err)
	}
	return rev, nil
}

// refusal returns g with the reason why the store does not have the channel asked.
func (c *Charm) refusal(g Gap, asked channel.Channel, err *charm.Error) Gap {
	if !isUnreleased(err.Code) {
		return refusalGap(g, err.Code, err.Message)
	}
	g.Reason = noRelease
	return c.releasedIn.explain(g, asked)
}

// bundleApplications downloads a bundle and returns its applications.
func (p *charmPlanner) bundleApplications(rev *CharmRevision) ([]charm.Application, error) {
	what := fmt.Sprintf("bundle %s revision %d", rev.Name, rev.Revision.Number)
	data, err := p.fetchSmall(p.ctx, what, rev.blob.remoteBlob, maxBundleArchive)
	if err != nil {
		return nil, &StoreError{err}
	}
	a, err := charm.OpenBundleArchive(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return nil, storeError("%s: %w", what, err)
	}
	p.plan.BundleYAML = a.BundleYAML
	if err := (&CharmRequest{Applications: a.File.Applications, Architectures: p.req.Architectures}).Validate(); err != nil {
		return nil, storeError("%s: %w", what, err)
	}
	if r := a.File.Repeated; len(r) > 0 {
		p.warn("%s repeats the keys %s: the last value counts", what, strings.Join(r, ", "))
	}
	for i := range a.File.Applications {
		a.File.Applications[i].Published = true
	}
	return a.File.Applications, nil
}

// BundleYAML returns the bundle.yaml of the last bundle that req names, and plans nothing else.
func (e *Exporter) BundleYAML(ctx context.Context, req *CharmRequest) (string, error) {
	if err := req.Validate(); err != nil {
		return "", err
	}
	p := newCharmPlanner(newImagePlanner(ctx, e, &Plan{Request: Request{Withdrawn: WithdrawnError}}), req)
	_, _, err := p.bundles()
	return p.plan.BundleYAML, err
}
