package admin

import (
	"crypto/sha3"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"math"
	"net/http"
	"strings"
	"time"

	"gopkg.in/macaroon.v2"

	"offlinestore/catalog"
	"offlinestore/macaroons"
)

// forPass is the purpose of the ticket of a pass: the macaroon of a login with a token, which needs no discharge.
const forPass = "pass"

// newPass makes the macaroon of a session.
func (k keys) newPass(location, session string, until time.Time) (*macaroon.Macaroon, error) {
	id := k.ticket(forPass, until)
	m, err := macaroon.New(sum(k.pass, id), id, location, macaroon.V1)
	if err != nil {
		return nil, err
	}
	for _, c := range [][]byte{[]byte(caveatSession + session), expires(until)} {
		if err := m.AddFirstPartyCaveat(c); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// verifyPass returns the content of a pass. Its holder may have narrowed it. A pass that has expired is refused like any other macaroon,
// since there is no refreshing it.
func (k keys) verifyPass(m *macaroon.Macaroon, now time.Time) (grant, error) {
	if _, err := k.verifyTicket(forPass, m.Id(), now); err != nil {
		return grant{}, errForged
	}
	conditions, err := m.VerifySignature(sum(k.pass, m.Id()), nil)
	if err != nil || len(conditions) < 2 {
		return grant{}, errForged
	}
	session, ok := strings.CutPrefix(conditions[0], caveatSession)
	if !ok {
		return grant{}, errForged
	}
	for _, c := range conditions[1:] {
		if !strings.HasPrefix(c, caveatExpires) {
			return grant{}, errForged
		}
	}
	if verifyTimes(conditions[1:], now) != nil {
		return grant{}, errForged
	}
	return grant{session, passSerial}, nil
}

// passSerial is larger than the number of refreshes of any session: a pass is never refreshed.
const passSerial = math.MaxInt

// StoreAdmin is the administrator of the Snap Store whose macaroon the operator of this store has vouched for.
type StoreAdmin struct {
	// Account is the name of the admin here. Digest is the SHA3-384 of the macaroon in hexadecimal digits. Both are empty if there is none.
	Account, Digest string
}

// Exchange exchanges the token of an administrator for a macaroon that Authorize accepts. A token is one that NewToken has made and that is
// the admin's secret, or the macaroon of StoreAdmin.
func (s *Server) Exchange(r *http.Request, token string) (text string, refusal *Refusal) {
	at, refusal := s.location(r)
	if refusal != nil {
		return "", refusal
	}
	var m *macaroon.Macaroon
	chosen, err := macaroons.Admin(token) // snapcraft sends the whole file of the store's admin
	if err == nil {
		m, err = macaroons.Parse(chosen)
	}
	if err != nil {
		return "", &Refusal{Status: http.StatusBadRequest, Code: codeBadRequest, Message: "the token is no macaroon"}
	}
	until := s.cfg.Now().Add(loginLife)
	session, until, refusal := s.startTokenSession(r, m, until)
	if refusal != nil {
		return "", refusal
	}
	pass, err := s.keys.newPass(at, session, until)
	if err == nil {
		text, err = encode(pass)
	}
	if err != nil {
		return "", s.refusalOf(err)
	}
	return text, nil
}

// startTokenSession verifies a token and records the login. It ends at until, or before with the token.
func (s *Server) startTokenSession(r *http.Request, m *macaroon.Macaroon, until time.Time) (session string, end time.Time, refusal *Refusal) {
	binary, err := m.MarshalBinary()
	if err != nil {
		return "", end, s.refusalOf(err)
	}
	digest := sha3.Sum384(binary)
	vouched := s.cfg.StoreAdmin()
	if vouched.Account != "" && subtle.ConstantTimeCompare([]byte(hex.EncodeToString(digest[:])), []byte(vouched.Digest)) == 1 {
		session, refusal = s.startVouchedSession(r, vouched.Account, until)
		return session, until, refusal
	}
	canonical, err := encode(m)
	if err != nil {
		return "", end, s.refusalOf(err)
	}
	email, _ := strings.CutPrefix(string(m.Id()), tokenPrefix)
	if len(canonical) > MaxPassword || len(email) > maxEmail {
		return "", end, wrongToken()
	}
	session, end, refusal = s.logIn(r, email, canonical, until)
	if refusal != nil && refusal.Code == codeCredentials {
		return "", end, wrongToken()
	}
	return session, end, refusal
}

func (s *Server) startVouchedSession(r *http.Request, account string, until time.Time) (session string, refusal *Refusal) {
	if refusal := s.countAttempt(r, account); refusal != nil {
		return "", refusal
	}
	session = hex.EncodeToString(random(16))
	switch err := s.cfg.Store.StartVouchedSession(actor(r, account), account, session, until); {
	case errors.Is(err, catalog.ErrNoAdmin):
		s.cfg.Logger.Warn("login refused", "from", Address(r))
		return "", wrongToken()
	case err != nil:
		return "", s.refusalOf(err)
	}
	s.cfg.Logger.Info("login", "admin", account, "from", Address(r))
	return session, nil
}

func wrongToken() *Refusal {
	return &Refusal{Status: http.StatusUnauthorized, Code: codeNeedLogin, Message: "this store does not know the token, or it was used or has expired"}
}
