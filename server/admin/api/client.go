package api

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"

	"offlinestore/blob"
	"offlinestore/macaroons"
)

const (
	// maxAnswer is the largest answer that is read, in bytes.
	maxAnswer = 16 << 20
	timeout   = time.Minute
	// longTimeout is the time in which even a slow token makes a key.
	longTimeout = 20 * time.Minute
)

// Client administers a store as a user who has logged in there.
type Client struct {
	http *http.Client
	url  *url.URL
	path string
	ca   string
	// key is the fingerprint of the key that the store has proved, or empty before that.
	key string
	// first is set if no key was known of the store.
	first bool
}

// newClient returns the client of the store at a URL, without connections.
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

// trust sets the authority that signed the store's certificate: the CA, or one of the system's if it is empty.
func (c *Client) trust(ca string) error {
	conf := &tls.Config{MinVersion: tls.VersionTLS12}
	if ca != "" {
		conf.RootCAs = x509.NewCertPool()
		if !conf.RootCAs.AppendCertsFromPEM([]byte(ca)) {
			return ErrNoCA
		}
	}
	t := &http.Transport{TLSClientConfig: conf, Proxy: http.ProxyFromEnvironment}
	if path := findSocket(c.url); path != "" {
		t.Proxy = nil
		t.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) { return dialSocket(ctx, path) }
	}
	c.ca = ca
	c.http = &http.Client{
		Timeout: timeout, Transport: t,
		// A redirect could send the password to another host.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return nil
}

// LogIn connects to a store and logs in. The CA is PEM, or empty for the system's.
func LogIn(ctx context.Context, rawURL, email, password, ca string) error {
	c, err := Connect(ctx, Target{URL: rawURL, CA: ca})
	if err != nil {
		return err
	}
	return c.LogIn(ctx, email, password)
}

// LogIn logs in and saves the login in a file of the user's.
func (c *Client) LogIn(ctx context.Context, email, password string) error {
	var issued IssueAnswer
	if err := c.Send(ctx, http.MethodPost, "/v2/auth/issue-store-admin", struct{}{}, &issued); err != nil {
		return err
	}
	root, err := macaroons.Parse(issued.Macaroon)
	if err != nil {
		return fmt.Errorf("read the store's answer: %w", err)
	}
	// A store of the original product asks for the password of Ubuntu SSO, which this store must not see.
	caveat, ok := macaroons.ThirdParty(root, c.url.String())
	if !ok {
		return errors.New("the store asks for no login that this program knows")
	}
	var given DischargeAnswer
	req := DischargeRequest{Email: email, Password: password, CaveatID: caveat}
	if err := c.Send(ctx, http.MethodPost, "/api/v2/tokens/discharge", req, &given); err != nil {
		if r := (*RefusalError)(nil); errors.As(err, &r) {
			return &RefusedLoginError{Email: email, Err: err}
		}
		return err
	}
	l := login{URL: c.url.String(), Email: email, Root: issued.Macaroon, Discharge: given.DischargeMacaroon, CA: c.ca, StoreKey: c.key}
	return l.save(c.path)
}

// Open returns the client of a store with the login that LogIn saved.
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

// Overrides lists the overrides of a snap.
func (c *Client) Overrides(ctx context.Context, snap string) ([]Override, error) {
	var answer OverridesAnswer
	err := c.Call(ctx, http.MethodGet, "/v2/metadata/overrides/"+url.PathEscape(snap), nil, &answer)
	return answer.Overrides, err
}

// SetOverrides makes all changes or none, and returns the state of the channels afterwards.
func (c *Client) SetOverrides(ctx context.Context, changes []OverrideRequest) ([]Override, error) {
	var answer OverridesAnswer
	err := c.Call(ctx, http.MethodPost, "/v2/metadata/overrides", changes, &answer)
	return answer.Overrides, err
}

// Call sends a request with the login, and reads the answer into answer, as [Client.Send] does. If the store asks for a fresh discharge,
// Call gets one and sends the request again.
func (c *Client) Call(ctx context.Context, method, path string, body, answer any) error {
	l, err := load(c.path, c.url)
	if err != nil {
		return err
	}
	if c.key == "" {
		if err := c.identify(ctx, l.StoreKey); err != nil {
			return err
		}
	}
	err = c.callAs(ctx, l, method, path, body, answer)
	if r := (*RefusalError)(nil); l.Macaroon != "" || !errors.As(err, &r) || !r.refresh {
		return typed(err, l)
	}
	if l, err = c.refresh(ctx, l.Discharge); err != nil {
		return err
	}
	return typed(c.callAs(ctx, l, method, path, body, answer), l)
}

func (c *Client) callAs(ctx context.Context, l *login, method, path string, body, answer any) error {
	header, err := l.authorization()
	if err != nil {
		return err
	}
	return c.send(ctx, method, path, header, body, answer)
}

// refresh replaces a discharge that has expired. The lock keeps other processes from refreshing at the same time: the store takes a
// discharge for stolen if it is refreshed twice.
func (c *Client) refresh(ctx context.Context, expired string) (l *login, err error) {
	unlock, err := blob.Lock(ctx, c.path+".lock")
	if err != nil {
		return nil, fmt.Errorf("lock the login: %w", err)
	}
	defer func() { err = errors.Join(err, unlock()) }()
	if l, err = load(c.path, c.url); err != nil || l.Discharge != expired {
		return l, err // another process was faster
	}
	l.StoreKey = c.key // a login of an older program has none
	var given DischargeAnswer
	if err := c.Send(ctx, http.MethodPost, "/api/v2/tokens/refresh", RefreshRequest{DischargeMacaroon: l.Discharge}, &given); err != nil {
		return nil, typed(err, l)
	}
	l.Discharge = given.DischargeMacaroon
	return l, l.save(c.path)
}

// authorization returns the header of requests: the macaroon of a login with a token; or the root, and the discharge bound to it.
func (l *login) authorization() (string, error) {
	if l.Macaroon != "" {
		return "Macaroon " + l.Macaroon, nil
	}
	return macaroons.Authorization(l.Root, l.Discharge)
}

// Send sends a request without the login. It reads the JSON of the answer into answer, or the text if that is a *[]byte, or nothing if
// that is nil.
func (c *Client) Send(ctx context.Context, method, path string, body, answer any) error {
	return c.send(ctx, method, path, "", body, answer)
}

func (c *Client) send(ctx context.Context, method, path, authorization string, body, answer any) error {
	return send(ctx, c.http, method, c.url.String()+path, authorization, body, answer)
}

// Patient returns a client that waits long for an answer, for requests that take minutes.
func (c *Client) Patient() *Client {
	patient, h := *c, *c.http
	h.Timeout = longTimeout
	patient.http = &h
	return &patient
}

// SaveMacaroon makes a macaroon the login of the user, in place of the one before. It is shown to the store as it is.
func (c *Client) SaveMacaroon(email, macaroon string) error {
	l := login{URL: c.url.String(), Email: email, Macaroon: macaroon, CA: c.ca, StoreKey: c.key}
	return l.save(c.path)
}

// send sends one request, without a body if it is nil, and reads the answer into answer.
func send(ctx context.Context, h *http.Client, method, url, authorization string, body, answer any) error {
	var text []byte
	if body != nil {
		var err error
		if text, err = json.Marshal(body); err != nil {
			return err
		}
	}
	req, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(text))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-Ubuntu-Series", Series)
	if authorization != "" {
		req.Header.Set("Authorization", authorization)
	}
	resp, err := h.Do(req)
	if err != nil {
		return &ConnectError{err}
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	switch {
	case err != nil:
		return fmt.Errorf("read the store's answer: %w", err)
	case len(got) > maxAnswer:
		return fmt.Errorf("read the store's answer: longer than %d bytes", maxAnswer)
	case resp.StatusCode/100 != 2:
		return newRefusal(resp, got)
	}
	return read(got, answer)
}

func read(text []byte, answer any) error {
	switch answer := answer.(type) {
	case nil:
	case *[]byte:
		*answer = text
	default:
		if err := json.Unmarshal(text, answer); err != nil {
			return fmt.Errorf("read the store's answer: %w", err)
		}
	}
	return nil
}
