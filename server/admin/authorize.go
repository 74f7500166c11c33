package admin

import (
	"context"
	"errors"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"offlinestore/audit"
	"offlinestore/catalog"
)

// The two forms of the header that clients send: the root and the discharge of a login with a password, or the macaroon of a login with a
// token. Some clients write the scheme in lower case.
var (
	validAuthorization = regexp.MustCompile(`^Macaroon root="([A-Za-z0-9_=+/-]+)", ?discharge="([A-Za-z0-9_=+/-]+)"$`)
	validPass          = regexp.MustCompile(`^(?i:Macaroon) ([A-Za-z0-9_=+/-]+)$`)
)

// Refusal is the reason why a request is refused. Each API puts it into an answer of its own.
type Refusal struct {
	Status        int
	Code, Message string
	// Header is the one of the answer, or nil.
	Header http.Header
}

// Authorize returns the login that a request belongs to. The administrator must have the role, unless it is empty.
func (s *Server) Authorize(r *http.Request, role string) (*catalog.Session, *Refusal) {
	session, err := s.who(r)
	needLogin := func(message string) *Refusal {
		return &Refusal{http.StatusUnauthorized, codeNeedLogin, message, http.Header{"Www-Authenticate": {`Macaroon realm="store-admin"`}}}
	}
	switch {
	case err == nil && role != "" && !slices.Contains(session.Roles, role):
		return nil, &Refusal{Status: http.StatusForbidden, Code: codeNeedRole,
			Message: "this needs the role " + role + ", and " + session.Email + " has " + strings.Join(session.Roles, ", ")}
	case err == nil:
		return session, nil
	case errors.Is(err, errExpired):
		return nil, &Refusal{http.StatusUnauthorized, codeNeedRefresh, "the discharge macaroon has expired; refresh it",
			http.Header{"Www-Authenticate": {"Macaroon needs_refresh=1"}}}
	case errors.Is(err, errForged), errors.Is(err, catalog.ErrNoSession):
		return nil, needLogin("log in: the macaroons are missing, not by this store, or no longer good")
	case errors.Is(err, catalog.ErrUnavailable):
		return nil, s.refusalOf(err)
	}
	return nil, needLogin(err.Error())
}

// authorized lets only administrators with a role pass, and gives the handler their email.
func (s *Server) authorized(role string, next func(http.ResponseWriter, *http.Request, string)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		session, refusal := s.Authorize(r, role)
		if refusal != nil {
			s.refuse(w, r, refusal)
			return
		}
		next(w, r.WithContext(actor(r, session.Email)), session.Email)
	}
}

// actor returns the context of acts of an administrator.
func actor(r *http.Request, email string) context.Context {
	return audit.WithActor(r.Context(), audit.Actor{Who: email, From: Address(r)})
}

// who returns the login that the macaroons belong to.
func (s *Server) who(r *http.Request) (*catalog.Session, error) {
	values := r.Header.Values("Authorization")
	if len(values) != 1 || len(values[0]) > 2*maxMacaroon {
		return nil, errForged
	}
	g, err := s.verifyHeader(values[0])
	if err != nil {
		return nil, err
	}
	session, err := s.cfg.Store.Session(r.Context(), g.session)
	if err != nil {
		return nil, err
	}
	// The previous discharge is valid until it expires, since a request may be under way while another one refreshes.
	if !s.cfg.Now().Before(session.ExpiresAt) || g.serial < session.Serial-1 {
		return nil, catalog.ErrNoSession
	}
	return session, nil
}

// verifyHeader verifies the macaroons in a header.
func (s *Server) verifyHeader(header string) (grant, error) {
	if pass := validPass.FindStringSubmatch(header); pass != nil {
		m, err := decode(pass[1])
		if err != nil {
			return grant{}, err
		}
		return s.keys.verifyPass(m, s.cfg.Now())
	}
	parts := validAuthorization.FindStringSubmatch(header)
	if parts == nil {
		return grant{}, errForged
	}
	root, err := decode(parts[1])
	if err != nil {
		return grant{}, err
	}
	discharge, err := decode(parts[2])
	if err != nil {
		return grant{}, err
	}
	return s.keys.verifyLogin(root, discharge, s.cfg.Now())
}
