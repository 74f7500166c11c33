package upstream

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Limits of the list of manifests that refer to one manifest.
const (
	maxReferrerPages = 10
	maxReferrers     = 200
)

// Referrers returns the descriptors of the manifests that refer to the manifest d, such as signatures and lists of its parts. It asks
// the referrers API, or reads the index under the tag that stands for it where a registry does not have the API.
func (r *Repository) Referrers(ctx context.Context, d digest.Digest) (list []ocispec.Descriptor, err error) {
	defer func() { err = r.client.secrets.hide(err) }()
	subject := fmt.Sprintf("what refers to image %s@%s", r, d)
	next := r.url("referrers", d.String())
	for page := 0; next != ""; page++ {
		if page == maxReferrerPages {
			return nil, fmt.Errorf("%s: more than %d pages", subject, maxReferrerPages)
		}
		h := http.Header{}
		h.Set("Accept", ocispec.MediaTypeImageIndex)
		a, err := r.client.call(ctx, request{what: subject, method: http.MethodGet, url: next, header: h, limit: maxManifest})
		if page == 0 && (isUnsupported(err) || err == nil && mediaType(a.header) != ocispec.MediaTypeImageIndex) {
			return r.taggedReferrers(ctx, subject, d)
		}
		if err != nil {
			return nil, r.explain(err)
		}
		if list, err = appendReferrers(list, subject, a.body); err != nil {
			return nil, err
		}
		if next, err = nextPage(next, a.header); err != nil {
			return nil, fmt.Errorf("%s: %w", subject, err)
		}
	}
	return list, nil
}

// isUnsupported reports whether err is the answer of a registry that does not have an API. They answer in many ways.
func isUnsupported(err error) bool {
	var s *StatusError
	if errors.As(err, &s) {
		if s.page && s.Status == http.StatusOK {
			return true // of a user interface; a portal answers the next request, too
		}
		switch s.Status {
		case http.StatusBadRequest, http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusNotAcceptable, http.StatusNotImplemented:
			return true
		}
	}
	return false
}

// ReferrersTag returns the tag that stands for the list of the manifests that refer to d. Tools add endings to it for further tags.
func ReferrersTag(d digest.Digest) string { return strings.ReplaceAll(d.String(), ":", "-") }

func (r *Repository) taggedReferrers(ctx context.Context, subject string, d digest.Digest) ([]ocispec.Descriptor, error) {
	raw, kind, _, err := r.Manifest(ctx, ReferrersTag(d))
	switch {
	case errors.Is(err, ErrNotFound):
		return nil, nil
	case err != nil:
		return nil, err
	case kind != ocispec.MediaTypeImageIndex:
		return nil, fmt.Errorf("%s: the tag %s is no index", subject, ReferrersTag(d))
	}
	return appendReferrers(nil, subject, raw)
}

func appendReferrers(list []ocispec.Descriptor, subject string, raw []byte) ([]ocispec.Descriptor, error) {
	if n := countValues(raw); n > maxValues {
		return nil, fmt.Errorf("%s: the answer has %d values, over the limit of %d", subject, n, maxValues)
	}
	var index ocispec.Index
	if err := json.Unmarshal(raw, &index); err != nil {
		return nil, fmt.Errorf("%s: decode the index: %w", subject, err)
	}
	if list = append(list, index.Manifests...); len(list) > maxReferrers {
		return nil, fmt.Errorf("%s: more than %d manifests", subject, maxReferrers)
	}
	return list, nil
}

// nextPage returns the URL of the page after the one at the URL here, or "" if there is none.
func nextPage(here string, h http.Header) (string, error) {
	link, rest, ok := strings.Cut(strings.TrimPrefix(strings.TrimSpace(h.Get("Link")), "<"), ">")
	if !ok || !strings.Contains(strings.ReplaceAll(rest, `"`, ""), "rel=next") {
		return "", nil
	}
	at, err := url.Parse(here)
	if err != nil {
		return "", err
	}
	u, err := at.Parse(link)
	if err != nil || u.Host != at.Host || u.Scheme != at.Scheme || u.Path != at.Path {
		return "", errors.New("the next page is not a part of the same list")
	}
	return u.String(), nil
}
