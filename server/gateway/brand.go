package gateway

import (
	"errors"
	"net/http"
	"slices"
	"time"

	"offlinestore/assertion"
	"offlinestore/catalog"
	"offlinestore/server/gateway/api"
)

// account returns the account of the brand that a request names. The store knows it by its assertion.
func (g *gateway) account(r *request) (*assertion.Assertion, error) {
	id := r.PathValue("brand")
	a, err := (*assertion.Assertion)(nil), error(assertion.ErrNotFound)
	if isPrimaryKey(id) {
		a, err = g.Store.Assertion(r.Context(), assertion.Ref{Type: "account", PrimaryKey: []string{id}})
	}
	if errors.Is(err, assertion.ErrNotFound) {
		return nil, &requestError{http.StatusNotFound, api.CodeNotFound,
			"this store has no account assertion of a brand " + quote(id) + ": push the export of its store, or of its account-keys"}
	}
	return a, err
}

// quote returns a text from a request for a message.
func quote(s string) string {
	const most = 100
	if len(s) > most {
		s = s[:most] + "…"
	}
	return `"` + s + `"`
}

func (g *gateway) brand(r *request) (any, error) {
	a, err := g.account(r)
	if err != nil {
		return nil, err
	}
	created, _ := time.Parse(time.RFC3339, a.HeaderString("timestamp")) // assertions have a valid one
	self := api.Account{DisplayName: a.HeaderString("display-name"), ID: a.HeaderString("account-id"), Username: a.HeaderString("username"), Validation: a.HeaderString("validation")}
	return api.Brand{AccountID: self.ID, Name: self.DisplayName, CreatedAt: created.UTC(), CreatedBy: self}, nil
}

// exchange exchanges the token of an administrator for a macaroon.
func (g *gateway) exchange(w http.ResponseWriter, r *http.Request) {
	var req api.ExchangeRequest
	if err := readJSON(w, r, &req); err != nil {
		g.fail(w, r, err)
		return
	}
	text, refusal := g.Admin.Exchange(r, req.Macaroon)
	if refusal != nil {
		g.refuse(w, r, refusal)
		return
	}
	g.write(w, http.StatusOK, api.ExchangeAnswer{Macaroon: text})
}

// The rights of an administrator at a brand, as whoami lists them. The Snap Store has these names for the two that read logs.
var (
	readRights   = []string{"read-brand", "read-model", "read-remodel-allowlist", "read-serial-log", "read-serial-policy", "read-signing-key"}
	changeRights = []string{"manage-model", "manage-remodel-allowlist", "manage-serial-policy", "manage-signing-key"}
)

func (g *gateway) whoami(r *request) (any, error) {
	brands, err := g.Store.Brands(r.Context())
	if err != nil {
		return nil, err
	}
	rights := readRights
	if slices.Contains(r.login.Roles, catalog.RoleModelAdministrator) {
		rights = slices.Concat(changeRights, readRights)
	}
	out := api.Whoami{Account: person(r.login.Email), BrandPermissions: map[string][]string{}, Permissions: []string{},
		Roles: r.login.Roles, Expires: r.login.ExpiresAt.UTC()}
	for _, id := range brands {
		out.BrandPermissions[id] = rights
	}
	return out, nil
}
