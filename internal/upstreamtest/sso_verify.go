package upstreamtest

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"regexp"

	"gopkg.in/macaroon.v2"
)

// authorization matches the documented form of the header.
var authorization = regexp.MustCompile(`^Macaroon root="([A-Za-z0-9_-]+)", discharge="([A-Za-z0-9_-]+)"$`)

// login is the state of the login in a request.
type login struct {
	account *Account // nil without a valid login
	root    permissions
	given   bool
	tooOld  bool
}

// login verifies the login in the header of a request: both macaroons, the binding, and the age.
func (s *SSO) login(header string) (l login) {
	if header == "" {
		return l
	}
	l.given = true
	m := authorization.FindStringSubmatch(header)
	if m == nil {
		return l
	}
	root, err := decodeMacaroon(m[1])
	if err != nil {
		return l
	}
	d, err := decodeMacaroon(m[2])
	if err != nil || root.Verify([]byte(rootKey), func(string) error { return nil }, []*macaroon.Macaroon{d}) != nil {
		return l
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	values := s.values(d)
	l.account, l.root = s.accounts[values["account"]], s.roots[string(root.Id())]
	l.tooOld = s.now().Sub(unix(values["last_auth"])) > dischargeAge
	return l
}

// refuseLogin answers a request with a login that is invalid or too old. It reports whether it did.
func (s *SSO) refuseLogin(w http.ResponseWriter, l login) bool {
	switch {
	case l.tooOld:
		w.Header().Set("WWW-Authenticate", "Macaroon needs_refresh=1")
		writeListError(w, http.StatusUnauthorized, "macaroon-needs-refresh", "Expired macaroon (age: 90000 seconds)")
	case l.given && l.account == nil:
		writeListError(w, http.StatusUnauthorized, "macaroon-authorization-required", "Authorization Required")
	default:
		return false
	}
	return true
}

func (s *SSO) serveWhoAmI(w http.ResponseWriter, r *http.Request) {
	l := s.login(r.Header.Get("Authorization"))
	if s.refuseLogin(w, l) {
		return
	}
	if l.account == nil {
		writeListError(w, http.StatusUnauthorized, "macaroon-authorization-required", "Authorization Required")
		return
	}
	a := l.account
	writeJSON(w, http.StatusOK, object{
		"account":  object{"email": a.Email, "id": a.ID, "name": a.Username, "username": a.Username},
		"channels": nil, "errors": []string{}, "expires": orNull(l.root.Expires), "packages": nil, "permissions": l.root.Permissions, "store_ids": nil,
	})
}

func decodeMacaroon(text string) (*macaroon.Macaroon, error) {
	b, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return nil, err
	}
	var m macaroon.Macaroon
	return &m, m.UnmarshalBinary(b)
}

func readJSON(w http.ResponseWriter, r *http.Request, v any) error {
	return json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<20)).Decode(v)
}

// writeListError answers as the dashboard does.
func writeListError(w http.ResponseWriter, status int, code, message string) {
	writeJSON(w, status, object{"error_list": []object{{"code": code, "message": message}}})
}

// writeSSOError answers as Ubuntu SSO does.
func writeSSOError(w http.ResponseWriter, status int, code, message string) {
	writeJSON(w, status, object{"code": code, "message": message, "extra": object{}})
}
