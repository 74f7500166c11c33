package api

import (
	"context"
	"errors"
	"net/http"
)

// Target names a store to log in at.
type Target struct {
	URL string
	// CA is the authority of the store's certificate as PEM, or empty for the system's.
	CA string
	// AcceptKey accepts the key that the store has now, even if it had another one before.
	AcceptKey bool
}

// Connect finds the store at a URL and lets it prove that it has the key that it had at the first login. On the host of the store itself,
// a socket leads to it that nobody else can have made. The error may be an ImpostorError, a SocketError or a NotRunningError.
func Connect(ctx context.Context, t Target) (*Client, error) {
	c, err := newClient(t.URL)
	if err != nil {
		return nil, err
	}
	if err := c.trust(t.CA); err != nil {
		return nil, err
	}
	pinned := ""
	if l, err := load(c.path, c.url); err == nil {
		pinned = l.StoreKey
	}
	c.first = pinned == ""
	switch {
	case t.AcceptKey:
		pinned = ""
	case c.first && c.url.Scheme == "http" && findSocket(c.url) == "" && installedHere():
		return nil, &NotRunningError{c.url.String()}
	}
	return c, c.identify(ctx, pinned)
}

// Key returns the fingerprint of the store's key, and reports whether it was unknown before. It returns "" for an older store, which
// proves its identity by its certificate alone.
func (c *Client) Key() (fingerprint string, first bool) { return c.key, c.first }

// URL returns the URL of the store's administration in its canonical form.
func (c *Client) URL() string { return c.url.String() }

// identify lets the store prove that it has the pinned key, or any if that is empty.
func (c *Client) identify(ctx context.Context, pinned string) error {
	key, err := VerifyIdentity(ctx, c.http, c.url.String(), pinned)
	if r := (*RefusalError)(nil); errors.As(err, &r) {
		if r.Status == http.StatusNotFound && pinned == "" && c.url.Scheme == "https" {
			return nil
		}
		if r.Status >= http.StatusInternalServerError || r.Status == http.StatusTooManyRequests {
			return err // a busy store, or a balancer before it: no reason to suspect anybody
		}
		err = errors.Join(&ImpostorError{URL: c.url.String(), Want: pinned}, err)
	}
	c.key = key
	return err
}

// VerifyIdentity lets the store at a URL prove that it has the key with the fingerprint want, or any key if that is empty. It returns the
// fingerprint.
func VerifyIdentity(ctx context.Context, h *http.Client, location, want string) (string, error) {
	req := IdentityRequest{newNonce()}
	var answer IdentityAnswer
	if err := send(ctx, h, http.MethodPost, location+IdentityPath, "", req, &answer); err != nil {
		return "", err
	}
	return answer.verify(location, req.Nonce, want)
}
