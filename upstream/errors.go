package upstream

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"offlinestore/assertion"
)

// ErrNotFound means that the store does not have the subject. Every *NotFoundError is an ErrNotFound.
var ErrNotFound = errors.New("not found")

// ErrUnavailable means that no complete answer came. The network or the store is at fault, and another try may succeed. An answer whose
// status says the same is a *StatusError.
var ErrUnavailable = errors.New("store unavailable")

var (
	errStalled = errors.New("stalled: no byte came for too long")
	errTimeout = errors.New("no complete answer in time")
)

// ErrNotStore means that somebody else than the store answered with a web page: a proxy, or a captive portal.
var ErrNotStore = errors.New("this is not the store")

// NotFoundError names a subject that the store does not have, with the store's reason.
type NotFoundError struct {
	// Subject names the requested item: "snap jq", "snap-revision/abc".
	Subject string
	// Reason is the store's own reason, or "" if it gave none. Code is its code for it.
	Reason, Code string

	who string // one of the constants, or "" for a store
}

func (e *NotFoundError) Error() string {
	s := e.Subject + ": not found in the " + cmp.Or(e.who, "store")
	if e.Reason != "" {
		s += ": " + e.Reason
	}
	return s
}

// Is reports whether target is ErrNotFound or the corresponding error of an assertion.Source.
func (e *NotFoundError) Is(target error) bool {
	return target == ErrNotFound || target == assertion.ErrNotFound
}

// StatusError is an answer with an unexpected status.
type StatusError struct {
	// URL is the address that answered, without its query.
	URL    string
	Status int
	// Code and Message come from the first entry of the store's own error list, if there is one.
	Code, Message string
	// OopsID identifies the failure to the store's operators.
	OopsID string

	who        string // one of the constants, or "" for a store
	retryAfter string
	json       bool
	page       bool // a web page for people
	authorized bool // the request had a login at a store
	atOrigin   bool // the client's origin answered, and not a host of a redirect
}

// Is reports whether the answer has the meaning of target. A status 401 is ErrUnauthorized if the request had a login, and ErrAnonymous if
// it had none. A web page that answered for the store is ErrNotStore. A page in place of a good answer comes from a portal that answers
// everything, so that the store as a whole is unavailable.
func (e *StatusError) Is(target error) bool {
	portal := e.Status == http.StatusOK || e.Status == http.StatusNetworkAuthenticationRequired
	switch target {
	case ErrNotStore: // a store that is overloaded, and a registry that lacks something, may answer with pages of their own
		return e.page && (portal || e.who != whoRegistry && e.Status < 500)
	case ErrUnavailable: // no request gets through without the login that the service did not refresh
		return e.page && portal || e.who == whoLogin && (e.Status >= 500 || e.Status == http.StatusTooManyRequests)
	case ErrUnauthorized:
		return e.Status == http.StatusUnauthorized && e.authorized
	case ErrAnonymous:
		return e.Status == http.StatusUnauthorized && e.atOrigin && !e.authorized && e.who == ""
	}
	return false
}

func (e *StatusError) Error() string {
	var b strings.Builder
	who := cmp.Or(e.who, "store")
	fmt.Fprintf(&b, "%s: the %s answered %d", e.URL, who, e.Status)
	if t := http.StatusText(e.Status); t != "" {
		b.WriteString(" " + t)
	}
	if errors.Is(e, ErrNotStore) {
		b.Reset()
		fmt.Fprintf(&b, "%s: a web page answered (%d): this is not the %s", e.URL, e.Status, who)
	}
	if e.Message != "" {
		b.WriteString(": " + e.Message)
	}
	if e.Code != "" {
		b.WriteString(" (" + e.Code + ")")
	}
	if e.OopsID != "" {
		b.WriteString(" [oops " + e.OopsID + "]")
	}
	return b.String()
}

// statusError reads the rest of resp, which the caller closes, and returns it as a StatusError.
func (c *Client) statusError(resp *http.Response) *StatusError {
	e := &StatusError{
		URL: safe(resp.Request.URL), Status: resp.StatusCode, who: c.who,
		OopsID: clean(resp.Header.Get("X-Oops-Id")), retryAfter: resp.Header.Get("Retry-After"),
		authorized: c.auth != nil && resp.Request.Header.Get("Authorization") != "", atOrigin: SameOrigin(resp.Request.URL, c.origin),
	}
	if t := mediaType(resp.Header); t != "application/json" && t != "application/problem+json" {
		e.page = isPage(resp.Header, nil)
		return e
	}
	e.json = true
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxErrorBody))
	if err != nil {
		return e
	}
	var list errorList
	if json.Unmarshal(body, &list) != nil {
		return e
	}
	if first, ok := list.first(); ok {
		e.Code, e.Message = clean(c.secrets.redact(first.Code)), clean(c.secrets.redact(first.Message))
	}
	return e
}

// errorList is the body of an error, in each form that the APIs have.
type errorList struct {
	ErrorList []storeError `json:"error-list"` // a store's
	Errors    []storeError `json:"errors"`     // a registry's
	Dashboard []storeError `json:"error_list"` // the dashboard's
	storeError
}

// first returns the first error of a list, or else the one that Ubuntu SSO has outside a list.
func (l *errorList) first() (storeError, bool) {
	all := slices.Concat(l.ErrorList, l.Errors, l.Dashboard, []storeError{l.storeError})
	return all[0], all[0] != storeError{}
}

// pageError returns the error for a web page in place of the requested content.
func (c *Client) pageError(resp *http.Response) *StatusError {
	return &StatusError{URL: safe(resp.Request.URL), Status: resp.StatusCode, who: c.who, page: true}
}

// isPage reports whether an answer with a body that begins with start is a web page for people. Some portals declare no type, or a wrong one.
func isPage(h http.Header, start []byte) bool {
	declared, sniffed := mediaType(h), http.DetectContentType(start)
	switch {
	case declared == "image/svg+xml" || strings.HasPrefix(sniffed, "image/"):
		return false
	case declared == "text/html" || declared == "application/xhtml+xml":
		return true
	}
	return strings.HasPrefix(sniffed, "text/html")
}

// storeError is an entry of an error list.
type storeError struct{ Code, Message string }

// The peers that are no stores, in errors.
const (
	whoRegistry  = "registry"
	whoLogin     = "login service"
	whoDashboard = "dashboard"
)

// notFound turns a 404 of the store's API into a NotFoundError about subject. A web page is no such answer: it comes from a proxy or a
// captive portal.
func notFound(subject string, err error) error {
	if errors.Is(err, ErrNotStore) {
		return err
	}
	return fileNotFound(subject, err)
}

// fileNotFound turns a 404 of any server of files into a NotFoundError about subject.
func fileNotFound(subject string, err error) error {
	var s *StatusError
	if errors.As(err, &s) && s.Status == http.StatusNotFound {
		return &NotFoundError{Subject: subject, Reason: s.Message, Code: s.Code, who: s.who}
	}
	return err
}

// transportError means that a request got no answer, or only a part of one.
type transportError struct {
	url string
	err error
}

func (e *transportError) Error() string { return e.url + ": " + clean(e.err.Error()) }

func (e *transportError) Unwrap() error { return e.err }

func (e *transportError) Is(target error) bool { return target == ErrUnavailable }

// redirectError means that a redirect is not followed.
type redirectError string

func (e redirectError) Error() string { return string(e) }

// withoutURL unwraps the errors of net/url, which quote the URL with its query.
func withoutURL(err error) error {
	var ue *url.Error
	for errors.As(err, &ue) {
		err = ue.Err
	}
	if strings.Contains(err.Error(), "Location header") { // net/http quotes it
		return redirectError("redirected to what is no URL")
	}
	return err
}

// cause returns the cause for which ctx ended, or err if ctx has not ended.
func cause(ctx context.Context, err error) error {
	if ctx.Err() == nil {
		return err
	}
	return context.Cause(ctx)
}
