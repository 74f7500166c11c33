package api

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
)

// ErrNoCA means that the text given as a CA holds no certificate.
var ErrNoCA = errors.New("there is no certificate in the CA's file")

// URLError reports text that is no URL of a store's administration.
type URLError struct {
	Text string
	// Local reports that only the scheme is wrong: it must be https, or http on this host.
	Local bool
}

// Error names the text and the right form.
func (e *URLError) Error() string {
	if e.Local {
		return fmt.Sprintf("%.120q: want https://, or http:// for this host itself", e.Text)
	}
	return fmt.Sprintf("%.120q: want https://HOST:PORT, as the store's proxy.admin.listen says", e.Text)
}

// InsecureURLError reports a URL at which the password would cross the network unencrypted.
type InsecureURLError struct{ URL, Host string }

// Error names the URL.
func (e *InsecureURLError) Error() string {
	return e.URL + ": without TLS, anybody on the way could read the password"
}

// NotLoggedInError reports that the user has no login at a store.
type NotLoggedInError struct{ URL string }

// Error names the store.
func (e *NotLoggedInError) Error() string { return "not logged in at " + e.URL }

// DamagedLoginError reports a file that is not the login at a store.
type DamagedLoginError struct{ URL, Path string }

// Error names the file.
func (e *DamagedLoginError) Error() string {
	return fmt.Sprintf("read the login: %s is damaged", e.Path)
}

// LoginExpiredError reports that a store accepts a login no longer.
type LoginExpiredError struct {
	URL, Email string
	Err        error
}

// Error repeats the answer of the store.
func (e *LoginExpiredError) Error() string { return e.Err.Error() }

// Unwrap returns the answer of the store.
func (e *LoginExpiredError) Unwrap() error { return e.Err }

// ConnectError reports that a store could not be asked.
type ConnectError struct{ Err error }

// Error repeats the reason.
func (e *ConnectError) Error() string { return fmt.Sprintf("ask the store: %v", e.Err) }

// Unwrap returns the reason.
func (e *ConnectError) Unwrap() error { return e.Err }

// RefusedLoginError reports that a store refused an email and its password.
type RefusedLoginError struct {
	Email string
	Err   error
}

// Error repeats the answer of the store.
func (e *RefusedLoginError) Error() string { return e.Err.Error() }

// Unwrap returns the answer of the store.
func (e *RefusedLoginError) Unwrap() error { return e.Err }

// NotFoundError reports that a store does not have the snap, channel or revision of a request.
type NotFoundError struct{ Err error }

// Error repeats the answer of the store.
func (e *NotFoundError) Error() string { return e.Err.Error() }

// Unwrap returns the answer of the store.
func (e *NotFoundError) Unwrap() error { return e.Err }

// RefusalError is an answer of a store that refuses a request.
type RefusalError struct {
	// Status is the one of HTTP, Code names the reason for programs, and Message tells it.
	Status        int
	Code, Message string
	// Gateway is set if the publisher gateway has answered.
	Gateway bool
	refresh bool
}

// Error repeats the message of the answer.
func (e *RefusalError) Error() string {
	return fmt.Sprintf("the store says: %s (%d)", e.Message, e.Status)
}

// maxMessage bounds the message of a refusal that is shown, in bytes.
const maxMessage = 4 << 10

func newRefusal(resp *http.Response, text []byte) error {
	var body struct {
		ErrorBody
		// Gateway is the list of errors of the publisher gateway.
		Gateway []Error `json:"error-list"`
	}
	e := &RefusalError{Status: resp.StatusCode, refresh: strings.Contains(resp.Header.Get("WWW-Authenticate"), "needs_refresh=1")}
	if json.Unmarshal(text, &body) == nil {
		e.Code, e.Message = body.Code, body.Message
		if len(body.Gateway) > 0 {
			e.Code, e.Message, e.Gateway = body.Gateway[0].Code, body.Gateway[0].Message, true
		}
	}
	if e.Message == "" || len(e.Message) > maxMessage {
		e.Message = "no reason, as another program than a store's administration would"
	}
	return e
}

// typed gives the refusal of a request with a login the type that callers look for.
func typed(err error, l *login) error {
	r := (*RefusalError)(nil)
	switch {
	case !errors.As(err, &r):
		return err
	case r.Status == http.StatusUnauthorized:
		return &LoginExpiredError{URL: l.URL, Email: l.Email, Err: err}
	case r.Status == http.StatusNotFound:
		return &NotFoundError{err}
	}
	return err
}
