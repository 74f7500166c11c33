package upstream

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"offlinestore/assertion"
	"offlinestore/snap"
)

// The formats of snap-declarations that snapd asks for, from 2.30 to the newest.
const (
	newestDeclaration = 7
	oldestDeclaration = 2
)

// Assertion asks for the assertion of type typ with the primary key, in no newer format than maxFormat. It returns ErrNotFound if the store
// has none. The returned assertion has the right subject, but the caller must verify it.
func (c *Client) Assertion(ctx context.Context, typ string, primaryKey []string, maxFormat int) (*assertion.Assertion, error) {
	ref, err := assertion.RefFromPath(typ, primaryKey)
	if err != nil {
		return nil, err
	}
	a, err := c.getAssertion(ctx, ref, ref.Path(), url.Values{}, maxFormat)
	if err == nil && a.Ref().Key() != ref.Key() {
		return nil, fmt.Errorf("%s: the store answered with %s", ref, clean(a.Ref().String()))
	}
	return a, err
}

// LatestPoint asks for the last point of a sequence of assertions: the newest version of a validation-set. It returns ErrNotFound if the
// store has none.
func (c *Client) LatestPoint(ctx context.Context, typ string, sequenceKey []string, maxFormat int) (*assertion.Assertion, error) {
	subject := assertion.Ref{Type: typ, PrimaryKey: sequenceKey}
	if t, ok := assertion.TypeByName(typ); !ok || !t.Sequence {
		return nil, fmt.Errorf("%s: assertions of this type form no sequence", subject)
	}
	if _, err := assertion.RefFromPath(typ, append(slices.Clone(sequenceKey), "1")); err != nil {
		return nil, err
	}
	a, err := c.getAssertion(ctx, subject, sequenceKey, url.Values{"sequence": {"latest"}}, maxFormat)
	if err == nil && (a.Type() != typ || !slices.Equal(a.SequenceKey(), sequenceKey)) {
		return nil, fmt.Errorf("%s: the store answered with %s", subject, clean(a.Ref().String()))
	}
	return a, err
}

// getAssertion asks for the assertion at path. The caller must compare its subject.
func (c *Client) getAssertion(ctx context.Context, subject assertion.Ref, path []string, query url.Values, maxFormat int) (*assertion.Assertion, error) {
	if slices.Contains(path, ".") || slices.Contains(path, "..") {
		return nil, fmt.Errorf("%s: dots cannot be part of a URL", subject)
	}
	query.Set("max-format", strconv.Itoa(maxFormat))
	a, err := c.call(ctx, request{
		what: subject.String(), method: http.MethodGet, limit: maxAssertion, header: v1Header(),
		url: c.endpoint(query, append([]string{"v2", "assertions", subject.Type}, path...)...),
	})
	if err != nil {
		// A 404 that is not in the API's own form comes from a proxy, and proves nothing.
		if s := (*StatusError)(nil); errors.As(err, &s) && !s.json {
			return nil, err
		}
		return nil, notFound(subject.String(), err)
	}
	all, err := assertion.DecodeAll(a.body)
	switch {
	case err != nil:
		return nil, fmt.Errorf("%s: decode the store's answer (%s): %w", subject, mediaType(a.header), err)
	case len(all) == 0:
		return nil, fmt.Errorf("%s: the store's answer is empty", subject)
	case all[0].Format() > maxFormat:
		return nil, fmt.Errorf("%s: the store answered in format %d, the newest asked for was %d", subject, all[0].Format(), maxFormat)
	}
	return all[0], nil
}

// SnapDeclarations asks for the snap-declaration of snapID in every format that clients ask for, the newest first. An old client can't use
// the newest format, and would find no declaration.
func (c *Client) SnapDeclarations(ctx context.Context, snapID string) ([]*assertion.Assertion, error) {
	var all []*assertion.Assertion
	for format := newestDeclaration; format >= oldestDeclaration; {
		a, err := c.Assertion(ctx, "snap-declaration", []string{snap.Series, snapID}, format)
		if len(all) > 0 && errors.Is(err, ErrNotFound) {
			break
		}
		if err != nil {
			return nil, err
		}
		all = append(all, a)
		format = a.Format() - 1
	}
	return all, nil
}

// v1Header returns the headers of API version 1, which the assertions endpoint follows.
func v1Header() http.Header {
	h := http.Header{}
	h.Set("Accept", snap.AssertionMediaType)
	h.Set("X-Ubuntu-Series", snap.Series)
	return h
}
