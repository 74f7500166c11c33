package upstream

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"offlinestore/assertion"
)

// RegisteredKey is a key in the list of an account.
type RegisteredKey struct {
	Name string `json:"name"`
	ID   string `json:"public-key-sha3-384"`
}

// KeyError reports that the dashboard refuses to register a key.
type KeyError struct {
	// Permission is set if the login lacks a permission.
	Permission bool
	Err        error
}

// Error repeats the answer.
func (e *KeyError) Error() string { return fmt.Sprintf("the key is not registered: %v", e.Err) }

// Unwrap returns the answer.
func (e *KeyError) Unwrap() error { return e.Err }

// RegisterKey registers the key of an account-key-request, for the account of the login. It returns a *[KeyError] if the dashboard refuses
// the request.
func (c *Client) RegisterKey(ctx context.Context, a *assertion.Assertion) error {
	body, err := json.Marshal(map[string]string{"account_key_request": string(a.Raw())})
	if err != nil {
		return fmt.Errorf("encode request: %w", err)
	}
	r := request{
		what: "register the key", method: http.MethodPost, header: jsonHeader(), body: body, limit: maxAnswer, creates: true,
		url: c.endpoint(nil, "dev", "api", "account", "account-key"),
	}
	r.header.Set("Content-Type", "application/json")
	_, err = c.call(ctx, r)
	var s *StatusError
	if errors.As(err, &s) && !errors.Is(err, ErrNotStore) && s.Status/100 == 4 && s.Status != http.StatusUnauthorized && s.Status != http.StatusTooManyRequests {
		err = &KeyError{Permission: s.Code == "macaroon-permission-required", Err: err}
	}
	return c.secrets.hide(err)
}
