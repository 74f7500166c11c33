package account_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"offlinestore/account"
	"offlinestore/internal/upstreamtest"
	"offlinestore/keyring"
	"offlinestore/upstream"
)

// services are the simulated services of a login.
type services struct {
	*upstreamtest.SSO
	login account.Login
}

const email, password = "jo@acme.example", "correct-horse-battery"

// newServices returns services with an account.
func newServices(t *testing.T) *services {
	t.Helper()
	for _, name := range account.Variables {
		t.Setenv(name, "")
	}
	sso := upstreamtest.NewSSO()
	login, dashboard := httptest.NewServer(sso.Handler()), httptest.NewServer(sso.Dashboard())
	t.Cleanup(login.Close)
	t.Cleanup(dashboard.Close)
	sso.SetHost(login.Listener.Addr().String())
	sso.SetAccount(upstreamtest.Account{Email: email, Password: password, Username: "jo"})
	return &services{sso, account.Login{Email: email, Store: dashboard.URL, Dashboard: dashboard.URL, SSO: login.URL}}
}

// logIn saves a login below dir.
func (s *services) logIn(t *testing.T, dir string) account.Login {
	t.Helper()
	dashboard, err := upstream.NewLogin(upstream.Config{Origin: s.login.Dashboard})
	if err != nil {
		t.Fatal(err)
	}
	sso, err := upstream.NewLogin(upstream.Config{Origin: s.login.SSO})
	if err != nil {
		t.Fatal(err)
	}
	l := s.login
	root, caveat, err := dashboard.RequestMacaroon(t.Context(), upstream.MacaroonRequest{Permissions: []string{"package_access"}}, sso.Host())
	if err != nil {
		t.Fatal(err)
	}
	l.Root = root
	if l.Discharge, err = sso.Discharge(t.Context(), upstream.DischargeRequest{Email: email, Password: password, CaveatID: caveat}); err != nil {
		t.Fatal(err)
	}
	if err := l.Save(t.Context(), dir); err != nil {
		t.Fatal(err)
	}
	return l
}

// whoAmI asks the dashboard with the login that applies.
func (s *services) whoAmI(t *testing.T, session *account.Session) error {
	c, err := upstream.NewLogin(upstream.Config{Origin: s.login.Dashboard, Auth: session})
	if err != nil {
		return err
	}
	a, err := c.WhoAmI(t.Context())
	if err == nil && a.Account.Username != "jo" {
		t.Errorf("WhoAmI = %+v", a)
	}
	return err
}

func (s *services) find(t *testing.T, dir string) *account.Session {
	t.Helper()
	l, err := account.Find(dir, s.login)
	if err != nil {
		t.Fatal(err)
	}
	session, err := account.NewSession(l, upstream.Config{})
	if err != nil {
		t.Fatal(err)
	}
	return session
}

// TestRefreshOnce lets several sessions, as of several processes, and several requests of each find a login too old.
func TestRefreshOnce(t *testing.T) {
	s, dir := newServices(t), t.TempDir()
	s.logIn(t, dir)
	var sessions []*account.Session
	for range 3 {
		sessions = append(sessions, s.find(t, dir))
	}
	s.Age(25 * time.Hour)
	var wg sync.WaitGroup
	for _, session := range sessions {
		for range 3 {
			wg.Go(func() {
				if err := s.whoAmI(t, session); err != nil {
					t.Error(err)
				}
			})
		}
	}
	wg.Wait()
	if n := s.Count("/api/v2/tokens/refresh"); n != 1 {
		t.Errorf("%d refreshes, want 1", n)
	}
	if err := s.whoAmI(t, s.find(t, dir)); err != nil || s.Count("/api/v2/tokens/refresh") != 1 {
		t.Errorf("the refreshed login is not kept: %v", err)
	}
}

// TestLogOutWhileRefreshing checks that a session brings no login back that its user has removed.
func TestLogOutWhileRefreshing(t *testing.T) {
	s, dir := newServices(t), t.TempDir()
	s.logIn(t, dir)
	session := s.find(t, dir)
	if err := account.Forget(t.Context(), dir); err != nil {
		t.Fatal(err)
	}
	s.Age(25 * time.Hour)
	if err := s.whoAmI(t, session); err != nil {
		t.Error(err)
	}
	if _, err := account.Find(dir, s.login); !errors.Is(err, account.ErrNone) {
		t.Errorf("Find after Forget = %v, want ErrNone", err)
	}
	if err := account.Forget(t.Context(), dir); !errors.Is(err, account.ErrNone) {
		t.Errorf("Forget again = %v, want ErrNone", err)
	}
}

// TestLogOutDuringRefresh logs out while the service answers. The session does not bring the login back.
func TestLogOutDuringRefresh(t *testing.T) {
	s, dir := newServices(t), t.TempDir()
	s.logIn(t, dir)
	session := s.find(t, dir)
	s.Age(25 * time.Hour)
	asked, answer := make(chan bool), make(chan bool)
	s.Inject(upstreamtest.Fault{Path: "/api/v2/tokens/refresh", Do: func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			asked <- true
			<-answer
			h.ServeHTTP(w, r)
		})
	}})
	refreshed, forgotten := make(chan error, 1), make(chan error, 1)
	go func() { refreshed <- s.whoAmI(t, session) }()
	<-asked
	go func() { forgotten <- account.Forget(t.Context(), dir) }()
	select {
	case err := <-forgotten:
		t.Errorf("Forget = %v during a refresh, want it to wait", err)
		forgotten <- err
	case <-time.After(50 * time.Millisecond):
	}
	close(answer)
	if err := errors.Join(<-refreshed, <-forgotten); err != nil {
		t.Error(err)
	}
	if _, err := account.Find(dir, s.login); !errors.Is(err, account.ErrNone) {
		t.Errorf("Find after Forget = %v, want ErrNone", err)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) > 0 {
		t.Errorf("Forget leaves %v, %v", entries, err)
	}
}

// TestOtherStoreMeanwhile saves a login for another store while a session is open. The session does not overwrite it.
func TestOtherStoreMeanwhile(t *testing.T) {
	s, dir := newServices(t), t.TempDir()
	l := s.logIn(t, dir)
	session := s.find(t, dir)
	l.Store = "https://other.example"
	if err := l.Save(t.Context(), dir); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		s.Age(25 * time.Hour)
		if err := s.whoAmI(t, session); err != nil {
			t.Error(err)
		}
	}
	if now, err := account.Find(dir, s.login); err != nil || now.Store != l.Store || now.Discharge != l.Discharge {
		t.Errorf("the other store's login is now %v, %v", now, err)
	}
	s.Age(3000 * time.Hour)
	var expired *account.ExpiredError
	if err := s.whoAmI(t, session); !errors.As(err, &expired) || !expired.Saved {
		t.Errorf("an expired login: %v", err)
	}
}

// TestRefusedOnce lets many requests find a login too old that the service does not refresh. It is asked once, until there is another login.
func TestRefusedOnce(t *testing.T) {
	const refresh = "/api/v2/tokens/refresh"
	for name, test := range map[string]struct {
		fault func(http.Handler) http.Handler
		want  error
	}{
		"suspended": {nil, upstream.ErrUnauthorized}, "busy": {upstreamtest.Status(http.StatusTooManyRequests), upstream.ErrUnavailable},
		"broken": {upstreamtest.Status(http.StatusBadGateway), upstream.ErrUnavailable},
	} {
		s, dir := newServices(t), t.TempDir()
		s.logIn(t, dir)
		session := s.find(t, dir)
		s.Age(25 * time.Hour)
		if test.fault != nil {
			s.Inject(upstreamtest.Fault{Path: refresh, Do: test.fault})
		} else {
			s.SetAccount(upstreamtest.Account{Email: email, Password: password, Username: "jo", Refused: "ACCOUNT_SUSPENDED"})
		}
		// A store is asked again after other failures.
		store, err := upstream.New(upstream.Config{Origin: s.login.Dashboard, Auth: session, Backoff: func(int) time.Duration { return 0 }})
		if err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		for range 10 {
			wg.Go(func() {
				if _, err := store.WhoAmI(t.Context()); !errors.Is(err, test.want) {
					t.Errorf("%s: %v, want %v", name, err, test.want)
				}
			})
		}
		wg.Wait()
		if n := s.Count(refresh); n != 1 {
			t.Errorf("%s: %d refreshes, want 1", name, n)
		}
		s.Heal()
		s.SetAccount(upstreamtest.Account{Email: email, Password: password, Username: "jo"})
		if err := s.whoAmI(t, session); !errors.Is(err, test.want) {
			t.Errorf("%s, with the same login: %v, want %v", name, err, test.want)
		}
		s.logIn(t, dir)
		if err := s.whoAmI(t, session); err != nil {
			t.Errorf("%s, after another login: %v", name, err)
		}
	}
}

func TestExpired(t *testing.T) {
	s, dir := newServices(t), t.TempDir()
	l := s.logIn(t, dir)
	s.Age(3000 * time.Hour)
	var expired *account.ExpiredError
	if err := s.whoAmI(t, s.find(t, dir)); !errors.As(err, &expired) || !expired.Saved {
		t.Errorf("an expired login: %v", err)
	}
	t.Setenv("STORE_ADMIN_TOKEN", l.Root)
	if err := s.whoAmI(t, s.find(t, dir)); !errors.Is(err, upstream.ErrUnauthorized) {
		t.Errorf("a macaroon alone: %v", err)
	}
	t.Setenv("STORE_ADMIN_TOKEN", `{"t":"u1-macaroon","v":{"r":"`+l.Root+`","d":"`+l.Discharge+`"}}`)
	if err := s.whoAmI(t, s.find(t, dir)); !errors.As(err, &expired) || expired.Saved || expired.Source != "STORE_ADMIN_TOKEN" {
		t.Errorf("an expired login of the environment: %v", err)
	}
}

// TestFileIsPrivate checks the mode of the file, and that others may not read it.
func TestFileIsPrivate(t *testing.T) {
	s, dir := newServices(t), filepath.Join(t.TempDir(), "new")
	s.logIn(t, dir)
	path := filepath.Join(dir, "snap-store.json")
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v; want 0600", info.Mode(), err)
	}
	text, err := os.ReadFile(path)
	if err != nil || strings.Contains(string(text), password) {
		t.Errorf("the file has the password, or %v", err)
	}
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	var public *keyring.PermissionError
	if _, err := account.Find(dir, s.login); !errors.As(err, &public) {
		t.Errorf("Find = %v, want a PermissionError", err)
	}
	if err := os.WriteFile(path, []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := account.Find(dir, s.login); !errors.Is(err, account.ErrDamaged) {
		t.Errorf("Find = %v, want ErrDamaged", err)
	}
}

func TestIsFor(t *testing.T) {
	t.Parallel()
	l := account.Login{Store: "https://api.snapcraft.io"}
	for store, want := range map[string]bool{
		"https://api.snapcraft.io/": true, "https://API.snapcraft.io:443": true, "https://api.snapcraft.io/path": true, "http://api.snapcraft.io": false,
		"https://api.snapcraft.io:8443": false, "https://api.snapcraft.io.example": false, "https://snapcraft.io": false, "%zz": false,
	} {
		if got := l.IsFor(store); got != want {
			t.Errorf("IsFor(%q) = %v, want %v", store, got, want)
		}
	}
}
