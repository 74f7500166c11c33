package instance

import (
	"context"
	"slices"
	"time"

	"offlinestore/catalog"
	"offlinestore/closure"
)

// PruneOptions choose the unneeded revisions to keep.
type PruneOptions struct {
	// Keep is the number of newest revisions to keep for each snap, charm and resource, and for each architecture.
	Keep int
	// OlderThan keeps revisions that an import brought within this time.
	OlderThan time.Duration
	// Unreleased also removes revisions that were never in a channel.
	Unreleased bool
	// NoRollback also removes the revisions to which a rollback of the last import would return.
	NoRollback bool
	// By names the operator.
	By string
	// DryRun changes nothing.
	DryRun bool
}

// Prune removes the revisions that no channel, override, charm, charm bundle or other item needs. Their blobs are garbage afterwards.
func (in *Instance) Prune(ctx context.Context, o PruneOptions) (*Removal, error) {
	times, err := in.Catalog.LastImports(ctx)
	if err != nil {
		return nil, err
	}
	returns := map[catalog.RevisionKey]bool{}
	if !o.NoRollback {
		if returns, err = in.Catalog.RollbackRevisions(ctx, time.Now().Add(-o.OlderThan)); err != nil {
			return nil, err
		}
	}
	out := &Removal{}
	out.Removed, err = in.Catalog.Remove(ctx, &catalog.Removal{
		Reason: catalog.ReasonPrune, By: o.By, DryRun: o.DryRun,
		Choose: func(c *catalog.Snapshot) ([]catalog.Item, error) {
			return newPruner(o, times, returns, c).items()
		},
		Approve: func(before, after *catalog.Snapshot, r *catalog.Removed) (err error) {
			if out.Needs, err = in.needsOf(before, after, r); err == nil && len(out.Needs) > 0 {
				err = &NeededError{"a revision to prune", out.Needs}
			}
			return err
		},
	})
	return out, err
}

// pruner decides which revisions stay.
type pruner struct {
	o     PruneOptions
	times map[catalog.RevisionKey]time.Time
	// returns has the revisions that a rollback needs.
	returns map[catalog.RevisionKey]bool
	since   time.Time
	c       *catalog.Snapshot
	kept    map[closure.Pin]bool
}

func newPruner(o PruneOptions, times map[catalog.RevisionKey]time.Time, returns map[catalog.RevisionKey]bool, c *catalog.Snapshot) *pruner {
	return &pruner{o: o, times: times, returns: returns, since: time.Now().Add(-o.OlderThan), c: c, kept: make(map[closure.Pin]bool)}
}

// items returns the revisions to remove.
func (p *pruner) items() ([]catalog.Item, error) {
	p.keepReleases()
	p.keepReturns()
	if err := p.keepPins(); err != nil {
		return nil, err
	}
	p.keepNewest()
	// The revisions kept by their age or number need others, too.
	if err := p.keepPins(); err != nil {
		return nil, err
	}
	p.keepResources()
	return append(p.rest(), p.images()...), nil
}

// pinOf names a revision of a snap, charm or charm bundle.
func pinOf(kind closure.Kind, name string, n int) closure.Pin {
	return closure.Pin{Kind: kind, Name: name, Revision: n}
}

// keepReturns keeps the revisions to which a rollback would return.
func (p *pruner) keepReturns() {
	for at := range p.returns {
		kind := closure.KindCharm
		switch {
		case at.Kind == catalog.ItemImage: // images decides about them
			continue
		case at.Kind == catalog.ItemSnap:
			kind = closure.KindSnap
		case at.Resource != "":
			kind = closure.KindResource
		}
		p.kept[closure.Pin{Kind: kind, Name: at.Name, Resource: at.Resource, Revision: at.Revision}] = true
	}
}

// keepReleases keeps everything in a channel or an override. It also keeps revisions that were never in one, since they were exported
// to be installed by their number.
func (p *pruner) keepReleases() {
	for _, s := range p.c.Snaps {
		released := make(map[int]bool)
		for _, row := range slices.Concat(s.ChannelMap, s.Pushed, s.Overrides) {
			p.kept[pinOf(closure.KindSnap, s.Name, row.Revision)] = true
		}
		for _, row := range s.History {
			released[row.Revision] = true
		}
		for _, r := range s.Revisions {
			if !released[r.Number] && !p.o.Unreleased {
				p.kept[pinOf(closure.KindSnap, s.Name, r.Number)] = true
			}
		}
		for _, n := range s.Gatekeepers() {
			p.kept[pinOf(closure.KindSnap, s.Name, n)] = true
		}
	}
	for _, c := range p.c.Charms {
		released := make(map[int]bool)
		for _, row := range slices.Concat(c.ChannelMap, c.Pushed) {
			p.kept[pinOf(closure.KindCharm, c.Name, row.Revision)] = true
		}
		for _, row := range c.History {
			released[row.Revision] = true
		}
		for _, r := range c.Revisions {
			if !released[r.Number] && !p.o.Unreleased {
				p.kept[pinOf(closure.KindCharm, c.Name, r.Number)] = true
			}
		}
	}
}

// keepPins keeps the revisions that kept ones need by number, directly or through others.
func (p *pruner) keepPins() error {
	all, err := SetOf(p.c)
	if err != nil {
		return err
	}
	for n := -1; n != len(p.kept); {
		n = len(p.kept)
		kept := *all
		kept.Charms = slices.Clone(all.Charms)
		for i := range kept.Charms {
			c := &kept.Charms[i]
			c.Revisions = slices.DeleteFunc(slices.Clone(c.Revisions), func(r closure.CharmRevision) bool {
				return !p.kept[pinOf(closure.KindCharm, c.Name, r.Revision.Number)]
			})
		}
		for pin := range kept.Pins() {
			p.kept[pin] = true
		}
	}
	return nil
}

// keepNewest keeps revisions that nothing needs, by their age or as the newest ones of an architecture.
func (p *pruner) keepNewest() {
	for _, s := range p.c.Snaps {
		count := make(map[string]int)
		for _, r := range slices.Backward(s.Revisions) {
			p.keepSome(pinOf(closure.KindSnap, s.Name, r.Number), r.Architectures, count)
		}
	}
	for _, c := range p.c.Charms {
		count := make(map[string]int)
		for _, r := range slices.Backward(c.Revisions) {
			var archs []string
			for _, b := range r.Bases {
				if b != nil && !slices.Contains(archs, b.Architecture) {
					archs = append(archs, b.Architecture)
				}
			}
			p.keepSome(pinOf(closure.KindCharm, c.Name, r.Number), archs, count)
		}
	}
}

// keepSome keeps an unneeded revision that is new enough, or one of the newest. count has the number of newer unneeded revisions of
// each architecture.
func (p *pruner) keepSome(pin closure.Pin, archs []string, count map[string]int) {
	if p.kept[pin] {
		return
	}
	if len(archs) == 0 {
		archs = []string{""} // a charm bundle
	}
	for _, arch := range archs {
		if count[arch]++; count[arch] <= p.o.Keep {
			p.kept[pin] = true
		}
	}
	if p.isRecent(pin) {
		p.kept[pin] = true
	}
}

func (p *pruner) isRecent(pin closure.Pin) bool {
	kind := catalog.ItemCharm
	if pin.Kind == closure.KindSnap {
		kind = catalog.ItemSnap
	}
	at := p.times[catalog.RevisionKey{Kind: kind, Name: pin.Name, Resource: pin.Resource, Revision: pin.Revision}]
	return p.o.OlderThan > 0 && at.After(p.since)
}
