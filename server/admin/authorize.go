package admin

import (
	"errors"
	"net/http"
	"regexp"

	"offlinestore/catalog"
)

// validAuthorization matches the only form of the header that clients send.
var validAuthorization = regexp.MustCompile(`^Macaroon root="([A-Za-z0-9_=+/-]+)", ?discharge="([A-Za-z0-9_=+/-]+)"$`)

// authorized lets only administrators pass, and gives the handler their email.
func (s *Server) authorized(next func(http.ResponseWriter, *http.Request, string)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		email, err := s.who(r)
		switch {
		case err == nil:
			next(w, r, email)
		case errors.Is(err, errExpired):
			w.Header().Set("WWW-Authenticate", "Macaroon needs_refresh=1")
			s.fail(w, r, http.StatusUnauthorized, codeNeedRefresh, "the discharge macaroon has expired; refresh it")
		case errors.Is(err, errForged), errors.Is(err, catalog.ErrNoSession):
			w.Header().Set("WWW-Authenticate", `Macaroon realm="store-admin"`)
			s.fail(w, r, http.StatusUnauthorized, codeNeedLogin, "log in: the macaroons are missing, not by this store, or no longer good")
		case errors.Is(err, catalog.ErrUnavailable):
			s.failStore(w, r, err)
		default:
			w.Header().Set("WWW-Authenticate", `Macaroon realm="store-admin"`)
			s.fail(w, r, http.StatusUnauthorized, codeNeedLogin, err.Error())
		}
	}
}

// who returns the administrator that the macaroons belong to.
func (s *Server) who(r *http.Request) (email string, err error) {
	values := r.Header.Values("Authorization")
	if len(values) != 1 || len(values[0]) > 2*maxMacaroon {
		return "", errForged
	}
	parts := validAuthorization.FindStringSubmatch(values[0])
	if parts == nil {
		return "", errForged
	}
	root, err := decode(parts[1])
	if err != nil {
		return "", err
	}
	discharge, err := decode(parts[2])
	if err != nil {
		return "", err
	}
	now := s.cfg.Now()
	g, err := s.keys.verifyLogin(root, discharge, now)
	if err != nil {
		return "", err
	}
	session, err := s.cfg.Store.Session(r.Context(), g.session)
	if err != nil {
		return "", err
	}
	// The previous discharge is valid until it expires, since a request may be under way while another one refreshes.
	if !now.Before(session.ExpiresAt) || g.serial < session.Serial-1 {
		return "", catalog.ErrNoSession
	}
	return session.Email, nil
}
