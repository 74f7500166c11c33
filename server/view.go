package server

import (
	"errors"
	"net/http"
	"slices"
	"strings"

	"offlinestore/catalog"
	"offlinestore/session"
)

// views holds the catalogue as some see it. An index for some has none.
type views struct {
	// stores has a view for the devices of each store that get private snaps.
	stores map[string]storeView
	// everything has all private snaps, for operators. Nobody else is given it.
	everything *index
}

// storeView is the catalogue as the devices of a store see it.
type storeView struct {
	*index
	// brand is the account of the devices' brand, or empty if any brand may name the store.
	brand string
}

// of returns the catalogue as a device sees it. A device that is not proven sees as much as everybody, and so does a device of another brand,
// whose model may name any store.
func (ix *index) of(d session.Device) *index {
	v, ok := ix.stores[d.Store]
	if !ok || !d.IsProven() || v.brand != "" && v.brand != d.Brand {
		return ix
	}
	return v.index
}

// storesOfAnyBrand returns the stores whose brand is unknown, sorted.
func (ix *index) storesOfAnyBrand() (ids []string) {
	for id, v := range ix.stores {
		if v.brand == "" {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

// addViews makes the views of stores.
func (ix *index) addViews(list []catalog.Store, private privateSnaps, hidden []hiddenAssertion) (err error) {
	if ix.everything, err = ix.with(private, hidden); err != nil {
		return err
	}
	ix.stores = make(map[string]storeView)
	stores := make(map[string]*catalog.Store, len(list))
	for i := range list {
		stores[list[i].ID] = &list[i]
	}
	friends := ix.friendlyStores()
	for id := range friends { // a store without snaps of its own may have friendly ones
		if stores[id] == nil {
			stores[id] = &catalog.Store{ID: id}
		}
	}
	delete(stores, "") // the store of devices that name none
	for id, store := range stores {
		seen := catalog.VisibleSnaps(stores, id, friends[id])
		delete(seen, unreadable)
		mine := privateSnaps(slices.DeleteFunc(slices.Clone(private), func(sn *indexedSnap) bool { return !seen[sn.SnapID] }))
		isHidden := func(a hiddenAssertion) bool {
			return slices.ContainsFunc(a.snaps, func(id string) bool { return !seen[id] })
		}
		shown := slices.DeleteFunc(slices.Clone(hidden), isHidden)
		if len(mine)+len(shown) == 0 {
			continue
		}
		view, err := ix.with(mine, shown)
		if err != nil {
			return err
		}
		ix.stores[id] = storeView{view, store.BrandID}
	}
	return nil
}

// friendlyStores returns the friendly stores that store assertions name, by the ID of the store.
func (ix *index) friendlyStores() map[string][]string {
	friends := make(map[string][]string)
	for _, list := range ix.assertions.own {
		if list[0].Type != "store" {
			continue
		}
		id := list[0].PrimaryKey[0]
		friends[id] = append(friends[id], catalog.FriendlyStores(list[0].Raw)...)
	}
	return friends
}

// with returns a view with private snaps beside what everybody sees. It shares everything else with ix.
func (ix *index) with(snaps privateSnaps, hidden []hiddenAssertion) (*index, error) {
	v := *ix
	v.views = views{}
	v.byName, v.byID, v.channels = ix.byName.above(), ix.byID.above(), ix.channels.above()
	v.files, v.icons, v.gates, v.approved = ix.files.above(), ix.icons.above(), ix.gates.above(), ix.approved.above()
	v.assertions, v.sequences = ix.assertions.above(), ix.sequences.above()
	v.snaps = slices.Clone(ix.snaps)
	for _, sn := range snaps {
		v.addSnap(sn)
	}
	for _, a := range hidden {
		v.addAssertion(a.indexedAssertion)
	}
	v.arrange()
	return &v, v.arrangeAssertions()
}

// requireView returns the catalogue as the sender of a request sees it, or answers the request with an error and returns false. A session takes
// precedence over a token.
func (s *Server) requireView(w http.ResponseWriter, r *http.Request, ix *index) (*index, bool) {
	if s.cfg.Operator {
		return ix.everything, true
	}
	if _, found := sessionOf(r.Header); found {
		device, ok := s.requireSession(w, r)
		return ix.of(device), ok
	}
	token := tokenOf(r.Header)
	if token == "" {
		return ix, true
	}
	store, err := s.settings.Load().keys.OpenToken(token, s.cfg.Now())
	switch v, ok := ix.stores[store]; {
	case errors.Is(err, session.ErrExpired):
		w.Header().Set("WWW-Authenticate", "Macaroon")
		s.fail(w, r, http.StatusUnauthorized, codeToken, "the token for images has expired: the operator of this store makes another one")
		return nil, false
	case err == nil && ok:
		return v.index, true
	}
	return ix, true // users have credentials of other stores
}

// tokenOf returns the credentials in the header Authorization that may be a token of this store, or nothing.
func tokenOf(h http.Header) string {
	text := h.Get("Authorization")
	for _, scheme := range []string{"Macaroon ", "Bearer "} {
		if token, ok := strings.CutPrefix(text, scheme); ok && !strings.ContainsAny(token, `" ,`) {
			return token
		}
	}
	return ""
}
