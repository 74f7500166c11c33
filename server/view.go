package server

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"

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

// newView returns a view with some private snaps beside the ones that everybody sees, or with all of them.
func newView(c *content, seen map[string]bool, all bool) *index {
	ix := &index{content: c, seen: seen, all: all, shown: c.global.snaps, revisions: c.global.revisions, hasFeatured: c.global.featured > 0}
	own := snapCounts{categories: make(map[string]int)}
	for _, e := range c.private {
		if ix.sees(e) {
			own.add(e, 1)
		}
	}
	ix.shown, ix.revisions, ix.hasFeatured = ix.shown+own.snaps, ix.revisions+own.revisions, ix.hasFeatured || own.featured > 0
	ix.categories = sortedNames(c.global.categories, own.categories)
	// Devices ask for the names once a day.
	ix.names = sync.OnceValue(func() []*nameEntry { return listNames(ix) })
	ix.addGates()
	return ix
}

// addViews makes the views of stores.
func (b *builder) addViews(list []catalog.Store, base *index) {
	b.everything, b.stores = base, make(map[string]storeView)
	if len(b.private)+len(b.hidden) > 0 {
		b.everything = newView(b.content, nil, true)
	}
	stores := make(map[string]*catalog.Store, len(list))
	for i := range list {
		stores[list[i].ID] = &list[i]
	}
	friends := base.friendlyStores()
	for id := range friends { // a store without snaps of its own may have friendly ones
		if stores[id] == nil {
			stores[id] = &catalog.Store{ID: id}
		}
	}
	delete(stores, "") // the store of devices that name none
	for id, store := range stores {
		seen := catalog.VisibleSnaps(stores, id, friends[id])
		delete(seen, unreadable)
		if b.hasOwn(seen) {
			b.stores[id] = storeView{newView(b.content, seen, false), store.BrandID}
		}
	}
}

// hasOwn reports whether those who see some private snaps see something that others do not.
func (b *builder) hasOwn(seen map[string]bool) bool {
	if slices.ContainsFunc(b.private, func(e *snapEntry) bool { return seen[e.id] }) {
		return true
	}
	for _, ids := range b.hidden {
		if !slices.ContainsFunc(ids, func(id string) bool { return !seen[id] }) {
			return true
		}
	}
	return false
}

// friendlyStores returns the friendly stores that store assertions name, by the ID of the store.
func (ix *index) friendlyStores() map[string][]string {
	friends := make(map[string][]string)
	for _, a := range ix.special {
		if a.typ == "store" {
			friends[a.key[0]] = append(friends[a.key[0]], catalog.FriendlyStores(a.kept)...)
		}
	}
	return friends
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
