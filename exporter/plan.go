package exporter

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"offlinestore/bundle"
	"offlinestore/channel"
	"offlinestore/snap"
	"offlinestore/upstream"
)

// Plan is what an export will fetch and pack.
type Plan struct {
	Request Request
	// Snaps are sorted by name, those that were asked for first.
	Snaps []*Snap
	Gaps  []Gap
}

// Snap is the plan for one snap.
type Snap struct {
	Listing snap.Listing
	// Revisions are sorted by number.
	Revisions []*Revision
	// NeededBy names the snaps for whose sake this one is exported; nil if it was asked for.
	NeededBy []string
	iconURL  string
	// assertions and icon are filled in by Fetch.
	assertions []byte
	icon       *bundle.Icon
}

// Revision is the plan for one revision of a snap.
type Revision struct {
	snap.Revision
	// From says where the revision was found: "latest/stable amd64".
	From []string
	// blobs and assertions are filled in by Fetch: the snap's blob first, then its components'.
	blobs      []fetched
	assertions []byte
}

// Size is the number of payload bytes of the plan.
func (p *Plan) Size() int64 {
	var n int64
	for _, s := range p.Snaps {
		n += s.Size()
	}
	return n
}

// Size is the number of payload bytes of the snap.
func (s *Snap) Size() int64 {
	var n int64
	for _, r := range s.Revisions {
		for _, d := range r.downloads() {
			n += d.Size
		}
	}
	return n
}

// downloads lists the snap's own blob and those of its components.
func (r *Revision) downloads() []snap.Download {
	out := []snap.Download{r.Download}
	for _, res := range r.Resources {
		out = append(out, res.Download)
	}
	return out
}

// Plan works out what an export holds: what is asked for, then what that needs, until nothing is missing.
func (e *Exporter) Plan(ctx context.Context, req Request) (*Plan, error) {
	if err := req.Validate(); err != nil {
		return nil, err
	}
	p := &planner{e: e, ctx: ctx, plan: &Plan{Request: req}, snaps: make(map[string]*Snap)}
	wants := p.wants(req)
	if err := p.add(wants, nil); err != nil {
		return nil, err
	}
	if !req.NoDeps {
		if err := p.close(); err != nil {
			return nil, err
		}
	}
	p.plan.Snaps = slices.SortedFunc(maps.Values(p.snaps), func(a, b *Snap) int {
		return cmp.Or(cmp.Compare(min(1, len(a.NeededBy)), min(1, len(b.NeededBy))), cmp.Compare(a.Listing.Name, b.Listing.Name))
	})
	for _, s := range p.plan.Snaps {
		s.sort()
	}
	return p.plan, nil
}

func (s *Snap) sort() {
	slices.SortFunc(s.Revisions, func(a, b *Revision) int { return a.Revision.Revision - b.Revision.Revision })
	slices.SortFunc(s.Listing.ChannelMap, func(a, b snap.Release) int {
		return cmp.Or(cmp.Compare(a.Architecture, b.Architecture), cmp.Compare(a.Channel, b.Channel))
	})
	slices.Sort(s.NeededBy)
}

// planner is one call of Plan.
type planner struct {
	e     *Exporter
	ctx   context.Context
	plan  *Plan
	snaps map[string]*Snap
}

// want is a snap, and a channel or revision of it.
type want struct {
	name, channel string
	revision      int
	pushChannel   string
}

func (p *planner) wants(req Request) []want {
	var out []want
	for _, n := range req.Names {
		for _, c := range req.Channels {
			out = append(out, want{name: n, channel: c})
		}
	}
	for _, pk := range req.Packages {
		if pk.Revision > 0 {
			out = append(out, want{name: pk.Name, revision: pk.Revision, pushChannel: pk.PushChannel})
			continue
		}
		for _, c := range req.Channels {
			out = append(out, want{name: pk.Name, channel: c, pushChannel: pk.PushChannel})
		}
	}
	return out
}

// add resolves wants for each architecture. neededBy is nil for what the operator asked for.
func (p *planner) add(wants []want, neededBy map[string][]string) error {
	for _, w := range wants {
		if err := p.info(w.name, neededBy[w.name]); err != nil {
			return err
		}
	}
	wants = slices.DeleteFunc(slices.Clone(wants), func(w want) bool { return p.snaps[w.name] == nil })
	if len(wants) == 0 {
		return nil
	}
	found := make(map[want]bool)
	var gaps []Gap
	for _, arch := range p.plan.Request.Architectures {
		g, err := p.resolve(arch, wants, found)
		if err != nil {
			return err
		}
		gaps = append(gaps, g...)
	}
	return p.judge(wants, neededBy, found, gaps)
}

// info asks for a snap by name, once.
func (p *planner) info(name string, neededBy []string) error {
	if p.snaps[name] != nil {
		return nil
	}
	info, err := p.e.Client.Info(p.ctx, name)
	if errors.Is(err, upstream.ErrNotFound) {
		gap := Gap{Snap: name, NeededBy: strings.Join(neededBy, ", "), Reason: "the store has no such snap"}
		if neededBy == nil || isEssential(name, p.snaps, neededBy) {
			return &MissingError{gap}
		}
		p.plan.Gaps = append(p.plan.Gaps, gap)
		return nil
	}
	if err != nil {
		return err
	}
	s := &Snap{NeededBy: neededBy, Listing: snap.Listing{Name: info.Name, SnapID: info.SnapID, Snap: info.Snap.Details}}
	if info.DefaultTrack != nil && *info.DefaultTrack != channel.DefaultTrack {
		s.Listing.DefaultTrack = *info.DefaultTrack
	}
	s.iconURL = takeIcon(&s.Listing.Snap, p.plan.Request.NoIcons)
	if err := s.Listing.Validate(); err != nil {
		return fmt.Errorf("the store's answer about %s: %w", name, err)
	}
	p.snaps[name] = s
	return nil
}

// isEssential says whether a snap that is needed is one without which nothing runs: snapd, or a base.
func isEssential(name string, snaps map[string]*Snap, neededBy []string) bool {
	if name == "snapd" {
		return true
	}
	for _, n := range neededBy {
		for _, r := range snaps[n].Revisions {
			if bases, _ := r.Needs(); slices.Contains(bases, name) {
				return true
			}
		}
	}
	return false
}

// takeIcon leaves of the pictures only the icon, since the others can't be reached inside the gap, and returns its URL.
func takeIcon(d *snap.Details, none bool) (url string) {
	media := d.Media
	d.Media = []snap.Media{}
	for _, m := range media {
		if m.Type == "icon" && url == "" && !none {
			url, m.URL = m.URL, ""
			d.Media = append(d.Media, m)
		}
	}
	return url
}

// resolve asks the store what a device of that architecture would get for each want.
func (p *planner) resolve(arch string, wants []want, found map[want]bool) ([]Gap, error) {
	actions := make([]snap.Action, len(wants))
	for i, w := range wants {
		actions[i] = snap.Action{Name: w.name, Channel: w.channel, Revision: w.revision}
	}
	results, err := p.e.Client.Resolve(p.ctx, arch, actions)
	if err != nil {
		return nil, err
	}
	var gaps []Gap
	for i, r := range results {
		w := wants[i]
		if r.Error != nil || r.Snap == nil {
			reason := "the store has no release"
			if r.Error != nil && r.Error.Code != snap.CodeRevisionNotFound && r.Error.Message != "" {
				reason = r.Error.Message
			}
			gaps = append(gaps, Gap{Snap: w.name, Architecture: arch, Channel: w.channel, Revision: w.revision, Reason: reason})
			if err := p.closed(arch, w); err != nil {
				return nil, err
			}
			continue
		}
		if err := p.take(arch, w, &r); err != nil {
			return nil, fmt.Errorf("the store's answer about %s: %w", w.name, err)
		}
		found[w] = true
	}
	return gaps, nil
}

// take puts one answer of the store into the plan.
func (p *planner) take(arch string, w want, r *snap.Result) error {
	s := p.snaps[w.name]
	switch {
	case r.Snap.SnapID != s.Listing.SnapID || r.Snap.Name != s.Listing.Name:
		return fmt.Errorf("it is about %s (%s)", r.Snap.Name, r.Snap.SnapID)
	case w.revision > 0 && r.Snap.Revision.Revision != w.revision:
		return fmt.Errorf("revision %d in place of %d", r.Snap.Revision.Revision, w.revision)
	}
	if err := r.Snap.Revision.Validate(); err != nil {
		return err
	}
	rev, err := s.revision(&r.Snap.Revision)
	if err != nil {
		return err
	}
	if w.revision > 0 {
		rev.From = append(rev.From, arch)
	} else if err := s.release(arch, w.channel, r, rev); err != nil {
		return err
	}
	if w.pushChannel == "" {
		return nil
	}
	c, err := channel.Parse(w.pushChannel)
	if err != nil {
		return err
	}
	return s.row(arch, c.WithTrack(s.track()), rev.Revision.Revision, "")
}

// track is the track that a channel without one means.
func (s *Snap) track() string { return cmp.Or(s.Listing.DefaultTrack, channel.DefaultTrack) }

// revision returns the plan for a revision, which several channels may hold.
func (s *Snap) revision(r *snap.Revision) (*Revision, error) {
	for _, have := range s.Revisions {
		if have.Revision.Revision == r.Revision {
			if have.Download.SHA3384 != r.Download.SHA3384 {
				return nil, fmt.Errorf("revision %d has two digests", r.Revision)
			}
			return have, nil
		}
	}
	rev := &Revision{Revision: *r}
	s.Revisions = append(s.Revisions, rev)
	return rev, nil
}

// release notes the rows of the channel map that follow from an answer: the channel that serves, and each riskier one up
// to the channel that was asked for, which are closed.
func (s *Snap) release(arch, asked string, r *snap.Result, rev *Revision) error {
	want, err := s.asked(asked, r.RedirectChannel)
	if err != nil {
		return err
	}
	got := want
	if r.EffectiveChannel != "" {
		if got, err = channel.Parse(r.EffectiveChannel); err != nil {
			return err
		}
		got = got.WithTrack(channel.DefaultTrack)
	}
	if !slices.Contains(want.Fallbacks(), got) {
		return fmt.Errorf("channel %s is served from %s, which is none of its fall-backs", want, got)
	}
	rev.From = append(rev.From, want.String()+" "+arch)
	for _, c := range want.Fallbacks() {
		if c == got {
			return s.row(arch, c, rev.Revision.Revision, r.ReleasedAt)
		}
		if err := s.row(arch, c, 0, ""); err != nil {
			return err
		}
	}
	return nil
}

// asked is the channel in full that a device means by asked.
func (s *Snap) asked(asked, redirect string) (channel.Channel, error) {
	c, err := channel.Parse(cmp.Or(redirect, asked))
	return c.WithTrack(s.track()), err
}

// closed notes that a channel has no release: it and all that it would fall back to.
func (p *planner) closed(arch string, w want) error {
	if w.revision > 0 {
		return nil
	}
	s := p.snaps[w.name]
	want, err := s.asked(w.channel, "")
	if err != nil {
		return err
	}
	for _, c := range want.Fallbacks() {
		if err := s.row(arch, c, 0, ""); err != nil {
			return err
		}
	}
	return nil
}

// row sets one row of the channel map. A revision put there by hand stays; a closed row gives way.
func (s *Snap) row(arch string, c channel.Channel, revision int, releasedAt string) error {
	for i := range s.Listing.ChannelMap {
		row := &s.Listing.ChannelMap[i]
		if row.Architecture != arch || row.Channel != c.String() {
			continue
		}
		if row.Revision != 0 && revision != 0 && row.Revision != revision && releasedAt != "" && row.ReleasedAt != "" {
			return fmt.Errorf("channel %s has two revisions, %d and %d", c, row.Revision, revision)
		}
		if revision != 0 && (row.Revision == 0 || releasedAt == "") {
			row.Revision, row.ReleasedAt = revision, releasedAt
		}
		return nil
	}
	s.Listing.ChannelMap = append(s.Listing.ChannelMap, snap.Release{Architecture: arch, Channel: c.String(), Revision: revision, ReleasedAt: releasedAt})
	return snap.ValidateTime(releasedAt)
}

// judge turns gaps into warnings, and into an error where a snap has nothing at all.
func (p *planner) judge(wants []want, neededBy map[string][]string, found map[want]bool, gaps []Gap) error {
	some := make(map[string]bool)
	for w := range found {
		some[w.name] = true
	}
	for _, w := range wants {
		if some[w.name] || len(p.snaps[w.name].Revisions) > 0 {
			continue
		}
		by := neededBy[w.name]
		gap := Gap{Snap: w.name, Architecture: strings.Join(p.plan.Request.Architectures, ", "), NeededBy: strings.Join(by, ", "),
			Reason: "no release in what was asked for"}
		if by == nil || isEssential(w.name, p.snaps, by) {
			return &MissingError{gap}
		}
		delete(p.snaps, w.name)
		p.plan.Gaps = append(p.plan.Gaps, gap)
		some[w.name] = true
	}
	for _, g := range gaps {
		if p.snaps[g.Snap] != nil {
			g.NeededBy = strings.Join(neededBy[g.Snap], ", ")
			p.plan.Gaps = append(p.plan.Gaps, g)
		}
	}
	return nil
}
