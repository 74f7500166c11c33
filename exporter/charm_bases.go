package exporter

import (
	"slices"

	"offlinestore/channelmap"
	"offlinestore/charm"
)

// otherBases adds rows for the other bases of a revision where the store released it as well. A charm in the bundle can then be deployed on
// all of them.
func (p *charmPlanner) otherBases(c *Charm) error {
	type question struct {
		base charm.Base
		from channelmap.Row[charm.Base, []charm.ResourceRef]
	}
	var questions []question
	var actions []charm.Action
	// Resources that the store released come before resources that the operator chose for one application.
	rows := c.rows.Rows()
	provisional := func(row channelmap.Row[charm.Base, []charm.ResourceRef]) bool {
		return c.rows.IsProvisional(row.Platform, row.Channel)
	}
	slices.SortStableFunc(rows, func(a, b channelmap.Row[charm.Base, []charm.ResourceRef]) int {
		return compareBools(provisional(a), provisional(b))
	})
	for _, row := range rows {
		rev := c.byNumber(row.Newest().Revision)
		if rev == nil || row.Platform == (charm.Base{}) || c.rows.IsPinned(row.Platform, row.Channel) {
			continue
		}
		for _, b := range rev.bases {
			if !slices.Contains(c.archs, b.Architecture) || c.rows.Has(b, row.Channel) ||
				slices.ContainsFunc(questions, func(q question) bool { return q.base == b && q.from.Channel == row.Channel }) {
				continue
			}
			ch := row.Channel.String()
			questions = append(questions, question{b, row})
			actions = append(actions, charm.Action{Name: &c.Listing.Name, Channel: &ch, Base: &b})
		}
	}
	results, err := p.e.Charmhub.CharmRefresh(p.ctx, actions)
	if err != nil {
		return &StoreError{err}
	}
	for i := range results {
		r, q := &results[i], questions[i]
		if r.Error != nil || r.Charm.Revision != q.from.Newest().Revision {
			continue
		}
		if err := c.release(q.base, q.from.Channel, r, rowResources{q.from.Newest().Value, provisional(q.from)}); err != nil {
			return storeError("the store's answer about %s: %w", c.Listing.Name, err)
		}
	}
	return nil
}

func compareBools(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

func (c *Charm) byNumber(n int) *CharmRevision {
	for _, r := range c.Revisions {
		if r.Revision.Number == n && n > 0 {
			return r
		}
	}
	return nil
}
