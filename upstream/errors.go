package upstream

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"offlinestore/assertion"
	"offlinestore/snap"
)

// ErrNotFound says that the store has no such thing. Every *NotFoundError is one.
var ErrNotFound = errors.New("not found")

// ErrUnavailable says that no complete answer came: the network or the store is at fault, and another try may succeed. An
// answer that says the same by its status is a *StatusError.
var ErrUnavailable = errors.New("store unavailable")

var (
	errStalled = errors.New("stalled: no byte came for too long")
	errTimeout = errors.New("no complete answer in time")
)

// NotFoundError says what the store does not have, and how it said so.
type NotFoundError struct {
	// Subject is what was asked for: "snap jq", "snap-revision/abc".
	Subject string
	// Reason is the store's own, or "" if it gave none.
	Reason string
}

func (e *NotFoundError) Error() string {
	if e.Reason == "" {
		return e.Subject + ": not found in the store"
	}
	return e.Subject + ": not found in the store: " + e.Reason
}

// Is makes a NotFoundError an ErrNotFound, and what an assertion.Source means by it.
func (e *NotFoundError) Is(target error) bool {
	return target == ErrNotFound || target == assertion.ErrNotFound
}

// StatusError is an answer other than the one hoped for.
type StatusError struct {
	// URL is where the answer came from, without its query.
	URL    string
	Status int
	// Code and Message are the first of the store's own error list, if there is one.
	Code, Message string
	// OopsID is what the store's operators find the failure by.
	OopsID string

	retryAfter string
	json       bool
}

func (e *StatusError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: the store answered %d", e.URL, e.Status)
	if t := http.StatusText(e.Status); t != "" {
		b.WriteString(" " + t)
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

// statusError reads the rest of resp, which the caller closes.
func statusError(resp *http.Response) *StatusError {
	e := &StatusError{
		URL: safe(resp.Request.URL), Status: resp.StatusCode,
		OopsID: clean(resp.Header.Get("X-Oops-Id")), retryAfter: resp.Header.Get("Retry-After"),
	}
	if t := mediaType(resp.Header); t != "application/json" && t != "application/problem+json" {
		return e
	}
	e.json = true
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxErrorBody))
	if err != nil {
		return e
	}
	var list snap.ErrorResponse
	if json.Unmarshal(body, &list) == nil && len(list.ErrorList) > 0 {
		e.Code, e.Message = clean(list.ErrorList[0].Code), clean(list.ErrorList[0].Message)
	}
	return e
}

// notFound turns a 404 into a NotFoundError about subject.
func notFound(subject string, err error) error {
	var s *StatusError
	if errors.As(err, &s) && s.Status == http.StatusNotFound {
		return &NotFoundError{Subject: subject, Reason: s.Message}
	}
	return err
}

// transportError is a request that got no answer, or only a part of one.
type transportError struct {
	url string
	err error
}

func (e *transportError) Error() string { return e.url + ": " + clean(e.err.Error()) }

func (e *transportError) Unwrap() error { return e.err }

func (e *transportError) Is(target error) bool { return target == ErrUnavailable }

// redirectError is a redirect that is not followed.
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

// cause prefers why ctx ended to what that looked like from within.
func cause(ctx context.Context, err error) error {
	if ctx.Err() == nil {
		return err
	}
	return context.Cause(ctx)
}
