package upstream

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"offlinestore/macaroons"
)

// The addresses of the services that a login needs: the dashboard of the Snap Store, and Ubuntu SSO.
const (
	DefaultDashboardOrigin = "https://dashboard.snapcraft.io"
	DefaultSSOOrigin       = "https://login.ubuntu.com"
)

// NewLogin returns a client of the dashboard or of Ubuntu SSO. It sends passwords, so it demands TLS, follows no redirect, and sends no
// request twice: an account may be locked after wrong passwords.
func NewLogin(cfg Config) (*Client, error) {
	cfg.Retries = -1
	c, err := New(cfg)
	if err != nil {
		return nil, err
	}
	if err := validateSecure(c.origin); err != nil {
		return nil, err
	}
	c.who = whoLogin
	c.http.CheckRedirect = func(r *http.Request, _ []*http.Request) error {
		return redirectError("redirected to " + clean(r.URL.Host) + ": a login follows no redirect")
	}
	return c, nil
}

// Host returns the host of the client's origin, with its port. It is the location of caveats that Ubuntu SSO discharges.
func (c *Client) Host() string { return c.origin.Host }

// ErrCandid means that the store asks for a login by Candid, the former service for logins in a browser. It was shut down in 2026.
var ErrCandid = errors.New("the store asks for a login by Candid, which was shut down in 2026")

// MacaroonRequest describes the root macaroon of a login.
type MacaroonRequest struct {
	Permissions []string  `json:"permissions"`
	Description string    `json:"description"`
	Expires     time.Time `json:"expires"`
}

// RequestMacaroon asks the dashboard for a root macaroon, and returns it with the ID of the caveat that the host sso discharges.
func (c *Client) RequestMacaroon(ctx context.Context, req MacaroonRequest, sso string) (root, caveat string, err error) {
	var answer struct{ Macaroon string }
	if err := c.post(ctx, "ask for a login", c.endpoint(nil, "dev", "api", "acl")+"/", &req, &answer); err != nil {
		return "", "", err
	}
	m, err := macaroons.Parse(answer.Macaroon)
	if err != nil {
		return "", "", fmt.Errorf("%s: the answer is %w", c.origin.Host, err)
	}
	if caveat, ok := macaroons.ThirdParty(m, sso); ok {
		return answer.Macaroon, caveat, nil
	}
	for _, caveat := range m.Caveats() {
		if len(caveat.VerificationId) > 0 && strings.Contains(caveat.Location, "/identity") {
			return "", "", fmt.Errorf("%s: %w", c.origin.Host, ErrCandid)
		}
	}
	return "", "", fmt.Errorf("%s: the store asks for no login at %s", c.origin.Host, sso)
}

// DischargeRequest asks Ubuntu SSO to confirm a login. OTP is the one-time password, if the account needs one.
type DischargeRequest struct {
	Email    string `json:"email"`
	Password string `json:"password"`
	OTP      string `json:"otp,omitempty"`
	CaveatID string `json:"caveat_id"`
}

// Discharge returns the discharge of a caveat. It returns a *[LoginError] if Ubuntu SSO refuses the login.
func (c *Client) Discharge(ctx context.Context, req DischargeRequest) (string, error) {
	c.secrets.addLogin(req.Email, req.Password)
	c.secrets.addSecret(req.OTP)
	discharge, err := c.discharge(ctx, "log in", &req, "discharge")
	if err != nil {
		return "", err
	}
	if m, err := macaroons.Parse(discharge); err != nil || string(m.Id()) != req.CaveatID {
		return "", fmt.Errorf("%s: the answer is for another login", c.origin.Host)
	}
	return discharge, nil
}

// RefreshDischarge returns a discharge that is good for longer. It returns a *[LoginError] if Ubuntu SSO demands a new login.
func (c *Client) RefreshDischarge(ctx context.Context, discharge string) (string, error) {
	c.secrets.addSecret(discharge)
	req := struct {
		Discharge string `json:"discharge_macaroon"`
	}{discharge}
	return c.discharge(ctx, "refresh the login", &req, "refresh")
}

func (c *Client) discharge(ctx context.Context, what string, req any, path string) (string, error) {
	var answer struct {
		Discharge string `json:"discharge_macaroon"`
	}
	if err := c.post(ctx, what, c.endpoint(nil, "api", "v2", "tokens", path), req, &answer); err != nil {
		return "", loginError(err)
	}
	if _, err := macaroons.Parse(answer.Discharge); err != nil {
		return "", fmt.Errorf("%s: the answer is %w", c.origin.Host, err)
	}
	return answer.Discharge, nil
}

// post sends a message, and fills answer from the answer.
func (c *Client) post(ctx context.Context, what, url string, message, answer any) error {
	body, err := json.Marshal(message)
	if err != nil {
		return fmt.Errorf("encode request: %w", err)
	}
	r := request{what: what, method: http.MethodPost, header: jsonHeader(), body: body, url: url}
	r.header.Set("Content-Type", "application/json")
	return c.secrets.hide(c.getJSON(ctx, r, answer))
}

func jsonHeader() http.Header { return http.Header{"Accept": {"application/json"}} }

// Account describes the owner of a login, and the limits of the login.
type Account struct {
	Account struct {
		ID          string `json:"id"`
		Email       string `json:"email"`
		Username    string `json:"username"`
		DisplayName string `json:"name"`
	} `json:"account"`
	Permissions []string `json:"permissions"`
	// Channels, Packages and StoreIDs are nil if the login is good for all.
	Channels []string  `json:"channels"`
	Packages []Package `json:"packages"`
	StoreIDs []string  `json:"store_ids"`
	Expires  string    `json:"expires"`
}

// Package names a snap that a login is limited to.
type Package struct {
	Name   string `json:"name"`
	SnapID string `json:"snap_id"`
}

// WhoAmI asks the dashboard whose login the client has.
func (c *Client) WhoAmI(ctx context.Context) (*Account, error) {
	var a Account
	r := request{what: "ask whose login this is", method: http.MethodGet, header: jsonHeader(), url: c.endpoint(nil, "api", "v2", "tokens", "whoami")}
	if err := c.getJSON(ctx, r, &a); err != nil {
		return nil, err
	}
	return &a, nil
}
