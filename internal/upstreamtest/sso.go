package upstreamtest

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"gopkg.in/macaroon.v2"
)

// Account is an account at the simulated Ubuntu SSO.
type Account struct {
	Email, Password string
	// OTP is the one-time password that works next, or empty for an account without a second factor.
	OTP          string
	ID, Username string
	// Refused is the code of the error for every login, such as ACCOUNT_SUSPENDED, or empty.
	Refused string
}

// Ages of a discharge. The store asks for a refresh after the first. Ubuntu SSO refuses to refresh after the second.
const (
	dischargeAge = 24 * time.Hour
	loginAge     = 90 * 24 * time.Hour
)

// SSO is a simulated Ubuntu SSO with the logins of a dashboard. Its messages are the documented ones.
type SSO struct {
	Faults
	mu       sync.Mutex
	host     string
	accounts map[string]*Account
	// caveats maps the ID of a caveat to its key, and roots the ID of a root to its request.
	caveats map[string][]byte
	roots   map[string]permissions
	// allowed are the permissions that new roots may have; nil is all.
	allowed []string
	// age is added to the age of every macaroon.
	age time.Duration
	// secrets are the macaroons that were issued.
	secrets []string
}

// permissions is the part of a request for a root that the dashboard keeps.
type permissions struct {
	Permissions []string `json:"permissions"`
	Expires     string   `json:"expires"`
}

// NewSSO returns an SSO without accounts. Logins need SetHost.
func NewSSO() *SSO {
	return &SSO{accounts: map[string]*Account{}, caveats: map[string][]byte{}, roots: map[string]permissions{}}
}

// SetHost sets the host of the SSO with its port, which the dashboard names in caveats.
func (s *SSO) SetHost(host string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.host = host
}

// SetAccount adds or replaces an account.
func (s *SSO) SetAccount(a Account) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.accounts[a.Email] = &a
}

// Age makes all macaroons older.
func (s *SSO) Age(by time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.age += by
}

// Limit limits the permissions of new logins. An empty list lifts the limit.
func (s *SSO) Limit(permissions []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.allowed = permissions
}

// Secrets returns all macaroons that were issued so far.
func (s *SSO) Secrets() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.secrets...)
}

// Handler returns the handler of Ubuntu SSO.
func (s *SSO) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /api/v2/tokens/discharge", s.serveDischarge)
	mux.HandleFunc("POST /api/v2/tokens/refresh", s.serveRefresh)
	return s.faulty(mux)
}

// Dashboard returns the handler of a dashboard without stores.
func (s *SSO) Dashboard() http.Handler { return s.faulty(s.logins()) }

// logins returns the handler of the dashboard's logins.
func (s *SSO) logins() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /dev/api/acl/", s.serveRoot)
	mux.HandleFunc("GET /api/v2/tokens/whoami", s.serveWhoAmI)
	return mux
}

// rootKey is the key of all roots.
const rootKey = "the dashboard's key of all roots"

func (s *SSO) serveRoot(w http.ResponseWriter, r *http.Request) {
	var p permissions
	if err := readJSON(w, r, &p); err != nil || len(p.Permissions) == 0 {
		writeListError(w, http.StatusBadRequest, "field-required", "permissions are required")
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.allowed) > 0 {
		p.Permissions = slices.DeleteFunc(p.Permissions, func(name string) bool { return !slices.Contains(s.allowed, name) })
	}
	n := len(s.roots) + 1
	id, caveat, key := fmt.Sprintf("root %d", n), fmt.Sprintf(`{"secret": "c2VhbGVk%d", "version": 1}`, n), fmt.Appendf(nil, "caveat key %d", n)
	m, err := macaroon.New([]byte(rootKey), []byte(id), "dashboard.snapcraft.io", macaroon.V1)
	if err == nil {
		err = m.AddFirstPartyCaveat([]byte("dashboard.snapcraft.io|acl|" + strings.Join(p.Permissions, ",")))
	}
	if err == nil {
		err = m.AddThirdPartyCaveat(key, []byte(caveat), s.host)
	}
	if err != nil {
		panic(err) // the macaroons of the simulation can always be made
	}
	s.roots[id], s.caveats[caveat] = p, key
	writeJSON(w, http.StatusOK, object{"macaroon": s.issue(m)})
}

// issue returns the text of a macaroon, and remembers it as a secret.
func (s *SSO) issue(m *macaroon.Macaroon) string {
	b, err := m.MarshalBinary()
	if err != nil {
		panic(err)
	}
	text := base64.RawURLEncoding.EncodeToString(b)
	s.secrets = append(s.secrets, text)
	return text
}

func (s *SSO) serveDischarge(w http.ResponseWriter, r *http.Request) {
	var q struct {
		Email    string `json:"email"`
		Password string `json:"password"`
		OTP      string `json:"otp"`
		CaveatID string `json:"caveat_id"`
	}
	if readJSON(w, r, &q) != nil || q.Email == "" || q.Password == "" || q.CaveatID == "" {
		writeSSOError(w, http.StatusBadRequest, "INVALID_DATA", "Invalid request data")
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.accounts[q.Email]
	switch {
	case a == nil || a.Password != q.Password:
		// A careless service might repeat the password.
		writeSSOError(w, http.StatusUnauthorized, "INVALID_CREDENTIALS", "Provided email/password is not correct: "+q.Password)
	case a.Refused != "":
		writeSSOError(w, http.StatusForbidden, a.Refused, "Your account is not active")
	case a.OTP != "" && q.OTP == "":
		writeSSOError(w, http.StatusUnauthorized, "TWOFACTOR_REQUIRED", "2-factor authentication required.")
	case a.OTP != q.OTP:
		writeSSOError(w, http.StatusForbidden, "TWOFACTOR_FAILURE", "The provided 2-factor key is not recognised: "+q.OTP)
	case s.caveats[q.CaveatID] == nil:
		writeSSOError(w, http.StatusBadRequest, "INVALID_DATA", "Invalid caveat")
	default:
		writeJSON(w, http.StatusOK, object{"discharge_macaroon": s.discharge(q.CaveatID, a, s.now())})
	}
}

// now returns the time of the simulation.
func (s *SSO) now() time.Time { return time.Now().Add(s.age) }

// discharge returns a discharge of a caveat for a login that began at since.
func (s *SSO) discharge(caveat string, a *Account, since time.Time) string {
	m, err := macaroon.New(s.caveats[caveat], []byte(caveat), s.host, macaroon.V1)
	for _, c := range []string{"account|" + a.Email, "valid_since|" + strconv.FormatInt(since.Unix(), 10), "last_auth|" + strconv.FormatInt(s.now().Unix(), 10)} {
		if err == nil {
			err = m.AddFirstPartyCaveat([]byte(s.host + "|" + c))
		}
	}
	if err != nil {
		panic(err)
	}
	return s.issue(m)
}

func (s *SSO) serveRefresh(w http.ResponseWriter, r *http.Request) {
	var q struct {
		Discharge string `json:"discharge_macaroon"`
	}
	if readJSON(w, r, &q) != nil {
		writeSSOError(w, http.StatusBadRequest, "INVALID_DATA", "Invalid request data")
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	d, err := decodeMacaroon(q.Discharge)
	if err != nil || s.caveats[string(d.Id())] == nil || d.Verify(s.caveats[string(d.Id())], func(string) error { return nil }, nil) != nil {
		writeSSOError(w, http.StatusBadRequest, "INVALID_DATA", "Invalid macaroon "+q.Discharge)
		return
	}
	values := s.values(d)
	a, since := s.accounts[values["account"]], unix(values["valid_since"])
	switch {
	case a == nil || a.Refused != "":
		writeSSOError(w, http.StatusForbidden, "ACCOUNT_SUSPENDED", "Your account is not active")
	case s.now().Sub(since) > loginAge:
		writeSSOError(w, http.StatusUnauthorized, "INVALID_CREDENTIALS", "The macaroon can not be refreshed: "+q.Discharge)
	default:
		writeJSON(w, http.StatusOK, object{"discharge_macaroon": s.discharge(string(d.Id()), a, since)})
	}
}

// values returns the caveats of a discharge by their names.
func (s *SSO) values(d *macaroon.Macaroon) map[string]string {
	out := map[string]string{}
	for _, c := range d.Caveats() {
		if name, value, ok := strings.Cut(strings.TrimPrefix(string(c.Id), s.host+"|"), "|"); ok {
			out[name] = value
		}
	}
	return out
}

func unix(text string) time.Time {
	n, _ := strconv.ParseInt(text, 10, 64)
	return time.Unix(n, 0)
}
