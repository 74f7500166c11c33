package upstreamtest

import (
	"cmp"
	"net/http"
	"slices"
)

// Dashboard returns the handler of the dashboard with the stores of brands. Its answers have the shape of recorded ones.
func (s *Store) Dashboard() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/", s.opts.SSO.logins())
	mux.HandleFunc("GET /dev/api/account", s.serveAccount)
	mux.HandleFunc("POST /dev/api/account/account-key", s.serveRegisterKey)
	mux.HandleFunc("GET /api/v2/stores/{id}", s.serveStore)
	mux.HandleFunc("GET /api/v2/stores/{id}/snaps", s.serveStoreSnaps)
	return s.opts.SSO.faulty(mux)
}

// permitted returns the account of a request whose login has a permission. It answers other requests, and returns nil.
func (s *Store) permitted(w http.ResponseWriter, r *http.Request, permission string) *Account {
	l := s.opts.SSO.login(r.Header.Get("Authorization"))
	switch {
	case s.opts.SSO.refuseLogin(w, l):
		return nil
	case l.account == nil:
		writeListError(w, http.StatusUnauthorized, "macaroon-authorization-required", "Authorization Required")
		return nil
	case !slices.Contains(l.root.Permissions, permission):
		writeListError(w, http.StatusForbidden, "macaroon-permission-required", "Permission is required: "+permission)
		return nil
	}
	return l.account
}

func (s *Store) serveAccount(w http.ResponseWriter, r *http.Request) {
	a := s.permitted(w, r, "package_access")
	if a == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	keys, stores := []object{}, []object{}
	for _, formats := range s.assertions {
		for _, k := range formats {
			if k.Type() == "account-key" && k.HeaderString("account-id") == a.ID {
				keys = append(keys, object{"name": k.HeaderString("name"), "public-key-sha3-384": k.HeaderString("public-key-sha3-384"), "since": k.HeaderString("since")})
			}
		}
	}
	for _, b := range s.stores {
		if roles := b.Roles[a.Email]; len(roles) > 0 {
			stores = append(stores, object{"id": b.ID, "name": b.Name, "roles": roles})
		}
	}
	writeJSON(w, http.StatusOK, object{
		"id": a.ID, "display-name": a.Username, "username": a.Username, "email": a.Email, "validation": "unproven", "account-keys": keys,
		"snaps": object{"16": object{}}, "stores": stores, "account_id": a.ID, "account_keys": keys, "displayname": a.Username,
		"namespace": a.Username, "openid_identifier": "https://login.ubuntu.com/+id/" + a.ID, "short_namespace": a.Username,
	})
}

// administered returns the store of a request by one of its administrators. It answers other requests, and returns nil. The caller holds
// the lock.
func (s *Store) administered(w http.ResponseWriter, r *http.Request, a *Account) *BrandStore {
	b := s.stores[r.PathValue("id")]
	switch {
	case b == nil || len(b.Roles[a.Email]) == 0:
		writeError(w, http.StatusNotFound, "resource-not-found", "Store not found.")
		return nil
	case !slices.Contains(b.Roles[a.Email], "admin"):
		writeError(w, http.StatusForbidden, "user-not-authorized", "The user has no admin role in the store.")
		return nil
	}
	return b
}

func (s *Store) serveStore(w http.ResponseWriter, r *http.Request) {
	a := s.permitted(w, r, "store_admin")
	if a == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if b := s.administered(w, r, a); b != nil {
		writeJSON(w, http.StatusOK, object{"store": b.describe(), "users": []object{{"id": a.ID, "username": a.Username}}, "invites": []object{}})
	}
}

func (b *BrandStore) describe() object {
	return object{
		"id": b.ID, "brand-id": b.Brand, "name": cmp.Or(b.Name, b.ID), "private": true, "parent": orNull(b.Parent), "manual-review-policy": "allow",
		"roles":           []object{{"role": "admin", "label": "Admin", "description": "Admins manage the store's users and roles."}},
		"store-whitelist": []string{}, "allowed-inclusion-source-stores": []string{}, "allowed-inclusion-target-stores": []string{},
		"snap-name-prefixes": []object{},
	}
}

func (s *Store) serveStoreSnaps(w http.ResponseWriter, r *http.Request) {
	a := s.permitted(w, r, "store_admin")
	if a == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.administered(w, r, a)
	if b == nil {
		return
	}
	snaps := []object{}
	for _, e := range s.snaps {
		if e.Store == b.ID || slices.Contains(b.Includes, e.Name) {
			snaps = append(snaps, s.listed(e))
		}
	}
	slices.SortFunc(snaps, func(x, y object) int { return cmp.Compare(x["name"].(string), y["name"].(string)) })
	writeJSON(w, http.StatusOK, object{"store": b.describe(), "snaps": snaps})
}

// listed returns a snap in the list of a store.
func (s *Store) listed(e *entry) object {
	others := []string{}
	for _, b := range s.stores {
		if slices.Contains(b.Includes, e.Name) {
			others = append(others, b.ID)
		}
	}
	slices.Sort(others)
	latest := object{"channel": nil, "timestamp": nil, "version": nil, "revision": nil}
	for at, list := range e.released {
		rel := e.newest(list)
		latest = object{"channel": at.channel.String(), "timestamp": rel.at, "version": e.revisions[rel.revision].Version, "revision": rel.revision}
	}
	return object{
		"id": e.SnapID, "essential": slices.Contains([]string{"snapd", "os", "base"}, e.Type), "name": e.Name, "private": e.Owner != "",
		"users": []object{{"displayname": e.Publisher.DisplayName, "username": e.Publisher.Username, "roles": []string{"owner"}}},
		"store": cmp.Or(e.Store, globalStore), "other-stores": others, "latest-release": latest,
	}
}
