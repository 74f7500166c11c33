package exporter

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"offlinestore/assertion"
	"offlinestore/bundle"
	"offlinestore/snap"
	"offlinestore/upstream"
)

// StoreRequest asks for private snaps of a brand's store.
type StoreRequest struct {
	ID string
	// Whole asks for the store itself, with its parents and all snaps in their lists. NoSnaps leaves out the revisions of the snaps.
	Whole, NoSnaps bool
}

// Store is the plan for a brand's store.
type Store struct {
	Description snap.Store
	// assertion is the store assertion, or nil.
	assertion *assertion.Assertion
	// stream is filled in by Fetch.
	stream []byte
}

// item returns the store as a bundle holds it.
func (s *Store) item() *bundle.Store {
	return &bundle.Store{Store: s.Description, Assertions: s.stream}
}

// addStores plans the requested stores, or only lets the planner see their snaps.
func (p *planner) addStores() error {
	for _, r := range p.plan.Request.Stores {
		if err := p.addStore(r); err != nil {
			return err
		}
	}
	return nil
}

func (p *planner) addStore(r StoreRequest) error {
	if p.e.Dashboard == nil {
		return &StoreError{upstream.ErrAnonymous}
	}
	if !r.Whole {
		stores, err := p.readStores(r.ID)
		if role := (*upstream.RoleError)(nil); err != nil && !errors.As(err, &role) {
			return err
		}
		p.openView(r.ID, stores) // without a list, the store decides alone
		return nil
	}
	p.e.Progress.Downloading("store metadata and assertion...")
	stores, err := p.readStores(r.ID)
	if err != nil {
		return err
	}
	p.openView(r.ID, stores)
	if err := p.planStores(stores); err != nil {
		return err
	}
	p.e.Progress.Downloading("store admin account details and assertion...")
	account, err := p.e.Dashboard.StoreAccount(p.ctx)
	if err != nil {
		return &StoreError{err}
	}
	p.plan.store(r.ID).Description.AdminID = account.ID
	return p.addMembers(stores, r.NoSnaps)
}

// store returns a planned store, or nil.
func (p *Plan) store(id string) *Store {
	i := slices.IndexFunc(p.Stores, func(s *Store) bool { return s.Description.ID == id })
	if i < 0 {
		return nil
	}
	return p.Stores[i]
}

// planStores plans the items of stores. Stores with the same parent have it once.
func (p *planner) planStores(stores []*upstream.BrandStore) error {
	for _, b := range stores {
		if p.plan.store(b.ID) != nil {
			continue
		}
		d, err := p.plan.views.describeStore(b)
		if err != nil {
			return err
		}
		s := &Store{Description: d}
		if s.assertion, err = p.storeAssertion(b.ID); err != nil {
			return err
		}
		p.plan.Stores = append(p.plan.Stores, s)
	}
	return nil
}

// storeAssertion returns the store assertion of a store, or nil if there is none.
func (p *planner) storeAssertion(id string) (*assertion.Assertion, error) {
	a, err := p.e.Client.Assertion(p.ctx, "store", []string{id}, maxFormat["store"])
	if errors.Is(err, upstream.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, &StoreError{err}
	}
	return a, nil
}

// addMembers plans the snaps in the lists of stores. Of private snaps without a planned revision, it plans the declarations.
func (p *planner) addMembers(stores []*upstream.BrandStore, onlyDeclarations bool) error {
	var members []upstream.StoreSnap
	for _, b := range stores {
		members = append(members, b.Snaps...)
	}
	slices.SortStableFunc(members, func(a, b upstream.StoreSnap) int { return cmp.Compare(a.Name, b.Name) })
	members = slices.CompactFunc(members, func(a, b upstream.StoreSnap) bool { return a.Name == b.Name })
	req := &p.plan.Request
	var queries []*snapQuery
	for _, m := range members {
		for _, c := range req.Channels {
			if archs := req.architectures(m.Name); m.IsReleased() && len(archs) > 0 && !onlyDeclarations {
				queries = append(queries, &snapQuery{name: m.Name, channel: c, archs: archs, optional: "the list of the store has it"})
			}
		}
	}
	if err := p.addSnaps(queries); err != nil {
		return err
	}
	for _, m := range members {
		unplanned := p.snaps[m.Name] == nil && (!m.IsReleased() || !onlyDeclarations)
		if p.plan.views.home(m.Name) != "" && unplanned && !req.without(Item{Snap: m.Name}) {
			p.plan.Assertions = append(p.plan.Assertions, &Assertion{Ref: declarationRef(m.ID), item: Item{Snap: m.Name}, snap: m.Name})
		}
	}
	return nil
}

// completeStores adds the snaps that are planned as the store's to its list: devices get only those in it, if the bundle has one.
func (p *planner) completeStores() error {
	for _, s := range p.plan.Stores {
		v := p.plan.views.of(s.Description.ID)
		if v == nil {
			continue
		}
		if err := v.addFound(&s.Description, p.plan.Snaps); err != nil {
			return err
		}
	}
	return nil
}

func accountRef(id string) assertion.Ref {
	return assertion.Ref{Type: "account", PrimaryKey: []string{id}}
}

// fetchStores fetches the assertions of the stores: the store assertion, and the accounts of the brand and the admin.
func (f *fetcher) fetchStores(p *Plan) (err error) {
	for _, s := range p.Stores {
		var refs []assertion.Ref
		if s.assertion != nil {
			f.have[s.assertion.Ref().Key()] = assertionAnswer{list: []*assertion.Assertion{s.assertion}}
			refs = append(refs, s.assertion.Ref())
		}
		refs = append(refs, accountRef(s.Description.BrandID))
		if admin := s.Description.AdminID; admin != "" {
			if _, err := f.getAssertions(accountRef(admin)); errors.Is(err, upstream.ErrNotFound) {
				// Only accounts that have published something have one.
				f.e.Progress.Warn(fmt.Sprintf("the bundle goes without the account of the login: %v", err))
				s.Description.AdminID = ""
			} else {
				refs = append(refs, accountRef(admin))
			}
		}
		if s.stream, err = f.stream(refs...); err != nil {
			return fmt.Errorf("store %s: assertions: %w", s.Description.ID, err)
		}
	}
	return nil
}

// Private returns the names of the planned private snaps, with the stores through which the login sees them.
func (p *Plan) Private() map[string]string {
	out := make(map[string]string)
	for _, s := range p.Snaps {
		if listed := p.views.private[s.Listing.Name]; s.Listing.Store != "" && listed.view != nil {
			out[s.Listing.Name] = listed.view.id
		}
	}
	return out
}
