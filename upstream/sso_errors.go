package upstream

import (
	"errors"
	"net/http"
	"strings"
)

// LoginReason is the reason why Ubuntu SSO refuses a login, as its API names it, in lower case with dashes.
type LoginReason string

// The reasons that a user can do something about.
const (
	ReasonPassword    LoginReason = "invalid-credentials"
	ReasonNeedsOTP    LoginReason = "twofactor-required"
	ReasonOTP         LoginReason = "twofactor-failure"
	ReasonSuspended   LoginReason = "account-suspended"
	ReasonDeactivated LoginReason = "account-deactivated"
	ReasonLocked      LoginReason = "account-locked"
	ReasonEmail       LoginReason = "email-invalidated"
	ReasonPolicy      LoginReason = "password-policy-error"
	ReasonData        LoginReason = "invalid-data"
	ReasonTooMany     LoginReason = "too-many-requests"
)

// words returns the reason as a sentence, or "" if it is unknown.
func (r LoginReason) words() string {
	return map[LoginReason]string{
		ReasonPassword:    "the e-mail address or the password is wrong",
		ReasonNeedsOTP:    "the account needs a one-time password",
		ReasonOTP:         "the one-time password is wrong, or was used before",
		ReasonSuspended:   "the account is suspended",
		ReasonDeactivated: "the account is deactivated",
		ReasonLocked:      "the account is locked",
		ReasonEmail:       "the e-mail address is no longer valid",
		ReasonPolicy:      "the password has to be reset",
		ReasonData:        "the e-mail address, the password or the one-time password has a wrong form",
		ReasonTooMany:     "there were too many attempts; wait before the next",
	}[r]
}

// LoginError reports that Ubuntu SSO refuses a login. Its text is not the service's, which may repeat a secret.
type LoginError struct {
	Host   string
	Reason LoginReason
	Err    *StatusError
}

// Error names the service and the reason.
func (e *LoginError) Error() string {
	if words := e.Reason.words(); words != "" {
		return e.Host + " refuses the login: " + words
	}
	return e.Err.Error()
}

// Unwrap returns the answer.
func (e *LoginError) Unwrap() error { return e.Err }

// loginError returns err as a *LoginError if Ubuntu SSO refused a login, and not only this request.
func loginError(err error) error {
	var s *StatusError
	if !errors.As(err, &s) || errors.Is(s, ErrNotStore) || s.Status < 400 || s.Status >= 500 {
		return err
	}
	reason := LoginReason(strings.ReplaceAll(strings.ToLower(s.Code), "_", "-"))
	if s.Status == http.StatusTooManyRequests {
		reason = ReasonTooMany
	}
	return &LoginError{Host: hostOf(s.URL), Reason: reason, Err: s}
}

// hostOf returns the host of a URL that safe returned.
func hostOf(url string) string {
	_, rest, _ := strings.Cut(url, "://")
	host, _, _ := strings.Cut(rest, "/")
	return host
}
