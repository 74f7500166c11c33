package exporter

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"offlinestore/bundle"
	"offlinestore/channelmap"
	"offlinestore/snap"
)

// Plan lists everything that an export will fetch and pack.
type Plan struct {
	Request Request
	// Snaps that were requested come first, in the order of the request. The others are sorted by name.
	Snaps []*Snap
	// Charms are sorted by name.
	Charms []*Charm
	// Repositories have the images that belong to no charm. They are sorted by name.
	Repositories []*Repository
	// Assertions are in the order of the request.
	Assertions []*Assertion
	// Stores are the requested stores of brands, each followed by its parents.
	Stores []*Store
	// Withdrawals are requested snaps that the store does not offer any more. Fetch may add some.
	Withdrawals []*Withdrawal
	Gaps        []Gap
	// Warnings are further messages for the operator. Overrides are the resources whose image is mapped to another name.
	Warnings, Overrides []string
	// Hints are the snaps that the charms install. Unfetched are the optional parts that could not be fetched. Fetch fills them in.
	Hints     []Hint
	Unfetched []*Unfetched
	// LeftOut are the parts of images that can't be exported.
	LeftOut []LeftOut
	// BundleYAML is the bundle.yaml of the requested charm bundle.
	BundleYAML string
	// iconTime is the time that fetching icons has taken.
	iconTime time.Duration
	// views are the stores of which private snaps may be planned.
	views storeViews
}

// Snap is the plan for one snap.
type Snap struct {
	Listing snap.Listing
	// Revisions are sorted by number.
	Revisions []*SnapRevision
	// NeededBy names the snaps that need this one; it is nil if the snap was requested.
	NeededBy   []string
	iconURL    string
	releasedIn releasedIn
	rows       channelmap.Recorder[string, struct{}]
	// assertions and icon are filled in by Fetch.
	assertions []byte
	icon       *bundle.Icon
}

// SnapRevision is the plan for one revision of a snap.
type SnapRevision struct {
	snap.Revision
	// From lists where the revision was found: "latest/stable amd64".
	From []string
	// archs are the exported architectures for which it was found.
	archs []string
	// blobs and assertions are filled in by Fetch. The blobs are in the order of Downloads.
	blobs      []cachedBlob
	assertions []byte
}

// Size returns the number of payload bytes of the plan.
func (p *Plan) Size() int64 { return payloadSize(p.blobs()) }

// Size returns the number of payload bytes of the snap.
func (s *Snap) Size() int64 { return payloadSize((&Plan{Snaps: []*Snap{s}}).blobs()) }

// payloadSize returns the total size of blobs. Each counts once, as in a bundle, since several revisions may share a component.
func payloadSize(blobs map[string]remoteBlob) int64 {
	var n int64
	for _, d := range blobs {
		n += d.Size
	}
	return n
}

// LargestBlob returns the size in bytes of the largest blob of the plan.
func (p *Plan) LargestBlob() int64 {
	var n int64
	for _, d := range p.blobs() {
		n = max(n, d.Size)
	}
	return n
}

// blobs returns the blobs of the plan by their keys in the cache.
func (p *Plan) blobs() map[string]remoteBlob {
	out := make(map[string]remoteBlob)
	for _, s := range p.Snaps {
		for _, r := range s.Revisions {
			for _, d := range r.Downloads() {
				a := snapBlob(d)
				out[a.key()] = a
			}
		}
	}
	for _, c := range p.Charms {
		c.eachBlob(func(a *remoteBlob) { out[a.key()] = *a })
	}
	for _, r := range p.Repositories {
		r.eachBlob(func(a *remoteBlob) { out[a.key()] = *a })
	}
	return out
}

// Plan plans an export: the requested items, then their dependencies, until none is missing.
func (e *Exporter) Plan(ctx context.Context, req Request) (*Plan, error) {
	if err := req.Validate(); err != nil {
		return nil, err
	}
	p := &planner{e: e, ctx: ctx, plan: &Plan{Request: req, Warnings: slices.Clone(req.Warnings)}, snaps: make(map[string]*Snap), tried: make(map[target]bool)}
	for _, step := range []func() error{p.addStores, func() error { return p.addSnaps(req.queries()) }, p.addModels, p.addAccountKeys, p.addValidationSets} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	if !req.NoDeps {
		if err := p.addNeeds(); err != nil {
			return nil, err
		}
	}
	if err := p.validateWithdrawals(); err != nil {
		return nil, err
	}
	p.fillPlan()
	if err := p.completeStores(); err != nil {
		return nil, err
	}
	if err := newImagePlanner(ctx, e, p.plan).run(); err != nil {
		return nil, err
	}
	return p.plan, nil
}

// fillPlan sorts the planned snaps into the plan.
func (p *planner) fillPlan() {
	p.plan.Snaps = slices.SortedFunc(maps.Values(p.snaps), func(a, b *Snap) int {
		return cmp.Or(cmp.Compare(min(1, len(a.NeededBy)), min(1, len(b.NeededBy))), cmp.Compare(p.place(a), p.place(b)), cmp.Compare(a.Listing.Name, b.Listing.Name))
	})
	for _, s := range p.plan.Snaps {
		s.sort()
		p.warnOfKeys(s)
	}
}

// place returns the place of a snap in the request. Snaps that are not in it come last.
func (p *planner) place(s *Snap) int {
	req := &p.plan.Request
	if i := slices.Index(req.Names, s.Listing.Name); i >= 0 {
		return i
	}
	if i := slices.IndexFunc(req.Packages, func(pk Package) bool { return pk.Name == s.Listing.Name }); i >= 0 {
		return len(req.Names) + i
	}
	return len(req.Names) + len(req.Packages)
}

// warnOfKeys warns of repeated keys in a snap.yaml, which snapd overlooks: the publisher can have meant only one of their values.
func (p *planner) warnOfKeys(s *Snap) {
	for _, r := range s.Revisions {
		m, err := snap.ParseYAML(r.SnapYAML)
		if err != nil || len(m.Repeated) == 0 {
			continue
		}
		text := fmt.Sprintf("%s revision %d: its snap.yaml repeats the keys %s: the last value counts", s.Listing.Name, r.Number, strings.Join(m.Repeated, ", "))
		if !slices.Contains(p.plan.Warnings, text) {
			p.plan.Warnings = append(p.plan.Warnings, text)
		}
	}
}

func (s *Snap) sort() {
	slices.SortFunc(s.Revisions, func(a, b *SnapRevision) int { return a.Revision.Number - b.Revision.Number })
	s.Listing.ChannelMap = s.releases()
	slices.Sort(s.NeededBy)
}

// has reports whether a revision of s is planned for arch.
func (s *Snap) has(arch string) bool {
	return slices.ContainsFunc(s.Revisions, func(r *SnapRevision) bool { return slices.Contains(r.archs, arch) })
}
