package upstream

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"offlinestore/assertion"
	"offlinestore/snap"
)

// GlobalStore is the ID of the store whose snaps every device sees.
const GlobalStore = "ubuntu"

// ValidateStoreID returns an error if id is not the ID of a store of a brand.
func ValidateStoreID(id string) error {
	if id == GlobalStore {
		return fmt.Errorf("store %s: it is the global store, and not a brand's", id)
	}
	return snap.ValidateStoreID(id)
}

// NewDashboard returns a client of the dashboard. It demands TLS, and follows no redirect, since its answers are only for the login.
func NewDashboard(cfg Config) (*Client, error) {
	retries := cfg.Retries
	c, err := NewLogin(cfg)
	if err != nil {
		return nil, err
	}
	c.who = whoDashboard
	if c.retries = retries; retries == 0 {
		c.retries = defaultRetries
	}
	return c, nil
}

// RoleError reports that the dashboard refuses a login a store, or its account.
type RoleError struct {
	// Store is empty if the login may not read its account.
	Store string
	// Permission is set if the login lacks a permission, and not its account a role.
	Permission bool
	Err        error
}

// Error names the store and the answer.
func (e *RoleError) Error() string {
	if e.Store == "" {
		return fmt.Sprintf("the login may not read its account: %v", e.Err)
	}
	if e.Permission {
		return fmt.Sprintf("store %s: the login may not read stores: %v", e.Store, e.Err)
	}
	return fmt.Sprintf("store %s: there is none, or the login does not administer it: %v", e.Store, e.Err)
}

// Unwrap returns the answer.
func (e *RoleError) Unwrap() error { return e.Err }

// StoreAccount identifies the account of a login.
type StoreAccount struct {
	ID string `json:"id"`
	// OlderID is the ID under the name of older answers.
	OlderID string `json:"account_id"`
	// Keys are the registered keys of the account, and OlderKeys the same under the name of older answers.
	Keys      []RegisteredKey `json:"account-keys"`
	OlderKeys []RegisteredKey `json:"account_keys"`
}

// StoreAccount asks the dashboard for the account of the login.
func (c *Client) StoreAccount(ctx context.Context) (*StoreAccount, error) {
	var a StoreAccount
	r := request{what: "ask for the account of the login", method: http.MethodGet, header: jsonHeader(), url: c.endpoint(nil, "dev", "api", "account")}
	if err := c.getJSON(ctx, r, &a); err != nil {
		return nil, c.secrets.hide(roleError("", err))
	}
	a.ID = cmp.Or(a.ID, a.OlderID)
	if a.Keys == nil {
		a.Keys = a.OlderKeys
	}
	if err := validateAccountID(a.ID); err != nil {
		return nil, c.secrets.hide(fmt.Errorf("the account of the login: %w", err))
	}
	return &a, nil
}

// BrandStore describes a store of a brand.
type BrandStore struct {
	ID      string `json:"id"`
	Name    string `json:"name"`
	BrandID string `json:"brand-id"`
	// Parent is the ID of the store whose snaps the devices of this one get, too, or empty.
	Parent string `json:"parent"`
	// Snaps are the snaps of the store, and the ones of other stores that it includes.
	Snaps []StoreSnap `json:"-"`
}

// StoreSnap is a snap in the list of a store.
type StoreSnap struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	// Store is the ID of the store that the snap belongs to.
	Store   string `json:"store"`
	Private bool   `json:"private"`
	// Latest is the newest release: an object whose revision is null, or null, for a snap without one.
	Latest json.RawMessage `json:"latest-release"`
}

// IsGlobal reports whether every device sees the snap.
func (s *StoreSnap) IsGlobal() bool { return s.Store == GlobalStore && !s.Private }

// IsReleased reports whether some channel holds a revision of the snap. It is true if the list does not tell.
func (s *StoreSnap) IsReleased() bool {
	var latest struct {
		Revision int `json:"revision"`
	}
	return s.Latest == nil || json.Unmarshal(s.Latest, &latest) == nil && latest.Revision > 0
}

// BrandStore asks the dashboard for a store with its snaps. It returns a *[RoleError] if the login does not administer the store.
func (c *Client) BrandStore(ctx context.Context, id string) (*BrandStore, error) {
	if err := ValidateStoreID(id); err != nil {
		return nil, err
	}
	b, err := c.brandStore(ctx, id)
	return b, c.secrets.hide(err)
}

func (c *Client) brandStore(ctx context.Context, id string) (*BrandStore, error) {
	var about, list struct {
		Store BrandStore   `json:"store"`
		Snaps *[]StoreSnap `json:"snaps"`
	}
	r := request{what: "store " + id, method: http.MethodGet, header: jsonHeader(), url: c.endpoint(nil, "api", "v2", "stores", id)}
	if err := c.getJSON(ctx, r, &about); err != nil {
		return nil, roleError(id, err)
	}
	r.url = c.endpoint(nil, "api", "v2", "stores", id, "snaps")
	if err := c.getJSON(ctx, r, &list); err != nil {
		return nil, roleError(id, err)
	}
	for _, got := range []string{about.Store.ID, cmp.Or(list.Store.ID, id)} { // the list need not repeat the store
		if got != id {
			return nil, fmt.Errorf("store %s: the dashboard answered about %.60q", id, got)
		}
	}
	if list.Snaps == nil {
		return nil, fmt.Errorf("store %s: the answer has no list of snaps", id) // an empty one would take all snaps out of the store inside
	}
	b := &about.Store
	b.Snaps = *list.Snaps
	return b, b.validate()
}

// roleError returns err as a *RoleError if it refuses a store.
func roleError(id string, err error) error {
	var s *StatusError
	if !errors.As(err, &s) || errors.Is(err, ErrNotStore) || s.Status != http.StatusForbidden && s.Status != http.StatusNotFound {
		return err
	}
	return &RoleError{Store: id, Permission: s.Code == "macaroon-permission-required", Err: err}
}

// validateAccountID returns an error if no account can have an ID.
func validateAccountID(id string) error {
	_, err := assertion.RefFromPath("account", []string{id})
	return err
}

// validate returns an error if the dashboard's answer names something that cannot be.
func (b *BrandStore) validate() error {
	if err := validateAccountID(b.BrandID); err != nil {
		return fmt.Errorf("store %s: brand: %w", b.ID, err)
	}
	if b.Parent != "" && b.Parent != GlobalStore {
		if err := ValidateStoreID(b.Parent); err != nil {
			return fmt.Errorf("store %s: parent: %w", b.ID, err)
		}
	}
	seen := make(map[string]bool, len(b.Snaps))
	for _, s := range b.Snaps {
		if err := errors.Join(snap.ValidateName(s.Name), snap.ValidateID(s.ID)); err != nil {
			return fmt.Errorf("store %s: %w", b.ID, err)
		}
		if s.Store != GlobalStore {
			if err := ValidateStoreID(s.Store); err != nil {
				return fmt.Errorf("store %s: snap %s: %w", b.ID, s.Name, err)
			}
		}
		if seen[s.Name] || seen[s.ID] {
			return fmt.Errorf("store %s: snap %s: listed twice", b.ID, s.Name)
		}
		seen[s.Name], seen[s.ID] = true, true
	}
	return nil
}

// ForStore returns a client of the Snap Store that asks on behalf of the devices of a brand's store. Other hosts don't learn the store.
func (c *Client) ForStore(id string) *Client {
	inside := *c
	h := *c.http
	h.Transport = &storeTransport{h.Transport, c, id}
	inside.http = &h
	return &inside
}

// storeTransport adds the ID of a store to the requests for the client's origin.
type storeTransport struct {
	inner  http.RoundTripper
	client *Client
	id     string
}

// RoundTrip adds the headers of both versions of the API.
func (t *storeTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	inner := t.inner
	if inner == nil {
		inner = http.DefaultTransport
	}
	r = r.Clone(r.Context())
	for _, name := range []string{snap.HeaderStore, headerStoreV1} {
		r.Header.Del(name) // of a redirect
		if SameOrigin(r.URL, t.client.origin) {
			r.Header.Set(name, t.id)
		}
	}
	return inner.RoundTrip(r)
}

// headerStoreV1 is the header of version 1 of the API for the device's store.
const headerStoreV1 = "X-Ubuntu-Store"
