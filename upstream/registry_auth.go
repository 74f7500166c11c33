package upstream

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"

	authtransport "github.com/google/go-containerregistry/pkg/v1/remote/transport"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// tokenTries is how often a request is repeated whose token another download of ours has used up.
const tokenTries = 3

// guard is what all requests about a registry go through last, those for tokens included.
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

// registryTransport sends requests with the registry's tokens, and says in our own words why it could not.
type registryTransport struct {
	inner      http.RoundTripper
	repository *Repository
	worked     atomic.Bool
}

func (t *registryTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	for n := 1; ; n++ {
		resp, err := t.inner.RoundTrip(r.Clone(r.Context()))
		if err != nil {
			if refusal := t.repository.refusal(err); refusal != nil {
				return nil, refusal
			}
			return nil, err
		}
		if resp.StatusCode != http.StatusUnauthorized || !t.worked.Load() || n == tokenTries || r.URL.Host != t.repository.host {
			t.worked.CompareAndSwap(false, resp.StatusCode < http.StatusMultipleChoices)
			return resp, nil
		}
		resp.Body.Close()
	}
}

// loginError says why login could not get on: a refusal, no answer, or an answer that makes no sense.
func (r *Repository) loginError(err error) error {
	var ue *url.Error
	switch refusal := r.refusal(err); {
	case refusal != nil:
		return refusal
	case errors.As(err, &ue):
		return &transportError{url: safeURL(ue.URL), err: withoutURL(err)}
	}
	return fmt.Errorf("%s: %s", r.host, clean(r.client.redact(err.Error())))
}

// refusal translates what go-containerregistry says of a registry or token server that refuses, nil if err is something else. Their
// texts may repeat what was sent to them, and so are left out.
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
	if strings.Contains(err.Error(), "no token in bearer response") { // the text goes on with all of the response
		return errors.New("the registry's token server answered without a token")
	}
	return nil
}

// explain makes an ErrCredentials of the registry's refusal. One by another host, where the blobs may be, is about something else.
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

// manifestType is the type of the manifest in a: what the registry says, unless the manifest says otherwise of itself.
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
