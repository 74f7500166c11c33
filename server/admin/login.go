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
	at, refusal := s.location(r)
	if refusal != nil {
		s.refuse(w, r, refusal)
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
	at, refusal := s.location(r)
	if refusal != nil {
		s.refuse(w, r, refusal)
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
	session, _, refusal := s.logIn(r, req.Email, req.Password, until)
	if refusal != nil {
		s.refuse(w, r, refusal)
		return
	}
	s.giveDischarge(w, r, []byte(req.CaveatID), at, grant{session, 1})
}

// logIn verifies the password and records the login, which ends with a token that can be used again. The refusal is the same for an unknown
// account.
func (s *Server) logIn(r *http.Request, name, password string, until time.Time) (session string, end time.Time, refusal *Refusal) {
	email, err := ValidateEmail(name)
	if err != nil {
		email = name
	}
	if refusal := s.countAttempt(r, email); refusal != nil {
		return "", end, refusal
	}
	a, err := s.cfg.Store.Admin(r.Context(), email)
	if errors.Is(err, catalog.ErrNoAdmin) {
		a, err = &catalog.Admin{}, nil
	}
	if err != nil {
		return "", end, s.refusalOf(err)
	}
	good, err := s.verifyPassword(r.Context(), a.Secret, password)
	if err != nil {
		return "", end, s.refusalOf(err) // the client is gone, and gets no answer
	}
	expired := a.ExpiresAt != nil && !s.cfg.Now().Before(*a.ExpiresAt)
	if end = until; a.ExpiresAt != nil && !a.Once && a.ExpiresAt.Before(until) {
		end = *a.ExpiresAt
	}
	session = hex.EncodeToString(random(16))
	if good && !expired {
		err = s.cfg.Store.StartSession(actor(r, email), a, session, end)
	} else {
		err = catalog.ErrNoAdmin
	}
	switch {
	case errors.Is(err, catalog.ErrNoAdmin):
		s.cfg.Logger.Warn("login refused", "from", Address(r))
		return "", end, &Refusal{Status: http.StatusUnauthorized, Code: codeCredentials, Message: "wrong email or password"}
	case err != nil:
		return "", end, s.refusalOf(err)
	}
	s.cfg.Logger.Info("login", "admin", email, "from", Address(r))
	return session, end, nil
}

// countAttempt counts an attempt to log in, or refuses it.
func (s *Server) countAttempt(r *http.Request, account string) *Refusal {
	// An attempt that the address may not make does not count against the account, so nobody can lock an account out from one
	// place.
	wait, err := s.addresses.countAttempt(r.Context(), Address(r))
	if wait == 0 && err == nil {
		wait, err = s.accounts.countAttempt(r.Context(), account)
	}
	switch {
	case err != nil:
		return s.refusalOf(err)
	case wait == 0:
		return nil
	}
	s.cfg.Logger.Warn("too many logins", "from", Address(r))
	return &Refusal{http.StatusTooManyRequests, codeTooMany, "too many attempts; wait before the next",
		http.Header{"Retry-After": {fmt.Sprint(int(wait.Seconds()) + 1)}}}
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
	at, refusal := s.location(r)
	if refusal != nil {
		s.refuse(w, r, refusal)
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
	switch err := s.cfg.Store.RefreshSession(actor(r, ""), g.session, g.serial); {
	case errors.Is(err, catalog.ErrNoSession):
		s.cfg.Logger.Warn("refresh refused", "from", Address(r))
		s.fail(w, r, http.StatusUnauthorized, codeCredentials, "the login has ended; log in again")
		return
	case err != nil:
		s.failStore(w, r, err)
		return
	}
	g.serial++
	s.giveDischarge(w, r, m.Id(), at, g)
}
