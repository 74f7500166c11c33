package upstream

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	authtransport "github.com/google/go-containerregistry/pkg/v1/remote/transport"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// guard is the last transport of all requests about a registry, also of requests for tokens.
type guard struct {
	inner http.RoundTripper
	agent string
	plain func(host string) bool
}

func (g *guard) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Scheme != "https" && !g.plain(r.URL.Host) {
		return nil, redirectError("plain HTTP is not allowed with " + clean(r.URL.Host))
	}
	r = r.Clone(r.Context())
	r.Header.Set("User-Agent", g.agent)
	return g.inner.RoundTrip(r)
}

// registryTransport authorizes requests to the registry itself. It sends no credentials to the hosts that the registry redirects to.
type registryTransport struct {
	inner  http.RoundTripper
	scheme string
	host   string
	// answer makes a login of a challenge of the registry. It returns nil if the credentials can't answer it.
	answer func(*authtransport.Challenge) *login
	login  atomic.Pointer[login]
}

// login is the way in which requests to a registry are authorized.
type login struct {
	basic *authn.AuthConfig
	// buy gets a token; it is nil if no token is needed.
	buy   func(context.Context) (string, error)
	token atomic.Value // the last one that was accepted
}

// RoundTrip sends r. Some registries demand no login at first and refuse content, so it logs in when content is refused.
func (t *registryTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Host != t.host || r.URL.Scheme != t.scheme {
		return t.inner.RoundTrip(r)
	}
	l := t.login.Load()
	resp, err := t.roundTrip(r, l)
	if err != nil || resp.StatusCode != http.StatusUnauthorized || l.buy != nil {
		return resp, err
	}
	challenge := challengeOf(r.Context(), resp)
	if challenge == nil {
		return resp, nil
	}
	challenge.Insecure = t.scheme == "http"
	next := t.answer(challenge)
	if next == nil || next.buy == nil && l.basic != nil {
		return resp, nil
	}
	resp.Body.Close()
	if !t.login.CompareAndSwap(l, next) {
		next = t.login.Load() // another request was faster
	}
	return t.roundTrip(r, next)
}

// challengeOf returns the challenge in the header of resp, or nil if there is none.
func challengeOf(ctx context.Context, resp *http.Response) *authtransport.Challenge {
	replay := roundTripper(func(*http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: resp.StatusCode, Header: resp.Header, Body: http.NoBody}, nil
	})
	// The library parses challenges only of a registry's first answer.
	registry, err := name.NewRegistry("registry.invalid")
	if err != nil {
		return nil
	}
	c, err := authtransport.Ping(ctx, registry, replay)
	if err != nil || c.Scheme == "" {
		return nil
	}
	return c
}

// roundTripper is a function that is an http.RoundTripper.
type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func (t *registryTransport) roundTrip(r *http.Request, l *login) (*http.Response, error) {
	if l.buy == nil {
		r = r.Clone(r.Context())
		if l.basic != nil {
			r.SetBasicAuth(l.basic.Username, l.basic.Password)
		}
		return t.inner.RoundTrip(r)
	}
	if token, ok := l.token.Load().(string); ok {
		resp, err := t.send(r, token)
		if err != nil || resp.StatusCode != http.StatusUnauthorized {
			return resp, err
		}
		resp.Body.Close()
	}
	// Each request gets its own token here. If a token is good for one use, no other download can take it.
	token, err := l.buy(r.Context())
	if err != nil {
		return nil, err
	}
	resp, err := t.send(r, token)
	if err == nil && resp.StatusCode != http.StatusUnauthorized {
		l.token.Store(token)
	}
	return resp, err
}

func (t *registryTransport) send(r *http.Request, token string) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer "+token)
	return t.inner.RoundTrip(r)
}

// openRegistry finds out how the registry wants requests authorized, and configures the client accordingly.
func (r *Repository) openRegistry(ctx context.Context, auth authn.Authenticator, plain func(string) bool) error {
	g := &guard{inner: r.client.http.Transport, agent: r.client.agent, plain: plain}
	if g.inner == nil {
		g.inner = http.DefaultTransport
	}
	return r.client.retry(ctx, "open "+r.String(), func() error {
		ctx, cancel := context.WithTimeoutCause(ctx, answerTimeout, errTimeout)
		defer cancel()
		challenge, err := authtransport.Ping(ctx, r.repo.Registry, g)
		if err != nil {
			return r.loginError(cause(ctx, err))
		}
		t := &registryTransport{inner: g, scheme: "https", host: r.host}
		if challenge.Insecure {
			t.scheme = "http"
		}
		r.client.origin.Scheme = t.scheme
		t.answer = func(c *authtransport.Challenge) *login { return r.answerChallenge(auth, g, c) }
		l := t.answer(challenge)
		if l == nil {
			l = &login{}
		}
		if l.buy != nil {
			token, err := l.buy(ctx)
			if err != nil {
				return err
			}
			l.token.Store(token)
		}
		t.login.Store(l)
		r.client.http.Transport = t
		return nil
	})
}

// answerChallenge returns the login that answers a challenge. It returns nil if there are no credentials for one.
func (r *Repository) answerChallenge(auth authn.Authenticator, g *guard, challenge *authtransport.Challenge) *login {
	if !strings.EqualFold(challenge.Scheme, "bearer") {
		basic, err := authn.Authorization(context.Background(), auth)
		if err != nil || *basic == (authn.AuthConfig{}) {
			return nil
		}
		return &login{basic: basic}
	}
	scopes := []string{r.repo.Scope(authtransport.PullScope)}
	return &login{buy: func(ctx context.Context) (string, error) {
		token, err := authtransport.Exchange(ctx, r.repo.Registry, auth, r.client.refusePages(g), scopes, challenge)
		if err != nil {
			return "", r.loginError(cause(ctx, err))
		}
		bought := cmp.Or(token.AccessToken, token.Token)
		r.client.secrets.addSecret(bought)
		return bought, nil
	}}
}

// refusePages returns a transport that returns an error in place of a web page.
func (c *Client) refusePages(inner http.RoundTripper) roundTripper {
	return func(r *http.Request) (*http.Response, error) {
		resp, err := inner.RoundTrip(r)
		if err == nil && resp.StatusCode == http.StatusOK && isPage(resp.Header, nil) {
			resp.Body.Close()
			return nil, c.pageError(resp)
		}
		return resp, err
	}
}

// loginError explains why login failed: a refusal, no answer, or an invalid answer.
func (r *Repository) loginError(err error) error {
	var ue *url.Error
	var page *StatusError
	switch refusal := r.refusal(err); {
	case refusal != nil:
		return refusal
	case errors.As(err, &page):
		return page
	case errors.As(err, &ue):
		return &transportError{url: safeURL(ue.URL), err: withoutURL(err)}
	}
	return fmt.Errorf("%s: %s", r.host, clean(r.client.secrets.redact(err.Error())))
}

// refusal translates an error of go-containerregistry about a refusal by a registry or token server. It returns nil for any other error. It
// leaves out the error's text, which may repeat secrets from the request.
func (r *Repository) refusal(err error) error {
	var te *authtransport.Error
	if errors.As(err, &te) {
		s := &StatusError{Status: te.StatusCode, who: r.client.who, URL: r.host}
		if te.Request != nil {
			s.URL = safe(te.Request.URL)
		}
		if s.Status == http.StatusUnauthorized || s.Status == http.StatusForbidden {
			return fmt.Errorf("%w: %w", ErrCredentials, s)
		}
		return s
	}
	if strings.Contains(err.Error(), "no token in bearer response") { // the text goes on with the whole response
		return errors.New("the registry's token server answered without a token")
	}
	return nil
}

// explain turns the registry's refusal into ErrCredentials. A refusal by another host, where the blobs may be, is not about credentials.
func (r *Repository) explain(err error) error {
	var s *StatusError
	if errors.Is(err, ErrCredentials) || !errors.As(err, &s) || s.Status != http.StatusUnauthorized && s.Status != http.StatusForbidden {
		return err
	}
	if u, perr := url.Parse(s.URL); perr != nil || u.Host != r.host {
		return err
	}
	return fmt.Errorf("%w: %w", ErrCredentials, err)
}

// manifestType returns the media type of the manifest in a: the registry's or, if that is no type of a manifest, the manifest's own. If the two
// contradict each other, it returns an error.
func manifestType(a *answer) (string, error) {
	var m struct {
		MediaType string `json:"mediaType"`
	}
	if err := json.Unmarshal(a.body, &m); err != nil {
		return "", fmt.Errorf("decode manifest: %w", err)
	}
	declared := mediaType(a.header)
	switch declared {
	case ocispec.MediaTypeImageIndex, ocispec.MediaTypeImageManifest, dockerIndex, dockerManifest:
		if m.MediaType != "" && m.MediaType != declared {
			return "", fmt.Errorf("the registry says that it is %s, the manifest says %.100q", declared, m.MediaType)
		}
		return declared, nil
	}
	switch m.MediaType {
	case ocispec.MediaTypeImageIndex, ocispec.MediaTypeImageManifest, dockerIndex, dockerManifest:
		return m.MediaType, nil
	}
	return "", fmt.Errorf("%s is not a type of manifest that can be exported", clean(declared))
}
