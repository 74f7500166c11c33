package exporter

import (
	"cmp"
	"context"

	"offlinestore/channel"
	"offlinestore/charm"
	"offlinestore/snap"
)

// Hint is a snap that a charm installs by itself, according to the charm's own files.
type Hint struct {
	Charm         string `json:"charm"`
	CharmRevision int    `json:"charm-revision"`
	charm.SnapHint
}

// For returns the hint for machines of archs. It returns false if the charm installs the snap only on others.
func (h Hint) For(archs []string) (of Hint, ok bool) {
	if len(h.Revisions) == 0 {
		return h, true
	}
	all := h.Revisions
	h.Revisions = make(map[string]int)
	for _, arch := range archs {
		if _, ok := all[arch]; !ok {
			arch = ""
		}
		if n, ok := all[arch]; ok {
			h.Revisions[arch] = n
		}
	}
	return h, len(h.Revisions) > 0
}

// CharmArchitectures returns the architectures of the planned charms. Applications may name others than the request.
func (p *Plan) CharmArchitectures() []string {
	var out []string
	for _, c := range p.Charms {
		if c.Listing.Type == charm.TypeCharm {
			out = unite(out, c.archs)
		}
	}
	return out
}

// AddSnaps adds to the plan the snaps that its charms install, as far as the store has them, and their dependencies. Fetch finds the hints,
// so it comes first, and it must be called again for the added snaps.
func (e *Exporter) AddSnaps(ctx context.Context, plan *Plan) error {
	archs := plan.CharmArchitectures()
	if len(plan.Request.Architectures) == 0 {
		plan.Request.Architectures = archs
	}
	p := &planner{e: e, ctx: ctx, plan: plan, snaps: make(map[string]*Snap), tried: make(map[target]bool)}
	for _, s := range plan.Snaps {
		p.snaps[s.Listing.Name] = s
	}
	var queries []*snapQuery
	for _, h := range plan.Hints {
		if plan.Request.without(Item{Snap: h.Name}) {
			continue
		}
		queries = append(queries, h.queries(archs)...)
	}
	if err := p.addSnaps(queries); err != nil {
		return err
	}
	if !plan.Request.NoDeps {
		if err := p.addNeeds(); err != nil {
			return err
		}
	}
	p.fillPlan()
	return nil
}

// queries returns queries for the snap that a charm would install on machines of archs.
func (h Hint) queries(archs []string) (out []*snapQuery) {
	if snap.ValidateName(h.Name) != nil {
		return nil
	}
	byRevision := make(map[int]*snapQuery)
	for _, arch := range archs {
		revision, ok := h.Revisions[arch]
		if !ok {
			revision = h.Revisions[""]
		}
		if revision == 0 && len(h.Revisions) > 0 {
			continue // the charm is not for that architecture
		}
		w := byRevision[revision]
		if w == nil {
			w = &snapQuery{name: h.Name, revision: revision, need: &need{by: []string{h.Charm}, charmRevision: h.CharmRevision}}
			if revision == 0 {
				w.channel = cmp.Or(h.Channel, channel.Stable)
			}
			byRevision[revision], out = w, append(out, w)
		}
		w.archs, w.need.archs = append(w.archs, arch), append(w.need.archs, arch)
	}
	return out
}
