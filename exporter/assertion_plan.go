package exporter

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"offlinestore/assertion"
	"offlinestore/snap"
	"offlinestore/upstream"
)

// AccountKey names a public key of an account. Account is empty if any account may own it.
type AccountKey struct{ Account, ID string }

// ref returns the reference of the key, or an error if there can be no such key.
func (k AccountKey) ref() (assertion.Ref, error) {
	if _, err := assertion.ParseDigestHeader(k.ID); err != nil {
		return assertion.Ref{}, fmt.Errorf("account-key %.80q: want the SHA3-384 of a public key, 64 letters, digits, - and _", k.ID)
	}
	if k.Account != "" {
		if _, err := assertion.RefFromPath("account", []string{k.Account}); err != nil {
			return assertion.Ref{}, err
		}
	}
	return assertion.RefFromPath("account-key", []string{k.ID})
}

// ValidationSet names a point of a validation set. Sequence is 0 for the latest.
type ValidationSet struct {
	Account, Name string
	Sequence      int
}

// ParseValidationSet parses ACCOUNT/NAME and ACCOUNT/NAME=SEQUENCE, the forms of snapd.
func ParseValidationSet(s string) (ValidationSet, error) {
	name, sequence, pinned := strings.Cut(s, "=")
	var v ValidationSet
	var ok bool
	if v.Account, v.Name, ok = strings.Cut(name, "/"); !ok {
		return v, fmt.Errorf("validation set %.80q: want ACCOUNT/NAME or ACCOUNT/NAME=SEQUENCE", s)
	}
	if !pinned {
		sequence = "1"
	}
	ref, err := assertion.RefFromPath("validation-set", []string{snap.Series, v.Account, v.Name, sequence})
	if err != nil {
		return v, fmt.Errorf("validation set %.80q: %w", s, err)
	}
	if pinned {
		v.Sequence, err = strconv.Atoi(ref.PrimaryKey[3])
	}
	return v, err
}

// String returns the form that ParseValidationSet parses.
func (v ValidationSet) String() string {
	if v.Sequence == 0 {
		return v.Account + "/" + v.Name
	}
	return fmt.Sprintf("%s/%s=%d", v.Account, v.Name, v.Sequence)
}

// Assertion is the plan for an assertion that no snap or charm leads to. The assertions that it needs come with it.
type Assertion struct {
	Ref assertion.Ref
	// item is the part of the request that asks for it.
	item Item
	// account is the account that must own an account-key, if that is known.
	account string
	// snap is the name of the snap that a declaration is about. An export can do without it.
	snap string
	// planned is the assertion itself if the plan depends on it.
	planned *assertion.Assertion
	// stream is filled in by Fetch.
	stream []byte
}

// String returns the name of the assertion for people.
func (a *Assertion) String() string { return a.Ref.Name() }

// announcement returns the name of the assertion in progress messages, in the original's words.
func (a *Assertion) announcement() string {
	if a.snap != "" {
		return "snap declaration for " + a.snap
	}
	return a.String()
}

// addAccountKeys plans the requested keys. It asks for them, so that an unknown key is an error before anything is downloaded.
func (p *planner) addAccountKeys() error {
	for _, k := range p.plan.Request.AccountKeys {
		ref, err := k.ref()
		if err != nil {
			return err
		}
		item := Item{AccountKey: k.ID}
		if p.plan.Request.without(item) {
			continue
		}
		a := &Assertion{Ref: ref, item: item, account: k.Account}
		a.planned, err = p.e.Client.Assertion(p.ctx, ref.Type, ref.PrimaryKey, maxFormat[ref.Type])
		if errors.Is(err, upstream.ErrNotFound) {
			return itemError(item, &MissingError{[]Gap{{Snap: a.String(), Reason: "the store has none"}}})
		}
		if err != nil {
			return itemError(item, &StoreError{err})
		}
		p.plan.Assertions = append(p.plan.Assertions, a)
	}
	return nil
}

// addValidationSets plans the requested validation sets with the snaps that they pin. Of snaps that are required without a revision, it
// plans the requested channels, and nothing if the model plans them.
func (p *planner) addValidationSets() error {
	missing := &ItemError{}
	var gaps []Gap
	var queries []*snapQuery
	pinned := make(map[*Assertion][]assertion.SetSnap)
	for _, v := range p.plan.Request.ValidationSets {
		item := Item{ValidationSet: v.String()}
		if p.plan.Request.without(item) {
			continue
		}
		a, err := p.validationSet(v)
		if errors.Is(err, upstream.ErrNotFound) {
			missing.Items = append(missing.Items, item)
			gaps = append(gaps, Gap{Snap: "validation-set " + v.String(), Reason: "the store has none"})
			continue
		}
		if err != nil {
			return itemError(item, &StoreError{err})
		}
		if slices.ContainsFunc(p.plan.Assertions, func(have *Assertion) bool { return have.Ref.Key() == a.Ref().Key() }) {
			continue // its latest point is also named by number, or a model names it
		}
		set := &Assertion{Ref: a.Ref(), item: item, planned: a}
		snaps, err := a.SetSnaps()
		if err != nil {
			return itemError(item, &StoreError{err})
		}
		found, complete := p.setQueries(set, snaps)
		if !complete {
			continue
		}
		pinned[set], queries = snaps, append(queries, found...)
		p.plan.Assertions = append(p.plan.Assertions, set)
	}
	if len(gaps) > 0 {
		missing.Err = &MissingError{gaps}
		return missing
	}
	if err := p.addSnaps(queries); err != nil {
		return err
	}
	for _, set := range p.plan.Assertions {
		if err := itemError(set.item, p.compareSet(set, pinned[set])); err != nil {
			return err
		}
	}
	return nil
}

func (p *planner) validationSet(v ValidationSet) (*assertion.Assertion, error) {
	key := []string{snap.Series, v.Account, v.Name}
	if v.Sequence == 0 {
		return p.e.Client.LatestPoint(p.ctx, "validation-set", key, maxFormat["validation-set"])
	}
	return p.e.Client.Assertion(p.ctx, "validation-set", append(key, strconv.Itoa(v.Sequence)), maxFormat["validation-set"])
}

// setQueries returns the queries for the snaps of a validation set. A set is left out with any of its snaps, since devices that enforce it
// could not refresh inside; setQueries then reports false.
func (p *planner) setQueries(set *Assertion, snaps []assertion.SetSnap) (out []*snapQuery, complete bool) {
	for _, s := range snaps {
		out = append(out, p.setSnapQueries(set, s)...)
	}
	if name := p.plan.Request.leavesOut(out); name != "" {
		p.plan.LeftOut = append(p.plan.LeftOut, LeftOut{set.item.String(), "it needs the snap " + name + ", which is left out"})
		return nil, false
	}
	return out, true
}

// setSnapQueries returns the queries for a snap of a validation set. Snaps that the set forbids, and snaps that it only allows, are left out.
// If the set pins components, a query without the set comes first: devices without the set get the components of its answer.
func (p *planner) setSnapQueries(set *Assertion, s assertion.SetSnap) (out []*snapQuery) {
	q := snapQuery{name: s.Name, revision: s.Revision, archs: p.plan.Request.Architectures, set: set.Ref.PrimaryKey}
	switch {
	case s.Presence == assertion.PresenceInvalid || s.Revision == 0 && s.Presence == assertion.PresenceOptional:
		return nil
	case s.Revision > 0:
		return withComponents(q, s.Components)
	}
	channels := p.plan.Request.Channels
	if c := p.preferred[s.Name]; c != "" && p.snaps[s.Name] != nil {
		if !pinAny(s.Components) {
			return nil // the model plans it
		}
		channels = []string{c}
	}
	for _, c := range channels {
		q.channel = c
		out = append(out, withComponents(q, s.Components)...)
	}
	return out
}

// withComponents returns a query, preceded by one without the validation set if the set pins some components.
func withComponents(q snapQuery, components []assertion.SetComponent) []*snapQuery {
	if !pinAny(components) {
		return []*snapQuery{&q}
	}
	released := q
	released.set, q.components = nil, components
	return []*snapQuery{&released, &q}
}

// pinAny reports whether a validation set pins some of the components.
func pinAny(components []assertion.SetComponent) bool {
	return slices.ContainsFunc(components, func(c assertion.SetComponent) bool { return c.Revision > 0 })
}

// addFurther adds the components that the validation set of a query pins and that are not released with the revision. answer has the
// components of the store's answer to the query.
func (r *SnapRevision) addFurther(w *snapQuery, answer []snap.Resource) {
	for _, c := range w.components {
		pinned := snap.Revision{Resources: answer}
		res, ok := pinned.Component(c.Name, c.Revision)
		if _, have := r.Component(c.Name, c.Revision); ok && !have {
			r.Further = append(r.Further, res)
		}
	}
}

// compareSet compares a validation set with the planned snaps. It refuses a snap with another snap-id, and reports a component that the
// store releases with another revision than the set pins.
func (p *planner) compareSet(set *Assertion, pinned []assertion.SetSnap) error {
	for _, want := range pinned {
		s := p.snaps[want.Name]
		if s == nil {
			continue
		}
		if err := s.compareID(set.String(), want.SnapID); err != nil {
			return err
		}
		for _, r := range s.Revisions {
			if want.Revision == 0 || r.Revision.Number == want.Revision {
				p.compareComponents(set, r, want)
			}
		}
	}
	return nil
}

// compareID returns an error if an assertion names another snap-id than the store.
func (s *Snap) compareID(assertion, id string) error {
	if s.Listing.SnapID == id {
		return nil
	}
	return storeError("%s names the snap-id %.80q for %s, which is %s in the store", assertion, id, s.Listing.Name, s.Listing.SnapID)
}

func (p *planner) compareComponents(set *Assertion, r *SnapRevision, want assertion.SetSnap) {
	for _, c := range want.Components {
		gap := Gap{Snap: want.Name + "+" + c.Name, Revision: c.Revision, NeededBy: set.String()}
		released, ok := r.Component(c.Name, 0)
		_, pinned := r.Component(c.Name, c.Revision)
		switch {
		case pinned:
			continue
		case !ok && c.Presence == assertion.PresenceRequired:
			gap.Reason = fmt.Sprintf("%s requires it, and revision %d of %s has none", set, r.Revision.Number, want.Name)
		case ok && c.Revision > 0:
			gap.Reason = fmt.Sprintf("%s pins it, and the store releases revision %d", set, released.Revision)
		default:
			continue
		}
		p.plan.Gaps = append(p.plan.Gaps, gap)
	}
}

// verify returns an error if the store's answer does not fit the request.
func (a *Assertion) verify(list []*assertion.Assertion) error {
	i := slices.IndexFunc(list, func(found *assertion.Assertion) bool { return found.Ref().Key() == a.Ref.Key() })
	if i < 0 {
		return storeError("%s: the store's answer lacks it", a)
	}
	if owner := list[i].HeaderString("account-id"); a.account != "" && owner != a.account {
		return fmt.Errorf("%w: %s belongs to the account %s, not to %s", ErrConflict, a, owner, a.account)
	}
	return nil
}
