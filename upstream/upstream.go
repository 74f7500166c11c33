// Package upstream is an HTTP client of the Snap Store, of Charmhub, of the registries where charms have their images, and of Ubuntu SSO, for
// the exporter. It fetches channel maps, revisions, assertions, manifests, downloads and icons, with the retries that a long export over a
// poor link needs.
//
// All answers of the store are bounded. The package validates that an answer is about the requested subject, but verifies no signature; the
// caller verifies an answer before packing it. Errors name URLs without their queries, because the store's redirects carry tokens in them.
package upstream

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"offlinestore/snap"
)

// DefaultOrigin is the address of the Snap Store.
const DefaultOrigin = "https://api.snapcraft.io"

// Limits of one answer. Blobs are limited by the size that the caller expects.
const (
	maxAnswer    = 16 << 20
	maxValues    = 200_000 // in a JSON answer: an empty value takes two bytes there, and hundreds when decoded
	maxAssertion = 4 << 20
	maxErrorBody = 64 << 10
	maxHeader    = 256 << 10
	maxIcon      = 300_000 // the limit of snapd
	maxRedirects = 10
)

const (
	answerTimeout  = 2 * time.Minute
	headersTimeout = time.Minute
	defaultStall   = time.Minute
	defaultRetries = 6
)

// Config names the store and sets retries and time-outs. Its zero value is the Snap Store with sane defaults.
type Config struct {
	// Origin is DefaultOrigin when empty. A client of Charmhub needs DefaultCharmhubOrigin. A path in Origin is kept in front of every endpoint.
	Origin    string
	UserAgent string
	// HTTP is used for its transport and cookies; the client sets redirects and time-outs itself. nil follows the proxy variables.
	HTTP *http.Client
	// Auth authorizes the requests to Origin, which must have TLS or be on this host. Other hosts don't get the login, not even after a
	// redirect. nil sends none.
	Auth Authorizer
	// Retries is the number of repetitions of a request. 0 is the default, and less than 0 is none.
	Retries int
	// Backoff returns the wait before the nth repetition, from 1. nil doubles from half a second to half a minute.
	Backoff func(n int) time.Duration
	// Stall is the time without a byte after which a download is started anew; 0 is one minute.
	Stall time.Duration
	// Logf receives a message about every repetition; nil logs nothing.
	Logf func(format string, args ...any)
	// Trace receives a message about every answer; nil traces nothing.
	Trace func(format string, args ...any)
}

// Client talks to one store. Several goroutines may call its methods at once.
type Client struct {
	origin  *url.URL
	agent   string
	http    *http.Client
	retries int
	backoff func(int) time.Duration
	stall   time.Duration
	logf    func(string, ...any)
	trace   func(string, ...any) // or nil
	who     string               // the peer: one of the constants, or "" for a store
	auth    Authorizer           // or nil
	secrets *secrets
	pace    *pace
}

// New returns a Client. It rejects an Origin that could not be joined with the store's paths.
func New(cfg Config) (*Client, error) {
	origin, err := parseOrigin(cfg.Origin)
	if err != nil {
		return nil, err
	}
	c := &Client{
		origin: origin, agent: cfg.UserAgent, http: httpClient(cfg.HTTP), auth: cfg.Auth,
		retries: cfg.Retries, backoff: cfg.Backoff, stall: cfg.Stall, logf: cfg.Logf, trace: cfg.Trace, secrets: &secrets{}, pace: newPace(),
	}
	if cfg.Auth != nil {
		if err := validateSecure(origin); err != nil {
			return nil, err
		}
		c.http.Transport = &authTransport{c.http.Transport, origin, cfg.Auth, c.secrets}
	}
	if c.agent == "" {
		c.agent = "offlinestore"
	}
	if c.retries == 0 {
		c.retries = defaultRetries
	}
	if c.backoff == nil {
		c.backoff = defaultBackoff
	}
	if c.stall == 0 {
		c.stall = defaultStall
	}
	if c.logf == nil {
		c.logf = func(string, ...any) {}
	}
	return c, nil
}

// Once returns a client that sends each request once. It is for answers that an export can do without.
func (c *Client) Once() *Client {
	once := *c
	once.retries = -1
	return &once
}

func parseOrigin(s string) (*url.URL, error) {
	if s == "" {
		s = DefaultOrigin
	}
	u, err := url.Parse(s)
	switch {
	case err != nil:
		return nil, fmt.Errorf("parse the store's URL: %w", withoutURL(err))
	case u.Scheme != "http" && u.Scheme != "https" || u.Host == "":
		return nil, fmt.Errorf("store URL %q: want http://… or https://…", u.Redacted())
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return nil, fmt.Errorf("store URL %q: a query or fragment has no place in it", safe(u))
	case u.User != nil:
		return nil, fmt.Errorf("store URL %q: a user name or password has no place in it", safe(u))
	}
	return u, nil
}

// httpClient keeps the transport of h, and makes its redirects safe.
func httpClient(h *http.Client) *http.Client {
	if h == nil {
		h = &http.Client{Transport: transport()}
	}
	return &http.Client{Transport: h.Transport, Jar: h.Jar, CheckRedirect: validateRedirect}
}

func transport() *http.Transport {
	t := &http.Transport{
		Proxy: func(r *http.Request) (*url.URL, error) {
			u, err := http.ProxyFromEnvironment(r)
			if err != nil { // err would quote the proxy's address with its password
				return nil, errors.New("HTTP_PROXY, HTTPS_PROXY: not a proxy's URL")
			}
			return u, nil
		},
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    15 * time.Second,
		ResponseHeaderTimeout:  headersTimeout,
		IdleConnTimeout:        90 * time.Second,
		MaxIdleConnsPerHost:    questionsAtOnce,
		MaxResponseHeaderBytes: maxHeader,
		Protocols:              new(http.Protocols),
	}
	// As in snapd, each parallel download gets its own connection.
	t.Protocols.SetHTTP1(true)
	return t
}

func validateRedirect(r *http.Request, via []*http.Request) error {
	switch {
	case len(via) >= maxRedirects:
		return redirectError("too many redirects")
	case r.URL.Scheme != "https" && (r.URL.Scheme != "http" || via[len(via)-1].URL.Scheme == "https"):
		return redirectError("redirected from " + via[len(via)-1].URL.Scheme + " to " + r.URL.Scheme)
	}
	// The Referer would pass the token in one hop's query to the next.
	r.Header.Del("Referer")
	if !SameOrigin(r.URL, via[0].URL) { // net/http keeps headers that it does not know
		for _, name := range []string{"Authorization", snap.HeaderDeviceAuthorization, "X-Device-Authorization", snap.HeaderStore, "X-Ubuntu-Store"} {
			r.Header.Del(name)
		}
	}
	return nil
}
