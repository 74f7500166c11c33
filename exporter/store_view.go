package exporter

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"offlinestore/snap"
	"offlinestore/upstream"
)

// maxStores bounds the parents of a store, and its friendly stores.
const maxStores = 32

// storeView is the Snap Store as the devices of a brand's store see it, as far as the login does.
type storeView struct {
	id     string
	client *upstream.Client
}

// storeViews are the views of the stores of a plan, in the order in which they were opened, with the private snaps that they give. The zero value
// has none.
type storeViews struct {
	list    []*storeView
	private map[string]privateSnap // by name
}

// privateSnap is a snap that only the devices of some stores get.
type privateSnap struct {
	// home is the store that it is private to. id is its snap-id, if a list names it.
	home, id string
	view     *storeView
}

// openView lets the planner ask on behalf of the devices of a store. stores are the store with its parents, as far as they are known.
func (p *planner) openView(id string, stores []*upstream.BrandStore) *storeView {
	v := &storeView{id, p.e.Client.ForStore(id)}
	p.plan.views.list = append(p.plan.views.list, v)
	for _, b := range stores {
		p.plan.views.addStore(v, b)
	}
	return v
}

// of returns the view of a store, or nil.
func (v *storeViews) of(store string) *storeView {
	i := slices.IndexFunc(v.list, func(o *storeView) bool { return o.id == store })
	if i < 0 {
		return nil
	}
	return v.list[i]
}

// addStore adds the private snaps of a store to its view. A private snap of the global store is private to the first store that includes it: a
// snap has one home.
func (v *storeViews) addStore(view *storeView, b *upstream.BrandStore) {
	for _, s := range b.Snaps {
		home := s.Store
		if home == upstream.GlobalStore {
			home = b.ID
		}
		if !s.IsGlobal() {
			v.add(s.Name, privateSnap{home, s.ID, view})
		}
	}
}

// add adds a private snap, unless there is one with its name.
func (v *storeViews) add(name string, s privateSnap) {
	if v.private == nil {
		v.private = make(map[string]privateSnap)
	}
	if v.home(name) == "" {
		v.private[name] = s
	}
}

// home returns the store that a snap is private to, or "" for a global snap.
func (v *storeViews) home(name string) string { return v.private[name].home }

// client returns the client that asks for a snap.
func (p *planner) client(name string) *upstream.Client {
	if s := p.plan.views.private[name]; s.view != nil {
		return s.view.client
	}
	return p.e.Client
}

// askInside asks on behalf of the devices of the stores for a snap that the global store does not know, or has for few.
func (p *planner) askInside(a *infoAnswer, name string, ask func(*upstream.Client) (*snap.InfoResponse, error)) {
	isHidden := errors.Is(a.err, upstream.ErrNotFound) || a.err == nil && a.info.Snap.Private
	if p.plan.views.home(name) != "" || !isHidden {
		return
	}
	for _, view := range p.plan.views.list {
		info, err := ask(view.client)
		if err == nil && info != nil {
			a.info, a.err, a.view = info, nil, view
			return
		}
		if err != nil && !errors.Is(err, upstream.ErrNotFound) {
			a.err = err
			return
		}
	}
}

// validateHome returns an error if the store's answer about a private snap is about another one than the list names.
func (p *planner) validateHome(s *Snap) error {
	listed := p.plan.views.private[s.Listing.Name]
	if s.Listing.Store == "" || listed.id == "" {
		return nil
	}
	return s.compareID("the list of the store "+listed.view.id, listed.id)
}

// askEach asks for the queries about global snaps and for the ones about private snaps, each with their client. The answers are in the order
// of the queries.
func askEach[Q, R any](p *planner, queries []Q, name func(Q) string, ask func(*upstream.Client, []Q) ([]R, error)) ([]R, error) {
	byClient := make(map[*upstream.Client][]int)
	for i, q := range queries {
		c := p.client(name(q))
		byClient[c] = append(byClient[c], i)
	}
	out := make([]R, len(queries))
	for c, places := range byClient {
		some := make([]Q, len(places))
		for i, at := range places {
			some[i] = queries[at]
		}
		answers, err := ask(c, some)
		if err != nil {
			return nil, err
		}
		for i, at := range places {
			out[at] = answers[i]
		}
	}
	return out, nil
}

// clientOf returns the client that fetches the blobs of a snap.
func (p *Plan) clientOf(e *Exporter, s *Snap) *upstream.Client {
	if listed := p.views.private[s.Listing.Name]; s.Listing.Store != "" && listed.view != nil {
		return listed.view.client
	}
	return e.Client
}

// readStores asks the dashboard for a store and its parents. A parent that the login does not administer is left out, with a warning. So is
// the link that would close a circle of parents.
func (p *planner) readStores(id string) (out []*upstream.BrandStore, err error) {
	for id != "" && id != upstream.GlobalStore {
		if slices.ContainsFunc(out, func(b *upstream.BrandStore) bool { return b.ID == id }) {
			last := out[len(out)-1]
			last.Parent = ""
			p.plan.Warnings = append(p.plan.Warnings, fmt.Sprintf("the parents of the store %s form a circle: %s is left without its parent %s", out[0].ID, last.ID, id))
			return out, nil
		}
		if len(out) == maxStores {
			return nil, storeError("store %s: more than %d parents", out[0].ID, maxStores)
		}
		b, err := p.e.Dashboard.BrandStore(p.ctx, id)
		if role := (*upstream.RoleError)(nil); errors.As(err, &role) && len(out) > 0 {
			p.plan.Warnings = append(p.plan.Warnings, fmt.Sprintf("the bundle goes without the store %s, which is a parent of %s: %v", id, out[0].ID, err))
			return out, nil
		}
		if err != nil {
			return nil, &StoreError{err}
		}
		out = append(out, b)
		id = b.Parent
	}
	return out, nil
}

// describeStore returns the description of a store for a bundle.
func (v *storeViews) describeStore(b *upstream.BrandStore) (snap.Store, error) {
	d := snap.Store{BrandID: b.BrandID, ID: b.ID, Name: cmp.Or(b.Name, b.ID), Snaps: []snap.StoreSnap{}}
	if b.Parent != upstream.GlobalStore {
		d.Parent = b.Parent
	}
	for _, s := range b.Snaps {
		if s.IsGlobal() {
			continue
		}
		m := snap.StoreSnap{Name: s.Name, SnapID: s.ID, Store: v.home(s.Name)}
		if m.Store == b.ID {
			m.Store = ""
		}
		d.Snaps = append(d.Snaps, m)
	}
	sortMembers(&d)
	if err := d.Validate(); err != nil {
		return d, storeError("the dashboard's answer: %w", err)
	}
	return d, nil
}

// addFound adds the snaps that only the view gave to the list of its store: the devices get them from a store that the login cannot list, a
// parent or a friendly one.
func (v *storeView) addFound(d *snap.Store, snaps []*Snap) error {
	for _, s := range snaps {
		if _, listed := d.Member(s.Listing.SnapID); s.Listing.Store == v.id && !listed {
			d.Snaps = append(d.Snaps, snap.StoreSnap{Name: s.Listing.Name, SnapID: s.Listing.SnapID})
			sortMembers(d)
		}
	}
	if err := d.Validate(); err != nil {
		return storeError("the store's answer: %w", err)
	}
	return nil
}

func sortMembers(d *snap.Store) {
	slices.SortFunc(d.Snaps, func(a, b snap.StoreSnap) int { return cmp.Compare(a.SnapID, b.SnapID) })
}
