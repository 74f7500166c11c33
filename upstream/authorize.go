package upstream

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// Authorizer holds the login of a user at the store that a Client was made for. Several goroutines may call its methods at once.
type Authorizer interface {
	// Authorization returns the value of the Authorization header, or "" for a request without a login.
	Authorization() string
	// Refresh replaces old, a value that the store finds too old. It does nothing if old was replaced already.
	Refresh(ctx context.Context, old string) error
}

var (
	// ErrUnauthorized means that the store refuses the login that it got.
	ErrUnauthorized = errors.New("the store refuses the login")
	// ErrAnonymous means that the store demands a login, and got none.
	ErrAnonymous = errors.New("the store demands a login")
)

// InsecureURLError reports a URL to which a secret would cross the network unencrypted.
type InsecureURLError struct{ URL string }

// Error names the URL.
func (e *InsecureURLError) Error() string {
	return e.URL + ": without TLS, anybody on the way could read the login"
}

// validateSecure returns an *InsecureURLError if somebody on the way to u could read requests. Plain HTTP is allowed on this host.
func validateSecure(u *url.URL) error {
	if u.Scheme == "https" || isLocal(u.Host) {
		return nil
	}
	return &InsecureURLError{safe(u)}
}

// authTransport adds the login to the requests for one origin. Each hop of a redirect passes here, so no other host gets the login.
type authTransport struct {
	inner   http.RoundTripper
	origin  *url.URL
	auth    Authorizer
	secrets *secrets
}

func (t *authTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	inner := t.inner
	if inner == nil {
		inner = http.DefaultTransport
	}
	if value := t.auth.Authorization(); value != "" && SameOrigin(r.URL, t.origin) {
		r = r.Clone(r.Context())
		r.Header.Set("Authorization", value)
		t.secrets.addAuthorization(value)
	}
	return inner.RoundTrip(r)
}

// SameOrigin reports whether two URLs have the same scheme, host and port.
func SameOrigin(a, b *url.URL) bool {
	return a.Scheme == b.Scheme && strings.EqualFold(hostPort(a), hostPort(b))
}

func hostPort(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return net.JoinHostPort(u.Hostname(), port)
}

// do sends req. If the store finds the login too old, it refreshes the login and sends req once more.
func (c *Client) do(req *http.Request) (*http.Response, error) {
	resp, err := c.send(req)
	if err != nil || c.auth == nil {
		return resp, err
	}
	old := resp.Request.Header.Get("Authorization") // empty if another host has answered
	if old == "" || !asksForRefresh(resp) {
		return resp, nil
	}
	resp.Body.Close()
	if err := c.auth.Refresh(req.Context(), old); err != nil {
		return nil, err
	}
	again := req.Clone(req.Context())
	if req.GetBody != nil {
		if again.Body, err = req.GetBody(); err != nil {
			return nil, err
		}
	}
	return c.send(again)
}

// refreshCodes are the codes of errors by which the store's APIs ask for a refreshed login.
var refreshCodes = []string{"macaroon-needs-refresh", "user-authorization-needs-refresh"}

// asksForRefresh reports whether an answer asks for a refreshed login. It leaves the body as it was.
func asksForRefresh(resp *http.Response) bool {
	if resp.StatusCode != http.StatusUnauthorized {
		return false
	}
	for _, challenge := range resp.Header.Values("WWW-Authenticate") {
		if strings.Contains(challenge, "needs_refresh=1") {
			return true
		}
	}
	start, err := io.ReadAll(io.LimitReader(resp.Body, maxErrorBody))
	rest := io.Reader(resp.Body)
	if err != nil {
		rest = io.MultiReader() // statusError reads what came
	}
	resp.Body = struct {
		io.Reader
		io.Closer
	}{io.MultiReader(bytes.NewReader(start), rest), resp.Body}
	var list errorList
	if json.Unmarshal(start, &list) != nil {
		return false
	}
	first, _ := list.first()
	return slices.Contains(refreshCodes, first.Code)
}

// refreshed calls ask. If it reports that the login is too old, refreshed refreshes the login and calls ask once more.
func (c *Client) refreshed(ctx context.Context, ask func() (tooOld bool, err error)) error {
	old := ""
	if c.auth != nil {
		old = c.auth.Authorization()
	}
	tooOld, err := ask()
	if err != nil || !tooOld || old == "" {
		return err
	}
	if err := c.auth.Refresh(ctx, old); err != nil {
		return err
	}
	if tooOld, err = ask(); err == nil && tooOld {
		return fmt.Errorf("%w: it finds the refreshed login too old", ErrUnauthorized)
	}
	return err
}
