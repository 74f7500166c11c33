package admin

import (
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"time"

	"offlinestore/catalog"
	"offlinestore/server/admin/api"
)

const maxLogin = 32 << 10

func (s *Server) issue(w http.ResponseWriter, r *http.Request) {
	at, ok := s.location(w, r)
	if !ok {
		return
	}
	m, err := s.keys.newRoot(at, s.cfg.Now())
	if err != nil {
		s.failStore(w, r, err)
		return
	}
	text, err := encode(m)
	if err != nil {
		s.failStore(w, r, err)
		return
	}
	s.answer(w, http.StatusOK, api.IssueAnswer{Macaroon: text})
}

func (s *Server) discharge(w http.ResponseWriter, r *http.Request) {
	var req api.DischargeRequest
	if !s.readJSON(w, r, maxLogin, &req) {
		return
	}
	at, ok := s.location(w, r)
	if !ok {
		return
	}
	until, err := s.keys.verifyTicket(forDischarge, []byte(req.CaveatID), s.cfg.Now())
	switch {
	case err != nil:
		s.fail(w, r, http.StatusBadRequest, codeBadRequest, "the caveat_id is not by this store, or has expired")
		return
	case req.OTP != "":
		s.fail(w, r, http.StatusBadRequest, codeBadRequest, "this store knows no second factor")
		return
	case len(req.Password) > MaxPassword || len(req.Email) > maxEmail:
		s.fail(w, r, http.StatusUnauthorized, codeCredentials, "wrong email or password")
		return
	}
	session, ok := s.logIn(w, r, req, until)
	if !ok {
		return
	}
	s.giveDischarge(w, r, []byte(req.CaveatID), at, grant{session, 1})
}

// logIn verifies the password and records the login. If it refuses the request, it answers it, with the same answer for an unknown
// account.
func (s *Server) logIn(w http.ResponseWriter, r *http.Request, req api.DischargeRequest, until time.Time) (session string, ok bool) {
	email, err := ValidateEmail(req.Email)
	if err != nil {
		email = req.Email
	}
	// An attempt that the address may not make does not count against the account, so nobody can lock an account out from one
	// place.
	wait := s.addresses.countAttempt(address(r))
	if wait == 0 {
		wait = s.accounts.countAttempt(email)
	}
	if wait > 0 {
		s.cfg.Logger.Warn("too many logins", "from", address(r))
		w.Header().Set("Retry-After", fmt.Sprint(int(wait.Seconds())+1))
		s.fail(w, r, http.StatusTooManyRequests, codeTooMany, "too many attempts; wait before the next")
		return "", false
	}
	a, err := s.cfg.Store.Admin(r.Context(), email)
	if errors.Is(err, catalog.ErrNoAdmin) {
		a, err = &catalog.Admin{}, nil
	}
	if err != nil {
		s.failStore(w, r, err)
		return "", false
	}
	good, err := s.verifyPassword(r.Context(), a.Secret, req.Password)
	if err != nil {
		return "", false // an error means that the client is gone
	}
	expired := a.ExpiresAt != nil && !s.cfg.Now().Before(*a.ExpiresAt)
	session = hex.EncodeToString(random(16))
	if good && !expired {
		err = s.cfg.Store.StartSession(r.Context(), a, session, until)
	} else {
		err = catalog.ErrNoAdmin
	}
	switch {
	case errors.Is(err, catalog.ErrNoAdmin):
		s.cfg.Logger.Warn("login refused", "from", address(r))
		s.fail(w, r, http.StatusUnauthorized, codeCredentials, "wrong email or password")
		return "", false
	case err != nil:
		s.failStore(w, r, err)
		return "", false
	}
	s.cfg.Logger.Info("login", "admin", email, "from", address(r))
	return session, true
}

func (s *Server) giveDischarge(w http.ResponseWriter, r *http.Request, caveat []byte, at string, g grant) {
	m, err := s.keys.newDischarge(caveat, at, g.session, g.serial, s.cfg.Now().Add(accessLife))
	if err != nil {
		s.failStore(w, r, err)
		return
	}
	text, err := encode(m)
	if err != nil {
		s.failStore(w, r, err)
		return
	}
	s.answer(w, http.StatusOK, api.DischargeAnswer{DischargeMacaroon: text})
}

func (s *Server) refresh(w http.ResponseWriter, r *http.Request) {
	var req api.RefreshRequest
	if !s.readJSON(w, r, maxLogin, &req) {
		return
	}
	at, ok := s.location(w, r)
	if !ok {
		return
	}
	m, err := decode(req.DischargeMacaroon)
	if err != nil {
		s.fail(w, r, http.StatusUnauthorized, codeCredentials, err.Error())
		return
	}
	g, err := s.keys.verifyDischarge(m, s.cfg.Now())
	if err != nil {
		s.fail(w, r, http.StatusUnauthorized, codeCredentials, err.Error())
		return
	}
	switch err := s.cfg.Store.RefreshSession(r.Context(), g.session, g.serial); {
	case errors.Is(err, catalog.ErrNoSession):
		s.cfg.Logger.Warn("refresh refused", "from", address(r))
		s.fail(w, r, http.StatusUnauthorized, codeCredentials, "the login has ended; log in again")
		return
	case err != nil:
		s.failStore(w, r, err)
		return
	}
	g.serial++
	s.giveDischarge(w, r, m.Id(), at, g)
}
