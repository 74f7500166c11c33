package remote

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"gopkg.in/macaroon.v2"

	"offlinestore/blob"
	"offlinestore/cmd/internal/cli"
	"offlinestore/server/admin/api"
)

const (
	// maxAnswer is the largest answer that is read, in bytes.
	maxAnswer = 16 << 20
	timeout   = time.Minute
)

// Client is a store's administration, as somebody who has logged in.
type Client struct {
	http *http.Client
	url  *url.URL
	path string
}

// refused is an answer that is not 200.
type refused struct {
	status  int
	refresh bool
	message string
}

// Error is what the store says.
func (e *refused) Error() string { return fmt.Sprintf("the store says: %s (%d)", e.message, e.status) }

func newClient(rawURL string) (*Client, error) {
	u, err := parseURL(rawURL)
	if err != nil {
		return nil, err
	}
	path, err := pathOf(u)
	if err != nil {
		return nil, err
	}
	return &Client{url: u, path: path}, nil
}

// trust makes connections be checked with the CA, or the system's if it is empty.
func (c *Client) trust(ca string) error {
	conf := &tls.Config{MinVersion: tls.VersionTLS12}
	if ca != "" {
		conf.RootCAs = x509.NewCertPool()
		if !conf.RootCAs.AppendCertsFromPEM([]byte(ca)) {
			return cli.Usagef("there is no certificate in the CA's file")
		}
	}
	c.http = &http.Client{
		Timeout: timeout, Transport: &http.Transport{TLSClientConfig: conf, Proxy: http.ProxyFromEnvironment},
		// A password goes where it was meant to go, and nowhere else.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return nil
}

// LogIn logs in at a store and keeps what it gives. The CA is PEM, or empty for the system's.
func LogIn(ctx context.Context, rawURL, email, password, ca string) error {
	c, err := newClient(rawURL)
	if err != nil {
		return err
	}
	if err := c.trust(ca); err != nil {
		return err
	}
	var issued api.IssueAnswer
	if err := c.call(ctx, http.MethodPost, "/v2/auth/issue-store-admin", "", struct{}{}, &issued); err != nil {
		return err
	}
	root, err := decode(issued.Macaroon)
	if err != nil {
		return err
	}
	caveat := ""
	for _, m := range root.Caveats() {
		if len(m.VerificationId) > 0 && strings.EqualFold(m.Location, c.url.String()) {
			caveat = string(m.Id)
		}
	}
	// The original's stores have another party vouch, whose password this store must not be told.
	if caveat == "" {
		return errors.New("the store asks for no login that this program knows")
	}
	var given api.DischargeAnswer
	req := api.DischargeRequest{Email: email, Password: password, CaveatID: caveat}
	if err := c.call(ctx, http.MethodPost, "/api/v2/tokens/discharge", "", req, &given); err != nil {
		return cli.Hint(err, "an admin is added on the store's host: snap-store-proxy add-admin %s", email)
	}
	l := login{URL: c.url.String(), Email: email, Root: issued.Macaroon, Discharge: given.DischargeMacaroon, CA: ca}
	return l.save(c.path)
}

// Open finds the login at a URL.
func Open(rawURL string) (*Client, error) {
	c, err := newClient(rawURL)
	if err != nil {
		return nil, err
	}
	l, err := load(c.path, c.url)
	if err != nil {
		return nil, err
	}
	return c, c.trust(l.CA)
}

// Overrides lists those of a snap.
func (c *Client) Overrides(ctx context.Context, snap string) ([]api.Override, error) {
	var answer api.OverridesAnswer
	err := c.authorized(ctx, http.MethodGet, "/v2/metadata/overrides/"+url.PathEscape(snap), nil, &answer)
	return answer.Overrides, err
}

// SetOverrides makes all changes, or none, and returns what has become of the channels.
func (c *Client) SetOverrides(ctx context.Context, changes []api.OverrideRequest) ([]api.Override, error) {
	var answer api.OverridesAnswer
	err := c.authorized(ctx, http.MethodPost, "/v2/metadata/overrides", changes, &answer)
	return answer.Overrides, err
}

// authorized calls with the login, and once more with a fresh discharge if the store asks for one. Others may do the same at this
// time, and the store takes a discharge for a stolen one that comes to be refreshed twice: hence the lock.
func (c *Client) authorized(ctx context.Context, method, path string, body, answer any) (err error) {
	unlock, err := blob.Lock(ctx, c.path+".lock")
	if err != nil {
		return fmt.Errorf("lock the login: %w", err)
	}
	defer func() { err = errors.Join(err, unlock()) }()
	l, err := load(c.path, c.url)
	if err != nil {
		return err
	}
	header, err := l.authorization()
	if err != nil {
		return err
	}
	err = c.call(ctx, method, path, header, body, answer)
	if r := (*refused)(nil); !errors.As(err, &r) || !r.refresh {
		return c.explain(err, l)
	}
	var given api.DischargeAnswer
	if err := c.call(ctx, http.MethodPost, "/api/v2/tokens/refresh", "", api.RefreshRequest{DischargeMacaroon: l.Discharge}, &given); err != nil {
		return c.explain(err, l)
	}
	l.Discharge = given.DischargeMacaroon
	if err := l.save(c.path); err != nil {
		return err
	}
	if header, err = l.authorization(); err != nil {
		return err
	}
	return c.explain(c.call(ctx, method, path, header, body, answer), l)
}

// explain says what to do about an error.
func (c *Client) explain(err error, l *login) error {
	r := (*refused)(nil)
	switch {
	case !errors.As(err, &r):
		return err
	case r.status == http.StatusUnauthorized:
		return cli.Hint(err, "log in again: store-admin login --offline %s %s", c.url, l.Email)
	case r.status == http.StatusNotFound:
		return &cli.Error{Code: cli.Gaps, Err: err}
	}
	return err
}

// authorization binds the discharge to the root.
func (l *login) authorization() (string, error) {
	root, err := decode(l.Root)
	if err != nil {
		return "", err
	}
	discharge, err := decode(l.Discharge)
	if err != nil {
		return "", err
	}
	discharge.Bind(root.Signature())
	bound, err := discharge.MarshalBinary()
	if err != nil {
		return "", fmt.Errorf("bind macaroon: %w", err)
	}
	return fmt.Sprintf("Macaroon root=%q, discharge=%q", l.Root, base64.RawURLEncoding.EncodeToString(bound)), nil
}

func decode(text string) (*macaroon.Macaroon, error) {
	b, err := macaroon.Base64Decode([]byte(text))
	if err != nil {
		return nil, fmt.Errorf("read macaroon: %w", err)
	}
	var m macaroon.Macaroon
	if err := m.UnmarshalBinary(b); err != nil {
		return nil, fmt.Errorf("read macaroon: %w", err)
	}
	return &m, nil
}

// call sends one request, with no body if that is nil.
func (c *Client) call(ctx context.Context, method, path, authorization string, body, answer any) error {
	var text []byte
	if body != nil {
		var err error
		if text, err = json.Marshal(body); err != nil {
			return err
		}
	}
	req, err := http.NewRequestWithContext(ctx, method, c.url.String()+path, bytes.NewReader(text))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-Ubuntu-Series", api.Series)
	if authorization != "" {
		req.Header.Set("Authorization", authorization)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return fmt.Errorf("ask the store: %w", err)
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	switch {
	case err != nil:
		return fmt.Errorf("read the store's answer: %w", err)
	case len(got) > maxAnswer:
		return fmt.Errorf("read the store's answer: longer than %d bytes", maxAnswer)
	case resp.StatusCode != http.StatusOK:
		return refusal(resp, got)
	}
	if err := json.Unmarshal(got, answer); err != nil {
		return fmt.Errorf("read the store's answer: %w", err)
	}
	return nil
}

func refusal(resp *http.Response, text []byte) error {
	var body api.ErrorBody
	if json.Unmarshal(text, &body) != nil || body.Message == "" {
		body.Message = "no reason, as another program than a store's administration would"
	}
	return &refused{resp.StatusCode, strings.Contains(resp.Header.Get("WWW-Authenticate"), "needs_refresh=1"), body.Message}
}
