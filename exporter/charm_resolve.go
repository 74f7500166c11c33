package exporter

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"offlinestore/channel"
	"offlinestore/charm"
)

// charmPlanner plans the charms in one call of Plan.
type charmPlanner struct {
	*imagePlanner
	req *CharmRequest
	// mu guards charms, absent and missing during prefetch. The store doesn't have the charms in absent.
	mu     sync.Mutex
	charms map[string]*Charm
	absent map[string]bool
	// revisionCache holds the revisions of resources, by charm and resource.
	revisionCache map[[2]string][]charm.Resource
	missing       []Gap
	// answered has the applications for which the store has a release.
	answered map[*charm.Application]bool
	guesses  []guessedGap
	// bundleRevisions are the charm bundles to export, and published the images that they name for their applications.
	bundleRevisions []*CharmRevision
	published       []publishedImage
	// sources maps the applications of bundles to them.
	sources map[*charm.Application]*CharmRevision
}

func newCharmPlanner(images *imagePlanner, req *CharmRequest) *charmPlanner {
	return &charmPlanner{
		imagePlanner: images, req: req,
		charms: make(map[string]*Charm), absent: make(map[string]bool), revisionCache: make(map[[2]string][]charm.Resource),
		answered: make(map[*charm.Application]bool), sources: make(map[*charm.Application]*CharmRevision),
	}
}

// planCharms adds the charms of req to the plan.
func (images *imagePlanner) planCharms(req *CharmRequest) error {
	p, plan := newCharmPlanner(images, req), images.plan
	apps, err := p.applications()
	if err != nil {
		return err
	}
	queries, err := p.queries(apps)
	if err != nil {
		return err
	}
	if err := p.resolve(queries); err != nil {
		return err
	}
	p.withdrawCharms()
	if len(p.missing) > 0 {
		slices.SortStableFunc(p.missing, func(a, b Gap) int { return strings.Compare(a.String(), b.String()) })
		return missingCharms(slices.Compact(p.missing))
	}
	if len(p.charms) == 0 && len(plan.Withdrawals) == 0 {
		return fmt.Errorf("%w: none of the applications is a charm of Charmhub", ErrConflict)
	}
	for _, name := range slices.Sorted(maps.Keys(p.charms)) {
		plan.Charms = append(plan.Charms, p.charms[name])
	}
	if err := parallel(plan.Charms, func(c *Charm) error { return charmError(c.Listing.Name, p.completeCharm(c)) }); err != nil {
		return err
	}
	for _, step := range []func() error{p.planImages, p.planPublished} {
		if err := step(); err != nil {
			return err
		}
	}
	for _, c := range plan.Charms {
		if err := c.validate(); err != nil {
			return charmError(c.Listing.Name, err)
		}
	}
	return nil
}

// applications returns the applications to plan, and records which bundles they come from.
func (p *charmPlanner) applications() (apps []charm.Application, err error) {
	all, sources, err := p.bundles()
	if err != nil {
		return nil, err
	}
	apps = make([]charm.Application, 0, len(all))
	for i, a := range all {
		if p.plan.Request.without(Item{Charm: a.Charm}) {
			continue
		}
		apps = append(apps, a)
		p.sources[&apps[len(apps)-1]] = sources[i] // apps has room for all, and does not move
	}
	return apps, nil
}

// resolve asks the store for the revisions that Juju would get. If a base has no release, it asks again for the nearest base that has one.
func (p *charmPlanner) resolve(queries []*charmQuery) error {
	for len(queries) > 0 {
		actions := make([]charm.Action, len(queries))
		for i, w := range queries {
			actions[i] = w.action()
		}
		results, err := p.e.Charmhub.CharmRefresh(p.ctx, actions)
		if err != nil {
			return &StoreError{err}
		}
		var again []*charmQuery
		for i := range results {
			w := queries[i]
			next, err := p.accept(w, &results[i])
			if err != nil {
				return charmError(w.app.Charm, fmt.Errorf("%s: %w", w.app.Charm, err))
			}
			if next != nil {
				again = append(again, next)
			}
		}
		queries = again
	}
	for _, g := range p.guesses {
		if !p.answered[g.app] {
			p.gap(g.gap)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(p.charms)) {
		p.reportMissing(p.charms[name])
	}
	return nil
}

// accept adds one answer to the plan, or returns the query to send instead.
func (p *charmPlanner) accept(w *charmQuery, r *charm.Result) (next *charmQuery, err error) {
	c := p.charms[w.app.Charm]
	if r.Error == nil {
		if w.otherBase && w.app.Base.Name != "" {
			p.warn("%s is not there for %s@%s in %s; exported for %s", w.app.Charm, w.app.Base.Name, w.app.Base.Channel, w.asked, w.base)
		}
		return nil, p.addAnswer(c, w, r)
	}
	if !isUnreleased(r.Error.Code) {
		p.gap(refusalGap(w.gap(""), r.Error.Code, r.Error.Message))
		return nil, nil
	}
	if w.revision > 0 {
		p.gap(w.gap("the store has no such revision"))
		return nil, nil
	}
	c.rows.Close(w.base, w.asked)
	base := alternative(w, r.Error.Extra)
	if base == (charm.Base{}) || w.otherBase {
		p.lacks(w, c.releasedIn.explain(w.gap(noRelease), w.asked))
		return nil, nil
	}
	other := *w
	other.base, other.otherBase = base, true
	return &other, nil
}

// isUnreleased reports whether an error of the store means that it has no such release.
func isUnreleased(code string) bool {
	return slices.Contains([]string{charm.CodeRevisionNotFound, charm.CodeInvalidBase, charm.CodeInvalidPlatform, charm.CodeMissingBase}, code)
}

// alternative returns the base nearest to w.base among the bases that the store offers for the same architecture and channel.
func alternative(w *charmQuery, extra *charm.ErrorExtra) charm.Base {
	if extra == nil {
		return charm.Base{}
	}
	bases := slices.Clone(extra.DefaultBases)
	for _, r := range extra.Releases {
		// The store leaves out the track latest, even if the default track is another one.
		if ch, err := channel.Parse(r.Channel); err == nil && slices.Contains(w.asked.Fallbacks(), ch.WithTrack(channel.DefaultTrack)) {
			bases = append(bases, r.Base)
		}
	}
	for i := range bases {
		if bases[i].Architecture == charm.All {
			bases[i].Architecture = w.base.Architecture
		}
	}
	bases = slices.DeleteFunc(bases, func(b charm.Base) bool {
		return b.Validate() != nil || b.Architecture != w.base.Architecture || b == w.base
	})
	if best := charm.NearestLTS(w.base, bases); best != (charm.Base{}) || len(bases) == 0 {
		return best
	}
	charm.SortBases(bases)
	return bases[0]
}

func (p *charmPlanner) gap(g Gap) {
	if !slices.Contains(p.plan.Gaps, g) {
		p.plan.Gaps = append(p.plan.Gaps, g)
	}
}

func (p *charmPlanner) warn(format string, args ...any) {
	p.plan.Warnings = append(p.plan.Warnings, fmt.Sprintf(format, args...))
}

// reportMissing records a charm as missing if none of its requested revisions was found.
func (p *charmPlanner) reportMissing(c *Charm) {
	// A revision is mostly for one architecture. It isn't missing for another architecture that has a revision of its own.
	p.plan.Gaps = slices.DeleteFunc(p.plan.Gaps, func(g Gap) bool {
		return g.Charm == c.Listing.Name && g.Revision > 0 && g.Architecture != "" && c.has(g.Architecture)
	})
	n := len(p.missing)
	if p.acceptsWithdrawn() && len(c.rows.Rows()) > 0 {
		return // the bundle states that the channels are closed
	}
	if len(c.Revisions) > 0 || slices.ContainsFunc(p.missing, func(g Gap) bool { return g.Charm == c.Listing.Name }) {
		return
	}
	for _, g := range p.plan.Gaps {
		if g.Charm == c.Listing.Name {
			p.missing = append(p.missing, g)
		}
	}
	if n == len(p.missing) {
		p.missing = append(p.missing, Gap{Charm: c.Listing.Name, Reason: "the store has no release of what was asked for"})
	}
}
