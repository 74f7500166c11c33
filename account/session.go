package account

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"offlinestore/blob"
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

// errToken is the reason why a token cannot be refreshed.
var errToken = errors.New("a login of this kind can't be refreshed (logins by Candid have this kind; Candid was shut down in 2026)")

// Session authorizes requests with a login. It is an [upstream.Authorizer].
type Session struct {
	sso *upstream.Client

	mu     sync.Mutex
	login  Login
	header string
}

// NewSession returns a session with a login. cfg configures the client of Ubuntu SSO, except for its origin.
func NewSession(login *Login, cfg upstream.Config) (*Session, error) {
	cfg.Origin = login.SSO
	sso, err := upstream.NewLogin(cfg)
	if err != nil {
		return nil, err
	}
	header, err := login.header()
	if err != nil {
		return nil, err
	}
	return &Session{sso: sso, login: *login, header: header}, nil
}

// Authorization returns the value of the Authorization header.
func (s *Session) Authorization() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.header
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
		return &ExpiredError{s.login.Source, s.login.Saved(), errToken}
	}
	if s.login.Saved() {
		unlock, err := blob.Lock(ctx, s.login.path+".lock")
		if err != nil {
			return fmt.Errorf("lock the login: %w", err)
		}
		defer func() { err = errors.Join(err, unlock()) }()
		if s.reload(); s.header != old {
			return nil
		}
	}
	return s.refresh(ctx)
}

// reload takes over the login that another process has saved since.
func (s *Session) reload() {
	l, err := load(s.login.path)
	if errors.Is(err, ErrNone) {
		s.login.path = "" // the user has logged out meanwhile
	}
	if err != nil || l.Store != s.login.Store {
		return // the login is used as it is
	}
	if header, err := l.header(); err == nil {
		s.login, s.header = *l, header
	}
}

func (s *Session) refresh(ctx context.Context) error {
	discharge, err := s.sso.RefreshDischarge(ctx, s.login.Discharge)
	var refused *upstream.LoginError
	if errors.As(err, &refused) && refused.Reason != upstream.ReasonTooMany {
		return &ExpiredError{s.login.Source, s.login.Saved(), err}
	}
	if err != nil {
		return err
	}
	s.login.Discharge = discharge
	if s.header, err = s.login.header(); err != nil {
		return err
	}
	if !s.login.Saved() {
		return nil
	}
	return s.login.save()
}
