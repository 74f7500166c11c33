package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	admin "offlinestore/server/admin/api"
)

// ErrNone reports that the administration of a store has no publisher gateway, because it is an older one.
var ErrNone = errors.New("the store has no publisher gateway")

// Client administers the models of a store. It returns the same errors as the administration's client: a *[admin.RefusalError]
// has the code of a refusal.
type Client struct{ store *admin.Client }

// NewClient returns the client of the gateway at a store.
func NewClient(store *admin.Client) *Client { return &Client{store} }

// Open returns the client of the gateway of a store at which the user has logged in.
func Open(rawURL string) (*Client, error) {
	store, err := admin.Open(rawURL)
	if err != nil {
		return nil, err
	}
	return NewClient(store), nil
}

// URL returns the URL of the store's administration in its canonical form.
func (c *Client) URL() string { return c.store.URL() }

// Exchange exchanges the token of an administrator for a login, and saves it in a file of the user's. The login belongs to the account in
// the answer.
func (c *Client) Exchange(ctx context.Context, email, token string) (*Whoami, error) {
	var answer ExchangeAnswer
	err := c.store.Send(ctx, http.MethodPost, Path+"/v1/tokens/offline/exchange", ExchangeRequest{token}, &answer)
	if err != nil {
		return nil, typed(err)
	}
	if err := c.store.SaveMacaroon(email, answer.Macaroon); err != nil {
		return nil, err
	}
	who, err := c.Whoami(ctx)
	if err != nil {
		return nil, err
	}
	if real := who.Account.Email; real != "" && real != email { // the token belongs to another administrator than the named one
		return who, c.store.SaveMacaroon(real, answer.Macaroon)
	}
	return who, nil
}

// Whoami describes the login.
func (c *Client) Whoami(ctx context.Context) (*Whoami, error) {
	var out Whoami
	return &out, c.get(ctx, &out, "/v1/tokens/whoami", nil)
}

// Brand returns the account of a brand.
func (c *Client) Brand(ctx context.Context, brand string) (*Brand, error) {
	var out Brand
	return &out, c.get(ctx, &out, inBrand(brand), nil)
}

// Models lists the models of a brand.
func (c *Client) Models(ctx context.Context, brand string) ([]Model, error) {
	var out []Model
	err := c.get(ctx, &out, inBrand(brand, "model"), nil)
	return out, err
}

// CreateModel makes a model. Its series is [Series] if none is given.
func (c *Client) CreateModel(ctx context.Context, brand string, req CreateModelRequest) (*Model, error) {
	if req.Series == "" {
		req.Series = Series
	}
	var out Model
	return &out, c.call(ctx, http.MethodPost, inBrand(brand, "model"), req, &out)
}

// UpdateModel changes the API key of a model. Devices need none if it is nil.
func (c *Client) UpdateModel(ctx context.Context, brand, model string, apiKey *string) (*Model, error) {
	var out Model
	return &out, c.call(ctx, http.MethodPatch, inBrand(brand, "model", model), UpdateModelRequest{apiKey}, &out)
}

// DeleteModel deletes a model with its policies. Only this store has the call.
func (c *Client) DeleteModel(ctx context.Context, brand, model string) error {
	return c.call(ctx, http.MethodDelete, inBrand(brand, "model", model), nil, nil)
}

// SerialPolicies lists the policies of a model, the active one first.
func (c *Client) SerialPolicies(ctx context.Context, brand, model string) ([]SerialPolicy, error) {
	var out []SerialPolicy
	err := c.get(ctx, &out, inBrand(brand, "model", model, "serial_policy"), nil)
	return out, err
}

// CreateSerialPolicy makes the next policy of a model: a key signs the serials from now on.
func (c *Client) CreateSerialPolicy(ctx context.Context, brand, model, key string) (*SerialPolicy, error) {
	var out SerialPolicy
	return &out, c.call(ctx, http.MethodPost, inBrand(brand, "model", model, "serial_policy"), CreateSerialPolicyRequest{key}, &out)
}

// DeleteSerialPolicy deletes a revision of a model's policy. If it was the active one, the one before becomes active.
func (c *Client) DeleteSerialPolicy(ctx context.Context, brand, model string, revision int) error {
	return c.call(ctx, http.MethodDelete, inBrand(brand, "model", model, "serial_policy", strconv.Itoa(revision)), nil, nil)
}

// SigningKeys lists the keys of a brand.
func (c *Client) SigningKeys(ctx context.Context, brand string) ([]SigningKey, error) {
	var out []SigningKey
	err := c.get(ctx, &out, inBrand(brand, "signing_key"), nil)
	return out, err
}

// CreateSigningKey makes a key on the store's token, which may take minutes.
func (c *Client) CreateSigningKey(ctx context.Context, brand, name string) (*SigningKey, error) {
	var out SigningKey
	patient := Client{c.store.Patient()}
	return &out, patient.call(ctx, http.MethodPost, inBrand(brand, "signing_key"), CreateSigningKeyRequest{name}, &out)
}

// DeleteSigningKey deletes a key that no policy uses, also from the token.
func (c *Client) DeleteSigningKey(ctx context.Context, brand, key string) error {
	return c.call(ctx, http.MethodDelete, inBrand(brand, "signing_key", key), nil, nil)
}

// KeyRequest returns the account-key-request of a key, signed by the key itself, with which the brand registers it. Only this store has
// the call.
func (c *Client) KeyRequest(ctx context.Context, brand, key string) (text []byte, err error) {
	err = c.get(ctx, &text, inBrand(brand, "signing_key", key, "key-request"), nil)
	return text, err
}

// SerialLogQuery asks for a page of the log.
type SerialLogQuery struct {
	// Start and End bound the times of the entries; either may be zero.
	Start, End time.Time
	// PageSize is the number of entries, or 0 for the store's choice, and Cursor the one of the page before.
	PageSize int
	Cursor   string
}

// SerialLog returns a page of the serials that were signed for a model.
func (c *Client) SerialLog(ctx context.Context, brand, model string, q SerialLogQuery) (*SerialLog, error) {
	v := page(q.PageSize, q.Cursor)
	for name, t := range map[string]time.Time{"start-time": q.Start, "end-time": q.End} {
		if !t.IsZero() {
			v.Set(name, t.UTC().Format(time.RFC3339Nano))
		}
	}
	var out SerialLog
	return &out, c.get(ctx, &out, inBrand(brand, "model", model, "serial-log"), v)
}

// SerialLogOf returns the assertions that were signed for one device, with the serial and its request if full is true.
func (c *Client) SerialLogOf(ctx context.Context, brand, model, serial string, full bool) (*SerialLog, error) {
	v := url.Values{}
	if full {
		v.Set("include-serial-assertion", "true")
		v.Set("include-serial-request-assertion", "true")
	}
	var out SerialLog
	return &out, c.get(ctx, &out, inBrand(brand, "model", model, "serial", serial, "serial-log"), v)
}

// RemodelQuery asks for a page of the allow-list. FromModel and ToModel narrow it.
type RemodelQuery struct {
	FromModel, ToModel string
	PageSize           int
	Cursor             string
}

// RemodelAllowlist returns a page of the allow-list of a brand.
func (c *Client) RemodelAllowlist(ctx context.Context, brand string, q RemodelQuery) (*RemodelAllowlist, error) {
	v := page(q.PageSize, q.Cursor)
	for name, s := range map[string]string{"from-model": q.FromModel, "to-model": q.ToModel} {
		if s != "" {
			v.Set(name, s)
		}
	}
	var out RemodelAllowlist
	return &out, c.get(ctx, &out, inBrand(brand, "remodel-allowlist"), v)
}

// AllowRemodels adds entries to the allow-list: all, or none.
func (c *Client) AllowRemodels(ctx context.Context, brand string, list []RemodelEntry) ([]Remodel, error) {
	return c.changeRemodels(ctx, http.MethodPost, inBrand(brand, "remodel-allowlist"), list)
}

// UpdateRemodels changes the descriptions of entries.
func (c *Client) UpdateRemodels(ctx context.Context, brand string, list []RemodelEntry) ([]Remodel, error) {
	return c.changeRemodels(ctx, http.MethodPatch, inBrand(brand, "remodel-allowlist"), list)
}

// DisallowRemodels deletes entries, and returns them.
func (c *Client) DisallowRemodels(ctx context.Context, brand string, list []RemodelEntry) ([]Remodel, error) {
	return c.changeRemodels(ctx, http.MethodPost, inBrand(brand, "remodel-allowlist", "delete"), list)
}

func (c *Client) changeRemodels(ctx context.Context, method, path string, list []RemodelEntry) ([]Remodel, error) {
	var out RemodelAllowlist
	err := c.call(ctx, method, path, RemodelRequest{list}, &out)
	return out.Allowlist, err
}

func page(size int, cursor string) url.Values {
	v := url.Values{}
	if size > 0 {
		v.Set("page-size", strconv.Itoa(size))
	}
	if cursor != "" {
		v.Set("cursor", cursor)
	}
	return v
}

// inBrand returns the path of something of a brand.
func inBrand(brand string, parts ...string) string {
	path := "/v1/brand/" + url.PathEscape(brand)
	for _, p := range parts {
		path += "/" + url.PathEscape(p)
	}
	return path
}

func (c *Client) get(ctx context.Context, answer any, path string, query url.Values) error {
	if len(query) > 0 {
		path += "?" + query.Encode()
	}
	return c.call(ctx, http.MethodGet, path, nil, answer)
}

func (c *Client) call(ctx context.Context, method, path string, body, answer any) error {
	return typed(c.store.Call(ctx, method, Path+path, body, answer))
}

// typed adds ErrNone to the answer of a store without a gateway.
func typed(err error) error {
	if r, ok := errors.AsType[*admin.RefusalError](err); ok && r.Status == http.StatusNotFound && !r.Gateway {
		return fmt.Errorf("%w: %w", ErrNone, err)
	}
	return err
}
