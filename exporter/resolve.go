package exporter

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"strings"

	"offlinestore/channel"
	"offlinestore/snap"
	"offlinestore/upstream"
)

// planner plans the snaps in one call of Plan.
type planner struct {
	e     *Exporter
	ctx   context.Context
	plan  *Plan
	snaps map[string]*Snap
	tried map[target]bool // dependencies that were already asked for
	// preferred maps the snaps of a model to the channels that it names.
	preferred map[string]string
}

// target is a snap for one architecture.
type target struct{ name, arch string }

// addSnaps resolves queries for each of their architectures. Its error names every essential snap that is missing, not just the first.
func (p *planner) addSnaps(queries []*snapQuery) error {
	var missing []Gap
	infos, err := p.askInfos(queries)
	if err != nil {
		return err
	}
	private, blamed := &PrivateError{Stores: make(map[string]string)}, []string(nil)
	for _, w := range queries {
		absent, err := p.info(w, infos[w.name])
		if one, ok := errors.AsType[*PrivateError](err); ok {
			private.Snaps, blamed = unite(private.Snaps, one.Snaps), append(blamed, w.blamed()...)
			maps.Copy(private.Stores, one.Stores)
			continue
		}
		if err != nil {
			return err
		}
		missing = append(missing, absent...)
	}
	if len(private.Snaps) > 0 {
		return snapError(p.snaps, blamed, "", private)
	}
	asked := queries
	queries = slices.DeleteFunc(slices.Clone(queries), func(w *snapQuery) bool { return p.snaps[w.name] == nil })
	archs := p.plan.Request.Architectures
	for _, w := range queries {
		archs = unite(archs, w.archs) // a revision may need its base for other devices
	}
	answers, err := p.askResolve(archs, queries)
	if err != nil {
		return err
	}
	for _, arch := range archs {
		if err := p.resolve(arch, forArchitecture(arch, queries), answers[arch]); err != nil {
			return err
		}
	}
	missing = append(missing, p.reportMissing(queries)...)
	if len(missing) == 0 {
		return nil
	}
	slices.SortStableFunc(missing, func(a, b Gap) int { return strings.Compare(a.String(), b.String()) })
	return p.blameMissing(&MissingError{slices.Compact(missing)}, asked) // several channels of one snap may have led to the same gap
}

// info plans a snap from the store's answer about its name. It returns gaps if the store does not know the snap, and that is an error.
func (p *planner) info(w *snapQuery, answer *infoAnswer) (absent []Gap, err error) {
	if p.snaps[w.name] != nil {
		return nil, nil
	}
	info, err := answer.info, answer.err
	if errors.Is(err, upstream.ErrNotFound) {
		return p.addUnknown(w, storeReason(err))
	}
	if err != nil {
		return nil, p.blame(w, "", &StoreError{err})
	}
	if answer.view != nil {
		p.plan.views.add(w.name, privateSnap{home: answer.view.id, view: answer.view})
	}
	s := &Snap{NeededBy: w.neededBy(), Listing: snap.Listing{Name: info.Name, SnapID: info.SnapID, Snap: info.Snap.Details, Store: p.plan.views.home(w.name)}}
	if info.Snap.Private && s.Listing.Store == "" {
		return nil, &PrivateError{Snaps: []string{w.name}}
	}
	if info.DefaultTrack != nil && *info.DefaultTrack != channel.DefaultTrack {
		s.Listing.DefaultTrack = *info.DefaultTrack
	}
	s.releasedIn = snapReleases(info, s.Listing.DefaultTrack)
	if s.iconURL = takeIcon(&s.Listing.Snap); s.iconURL != "" {
		s.Listing.Unknown = []string{snap.UnknownIcon} // until Fetch has it
	}
	if err := cmp.Or(s.Listing.Validate(), p.validateHome(s)); err != nil {
		return nil, p.blame(w, "", storeError("the store's answer about %s: %w", w.name, err))
	}
	p.snaps[w.name] = s
	return nil, nil
}

// takeIcon removes all pictures except the icon, since the others can't be reached inside the gap. It returns the URL of the icon.
func takeIcon(d *snap.Details) (url string) {
	media := d.Media
	d.Media = []snap.Media{}
	for _, m := range media {
		if m.Type == "icon" && m.URL != "" && url == "" {
			url, m.URL = m.URL, ""
			d.Media = append(d.Media, m)
		}
	}
	return url
}

// forArchitecture returns the queries that are for an architecture.
func forArchitecture(arch string, queries []*snapQuery) []*snapQuery {
	return slices.DeleteFunc(slices.Clone(queries), func(w *snapQuery) bool { return !slices.Contains(w.archs, arch) })
}

// ask asks the store for the revisions that a device of the architecture would get.
func (p *planner) ask(ctx context.Context, arch string, queries []*snapQuery) ([]snap.Result, error) {
	if len(queries) == 0 {
		return nil, nil
	}
	actions := make([]snap.Action, len(queries))
	for i, w := range queries {
		actions[i] = w.action()
	}
	name := func(a snap.Action) string { return a.Name }
	results, err := askEach(p, actions, name, func(c *upstream.Client, some []snap.Action) ([]snap.Result, error) { return c.Resolve(ctx, arch, some) })
	if err != nil {
		return nil, &StoreError{err}
	}
	return results, nil
}

// resolve adds the store's answers to the queries for an architecture to the plan.
func (p *planner) resolve(arch string, queries []*snapQuery, results []snap.Result) error {
	for i, r := range results {
		err := p.accept(arch, queries[i], &r)
		if errors.Is(err, ErrConflict) {
			return err // the operator is to blame, not the store
		}
		if err != nil {
			return p.blame(queries[i], arch, storeError("the store's answer about %s: %w", queries[i].name, err))
		}
	}
	return p.resolveEpochs(arch, queries, results)
}

// accept adds one answer of the store to the plan, or records a gap.
func (p *planner) accept(arch string, w *snapQuery, r *snap.Result) error {
	s := p.snaps[w.name]
	if r.Error == nil && r.Snap != nil {
		return s.addAnswer(arch, w, r)
	}
	if r.Error != nil && r.Error.Code != snap.CodeRevisionNotFound {
		// Such an error doesn't mean that the channel is closed.
		w.gaps = append(w.gaps, refusalGap(w.gap(arch, ""), r.Error.Code, r.Error.Message))
		return nil
	}
	if w.revision > 0 {
		w.gaps = append(w.gaps, w.gap(arch, "the store has no such revision"))
		return nil
	}
	asked, err := s.asked(w.channel, "")
	if err != nil {
		return err
	}
	w.gaps = append(w.gaps, s.releasedIn.explain(w.gap(arch, noRelease), asked))
	s.rows.Close(arch, asked)
	return nil
}

// reportMissing turns gaps into warnings, and returns the gaps that are errors, such as a requested snap of which nothing was found.
func (p *planner) reportMissing(queries []*snapQuery) (missing []Gap) {
	for _, w := range queries {
		s := p.snaps[w.name]
		switch {
		case s == nil: // an earlier query for the same snap has found that out
		case len(s.Revisions) == 0 && w.need == nil && p.isClosed(w):
			p.plan.Gaps = append(p.plan.Gaps, w.gaps...)
		case len(s.Revisions) == 0 && w.need == nil && w.optional != "":
			p.plan.Gaps = append(p.plan.Gaps, joinArchitectures(w.gaps)...)
			delete(p.snaps, w.name)
		case len(s.Revisions) == 0 && w.need == nil:
			missing = append(missing, joinArchitectures(w.gaps)...)
		default:
			missing = append(missing, p.warn(s, w)...)
		}
	}
	return missing
}

// warn records the gaps of w. It returns the ones that are errors: an essential snap is missing, and the bundle can't or must not state
// that its channel is closed.
func (p *planner) warn(s *Snap, w *snapQuery) (missing []Gap) {
	essential := w.need != nil && w.need.essential
	for _, g := range w.gaps {
		switch {
		case essential && (g.refused || p.plan.Request.Withdrawn == WithdrawnError):
			missing = append(missing, g)
		case w.revision > 0 && s.has(g.Architecture):
			// A revision is mostly for one architecture. It isn't missing for another architecture that has a revision of its own.
		default:
			p.plan.Gaps = append(p.plan.Gaps, g)
		}
	}
	if len(s.Revisions) == 0 && !p.isClosed(w) {
		delete(p.snaps, w.name)
	}
	return missing
}
