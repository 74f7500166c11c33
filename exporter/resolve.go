package exporter

import (
	"context"
	"errors"
	"slices"
	"strings"

	"offlinestore/assertion"
	"offlinestore/channel"
	"offlinestore/closure"
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

// snapQuery asks for a channel or a revision of a snap, for some architectures.
type snapQuery struct {
	name, channel string
	revision      int
	pushChannel   string
	archs         []string
	need          *need    // nil for a query of the operator
	set           []string // the primary key of the validation set that asks for it
	// components are the components that the set pins.
	components []assertion.SetComponent
	gaps       []Gap
}

// need is the reason for planning a snap that wasn't requested.
type need struct {
	by    []string
	archs []string
	// essential means that nothing runs without the snap: snapd, or a base.
	essential bool
	// charmRevision is set if a charm needs the snap.
	charmRevision int
}

func (w *snapQuery) neededBy() []string {
	if w.need == nil {
		return nil
	}
	return w.need.by
}

// gap returns a gap for w on arch, with the reason.
func (w *snapQuery) gap(arch, reason string) Gap {
	return Gap{Snap: w.name, Architecture: arch, Channel: w.channel, Revision: w.revision, NeededBy: strings.Join(w.neededBy(), ", "), Reason: reason, need: w.sentence(arch)}
}

// absentGaps returns a gap for each architecture for which something needs a snap that the store doesn't know. For a snap that the
// operator requested, it returns one gap.
func (w *snapQuery) absentGaps(reason string) []Gap {
	if w.need == nil {
		return []Gap{{Snap: w.name, Reason: reason}}
	}
	var out []Gap
	for _, arch := range w.archs {
		out = append(out, Gap{Snap: w.name, Architecture: arch, NeededBy: strings.Join(w.neededBy(), ", "), Reason: reason, need: w.sentence(arch)})
	}
	return out
}

// sentence returns the sentence of package closure for a dependency that is missing for arch. It returns "" for a query of the operator.
func (w *snapQuery) sentence(arch string) string {
	if w.need == nil {
		return ""
	}
	g := closure.Gap{Kind: closure.KindSnap, Name: w.name, Revision: w.revision, Architecture: arch}
	for _, name := range slices.Sorted(slices.Values(w.need.by)) {
		by := closure.Needer{Kind: closure.KindSnap, Name: name}
		if w.need.charmRevision > 0 {
			by = closure.Needer{Kind: closure.KindCharm, Name: name, Revision: w.need.charmRevision}
		}
		g.NeededBy = append(g.NeededBy, by)
	}
	return g.String()
}

func (r *Request) queries() []*snapQuery {
	var out []*snapQuery
	for _, n := range r.Names {
		for _, c := range r.Channels {
			out = append(out, &snapQuery{name: n, channel: c, archs: r.architectures(n)})
		}
	}
	for _, pk := range r.Packages {
		archs := r.architectures(pk.Name)
		if pk.Revision > 0 {
			out = append(out, &snapQuery{name: pk.Name, revision: pk.Revision, pushChannel: pk.PushChannel, archs: archs})
			continue
		}
		for _, c := range r.Channels {
			out = append(out, &snapQuery{name: pk.Name, channel: c, pushChannel: pk.PushChannel, archs: archs})
		}
	}
	return slices.DeleteFunc(out, func(w *snapQuery) bool { return len(w.archs) == 0 })
}

// addSnaps resolves queries for each of their architectures. Its error names every essential snap that is missing, not just the first.
func (p *planner) addSnaps(queries []*snapQuery) error {
	var missing []Gap
	infos, err := p.askInfos(queries)
	if err != nil {
		return err
	}
	private, blamed := &PrivateError{}, []string(nil)
	for _, w := range queries {
		absent, err := p.info(w, infos[w.name])
		if one, ok := errors.AsType[*PrivateError](err); ok {
			private.Snaps, blamed = unite(private.Snaps, one.Snaps), append(blamed, w.blamed()...)
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
		return p.addAbsent(w, storeReason(err)), nil
	}
	if err != nil {
		return nil, p.blame(w, "", &StoreError{err})
	}
	if info.Snap.Private {
		return nil, &PrivateError{[]string{w.name}}
	}
	s := &Snap{NeededBy: w.neededBy(), Listing: snap.Listing{Name: info.Name, SnapID: info.SnapID, Snap: info.Snap.Details}}
	if info.DefaultTrack != nil && *info.DefaultTrack != channel.DefaultTrack {
		s.Listing.DefaultTrack = *info.DefaultTrack
	}
	s.releasedIn = snapReleases(info, s.Listing.DefaultTrack)
	if s.iconURL = takeIcon(&s.Listing.Snap); s.iconURL != "" {
		s.Listing.Unknown = []string{snap.UnknownIcon} // until Fetch has it
	}
	if err := s.Listing.Validate(); err != nil {
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
		actions[i] = snap.Action{Name: w.name, Channel: w.channel, Revision: w.revision}
		if w.set != nil {
			actions[i].ValidationSets = [][]string{w.set}
		}
	}
	results, err := p.e.Client.Resolve(ctx, arch, actions)
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
