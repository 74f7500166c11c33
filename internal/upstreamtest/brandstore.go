package upstreamtest

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"offlinestore/assertion"
	"offlinestore/internal/assertiontest"
)

// globalStore is the ID of the store that every device sees.
const globalStore = "ubuntu"

// BrandStore is a store of a brand. Its devices, and its members, get its snaps beside the global ones.
type BrandStore struct {
	ID, Name string
	// Brand is the ID of the brand's account. Parent is the ID of the store whose snaps it has, too, or empty.
	Brand, Parent string
	// Roles maps the e-mail addresses of members to their roles: admin, review, view or access.
	Roles map[string][]string
	// Includes are the names of snaps of other stores.
	Includes []string
}

// SetBrandStore adds or replaces a store of a brand.
func (s *Store) SetBrandStore(b BrandStore) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stores[b.ID] = &b
}

// SignStore publishes the store assertion of a store, which allows its devices the snaps of friendly stores.
func (s *Store) SignStore(id, operator string, changes assertiontest.Headers) {
	headers := assertiontest.Headers{"type": "store", "store": id, "operator-id": operator}
	s.AddAssertions(s.Stack.StoreSign(headers, changes))
}

// viewer is the client of a request.
type viewer struct {
	email string // of a user with a valid login, or empty
	store string // the store of the device, or empty
}

// viewer returns the client of a request.
func (s *Store) viewer(r *http.Request) viewer {
	v := viewer{store: r.Header.Get("Snap-Device-Store")}
	if v.store == "" {
		v.store = r.Header.Get("X-Ubuntu-Store") // in version 1 of the API
	}
	if s.opts.SSO == nil {
		return v
	}
	if l := s.opts.SSO.login(r.Header.Get("Authorization")); l.account != nil {
		v.email = l.account.Email
	}
	return v
}

// sees reports whether a client sees a snap. The caller holds the lock.
func (s *Store) sees(v viewer, e *entry) bool {
	switch {
	case e.Owner != "":
		return e.Owner == v.email
	case e.Store == "":
		return true
	}
	b := s.stores[v.store]
	return b != nil && len(b.Roles[v.email]) > 0 && slices.ContainsFunc(s.reach(b), func(at *BrandStore) bool { return at.has(e) })
}

// has reports whether a store has a snap that is not global.
func (b *BrandStore) has(e *entry) bool {
	return e.Store == b.ID || slices.Contains(b.Includes, e.Name)
}

// reach returns the stores of which the devices of b get the snaps: b, its parents, and the friendly stores of its assertion.
func (s *Store) reach(b *BrandStore) (out []*BrandStore) {
	for at := b; at != nil && !slices.Contains(out, at); at = s.stores[at.Parent] {
		out = append(out, at)
	}
	for _, a := range s.assertions[assertion.Ref{Type: "store", PrimaryKey: []string{b.ID}}.Key()] {
		friends, _ := a.Headers()["friendly-stores"].([]any)
		for _, id := range friends {
			if f := s.stores[fmt.Sprint(id)]; f != nil {
				out = append(out, f)
			}
		}
	}
	return out
}

// seesAssertion reports whether a client gets an assertion: one about a snap only if it sees the snap.
func (s *Store) seesAssertion(v viewer, a *assertion.Assertion) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	id := a.HeaderString("snap-id")
	for _, e := range s.snaps {
		if e.Store != "" && e.SnapID == id {
			return s.sees(v, e)
		}
	}
	return true
}

// seesFile reports whether a client gets a file for download.
func (s *Store) seesFile(v viewer, file string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range s.snaps {
		if e.Store != "" && strings.HasPrefix(file, e.SnapID) {
			return s.sees(v, e)
		}
	}
	return true
}
