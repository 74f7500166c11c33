package account

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"offlinestore/upstream"
)

// ExpiredError reports that the store accepts a login no longer, and that it cannot be refreshed.
type ExpiredError struct {
	// Source is the variable or the file that holds the login. Saved is set for a file.
	Source string
	Saved  bool
	Err    error
}

// Error names the source and the reason.
func (e *ExpiredError) Error() string {
	return fmt.Sprintf("the login in %s has expired: %v", e.Source, e.Err)
}

// Unwrap returns the reason.
func (e *ExpiredError) Unwrap() error { return e.Err }

// Is reports whether target is [upstream.ErrUnauthorized], for any reason.
func (e *ExpiredError) Is(target error) bool { return target == upstream.ErrUnauthorized }

// errToken is the reason why a token cannot be refreshed.
var errToken = errors.New("a login of this kind can't be refreshed (logins by Candid have this kind; Candid was shut down in 2026)")

// Session authorizes requests with a login. It is an [upstream.Authorizer].
type Session struct {
	sso   *upstream.Client
	saved bool // the login came from a file, which it may have lost since

	mu     sync.Mutex
	login  Login
	header string
	// failed is the answer of the service that did not refresh header, or nil. The service is not asked again.
	failed error
}

// NewSession returns a session with a login. cfg configures the client of Ubuntu SSO, except for its origin.
func NewSession(login *Login, cfg upstream.Config) (*Session, error) {
	cfg.Origin = login.SSO
	sso, err := upstream.NewLogin(cfg)
	if err != nil {
		return nil, err
	}
	header, err := login.Header()
	if err != nil {
		return nil, err
	}
	return &Session{sso: sso, saved: login.Saved(), login: *login, header: header}, nil
}

// Authorization returns the value of the Authorization header.
func (s *Session) Authorization() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.header
}

// Export returns the login in the form in which snapcraft exports one, which [macaroons.ParseCredentials] reads. It is a secret.
func (s *Session) Export() (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.login.Export()
}

// Refresh replaces the discharge of a login that the store finds too old. It does nothing if another request, or another process, has
// replaced it already. It returns an *[ExpiredError] if only a new login helps.
func (s *Session) Refresh(ctx context.Context, old string) (err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.header != old {
		return nil
	}
	if s.login.Token != "" {
		return s.expired(errToken)
	}
	if s.login.Saved() {
		unlock, lockErr := lock(ctx, s.login.path)
		if lockErr != nil {
			return lockErr
		}
		defer func() { err = errors.Join(err, unlock()) }()
		if s.reload(); s.header != old {
			return nil
		}
	}
	if s.failed != nil {
		return s.failed
	}
	return s.refresh(ctx)
}

func (s *Session) expired(reason error) error {
	return &ExpiredError{s.login.Source, s.saved, reason}
}

// reload takes over the login that another process has saved since. If the file has none, or one for another store, the session does not
// write there any more.
func (s *Session) reload() {
	l, err := load(s.login.path)
	if errors.Is(err, ErrNone) || err == nil && l.Store != s.login.Store {
		s.login.path = ""
		return
	}
	if err != nil {
		return // the login is used as it is
	}
	if header, err := l.Header(); err == nil && header != s.header {
		s.login, s.header, s.failed = *l, header, nil
	}
}

func (s *Session) refresh(ctx context.Context) error {
	discharge, err := s.sso.RefreshDischarge(ctx, s.login.Discharge)
	var refused *upstream.LoginError
	if errors.As(err, &refused) && refused.Reason != upstream.ReasonTooMany {
		err = s.expired(err)
	}
	if err != nil {
		if _, answered := errors.AsType[*upstream.StatusError](err); answered {
			s.failed = err
		}
		return err
	}
	s.login.Discharge = discharge
	if s.header, err = s.login.Header(); err != nil {
		return err
	}
	if !s.login.Saved() {
		return nil
	}
	return s.login.save()
}
