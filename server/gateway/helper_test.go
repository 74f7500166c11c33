package gateway_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"offlinestore/assertion"
	"offlinestore/catalog"
	"offlinestore/internal/admintest"
	"offlinestore/internal/assertiontest"
	"offlinestore/internal/bundletest"
	"offlinestore/internal/pgtest"
	"offlinestore/internal/registrartest"
	"offlinestore/server/admin"
	"offlinestore/server/gateway"
	"offlinestore/server/gateway/api"
)

// The admins, each with the role that the name tells, and the brand.
const (
	modeller = "model@example.internal"
	operator = "op@example.internal"
	viewer   = "view@example.internal"
	brand    = "acme"
	inBrand  = "/v1/brand/" + brand
)

// store is a store with a gateway, its admins and a brand.
type store struct {
	t     *testing.T
	db    *catalog.DB
	dsn   string
	url   string
	token *registrartest.Token
	stack *assertiontest.Stack
	// vouched is the administrator of the Snap Store.
	vouched admin.StoreAdmin
	// logins has a macaroon for each admin, and none for "".
	logins map[string]string
	// tokens counts the tokens that addToken has made.
	tokens int
	pushes int
	// timeout is the one of the server for requests and answers; 0 is none.
	timeout time.Duration
}

func newStore(t *testing.T) *store {
	t.Helper()
	s := &store{t: t, dsn: pgtest.NewFrom(t, bundletest.Migrate), token: registrartest.NewToken(), stack: assertiontest.NewStack(t), logins: map[string]string{"": ""}}
	db, err := catalog.Open(t.Context(), s.dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	s.db = db
	s.serve(gateway.Config{Token: s.token})
	s.push(s.stack.Account(brand, "Acme Ltd", nil))
	for email, roles := range map[string][]string{modeller: {catalog.RoleModelAdministrator}, operator: {catalog.RoleOperator}, viewer: {catalog.RoleViewer}} {
		s.logins[email] = s.exchange(s.addToken(email, roles))
	}
	return s
}

// serve starts a server with the gateway.
func (s *store) serve(c gateway.Config) {
	s.t.Helper()
	srv, err := admin.New(admin.Config{Store: s.db, Secret: strings.Repeat("s", 64), StoreAdmin: func() admin.StoreAdmin { return s.vouched }})
	if err != nil {
		s.t.Fatal(err)
	}
	c.Admin, c.Store = srv, s.db
	srv.Mount(api.Path, gateway.New(c))
	hs := httptest.NewUnstartedServer(srv.Handler())
	hs.Config.ReadTimeout, hs.Config.WriteTimeout = s.timeout, s.timeout
	hs.Start()
	s.t.Cleanup(hs.Close)
	s.url = hs.URL
}

// push imports assertions.
func (s *store) push(list ...*assertion.Assertion) {
	s.t.Helper()
	s.pushes++
	in := &catalog.Import{Bundle: digest.FromString(strings.Repeat("x", s.pushes)), Name: "keys", Signer: "sha256:aa",
		SignedAt: time.Date(2026, 11, 16, 9, s.pushes, 0, 0, time.UTC), Sequence: uint64(s.pushes)}
	for _, a := range list {
		in.Assertions = append(in.Assertions, catalog.Assertion{Type: a.Type(), PrimaryKey: a.Ref().PrimaryKey, Revision: a.Revision(), Raw: a.Raw()})
	}
	if _, err := s.db.Apply(s.t.Context(), in); err != nil {
		s.t.Fatal(err)
	}
}

// secret is a token and its hash.
type secret struct{ token, hash string }

// secrets are the tokens of all tests, because hashing one takes as long as the rest of a test. Each store has its own admins.
var secrets struct {
	sync.Mutex
	made map[string]secret
}

// secretOf returns the n-th token of an admin.
func secretOf(t *testing.T, email string, n int) secret {
	t.Helper()
	secrets.Lock()
	defer secrets.Unlock()
	key := fmt.Sprint(n, email)
	if made, ok := secrets.made[key]; ok {
		return made
	}
	token, err := admin.NewToken(email)
	if err != nil {
		t.Fatal(err)
	}
	if secrets.made == nil {
		secrets.made = make(map[string]secret)
	}
	secrets.made[key] = secret{token, admintest.Hash(token)}
	return secrets.made[key]
}

// addToken adds an admin, and returns a token that can be used once.
func (s *store) addToken(email string, roles []string) string {
	s.t.Helper()
	s.tokens++
	made := secretOf(s.t, email, s.tokens)
	token := made.token
	until := time.Now().Add(time.Hour)
	if err := s.db.PutAdmin(s.t.Context(), catalog.Admin{Email: email, Secret: made.hash, Once: true, ExpiresAt: &until, Roles: roles}); err != nil {
		s.t.Fatal(err)
	}
	return token
}

func (s *store) exchange(token string) string {
	s.t.Helper()
	var answer api.ExchangeAnswer
	s.want(200, &answer, "", "POST", "/v1/tokens/offline/exchange", api.ExchangeRequest{Macaroon: token})
	return answer.Macaroon
}

// call sends a request as an admin. The body is JSON, or a text that is sent as it is.
func (s *store) call(as, method, path string, body any) (status int, answer []byte) {
	s.t.Helper()
	var text []byte
	switch b := body.(type) {
	case nil:
	case string:
		text = []byte(b)
	default:
		var err error
		if text, err = json.Marshal(b); err != nil {
			s.t.Fatal(err)
		}
	}
	req, err := http.NewRequestWithContext(s.t.Context(), method, s.url+api.Path+path, bytes.NewReader(text))
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	if s.logins[as] != "" {
		req.Header.Set("Authorization", "Macaroon "+s.logins[as])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	if answer, err = io.ReadAll(resp.Body); err != nil {
		s.t.Fatal(err)
	}
	return resp.StatusCode, answer
}

// want sends a request, and reads the answer, whose status must be as given.
func (s *store) want(status int, answer any, as, method, path string, body any) {
	s.t.Helper()
	got, text := s.call(as, method, path, body)
	if got != status {
		s.t.Fatalf("%s %s %v as %q = %d %s, want %d", method, path, body, as, got, text, status)
	}
	if answer == nil {
		return
	}
	if err := json.Unmarshal(text, answer); err != nil {
		s.t.Fatalf("%s %s: %v in %s", method, path, err, text)
	}
}

// refused sends a request that must be refused with a code.
func (s *store) refused(status int, code, as, method, path string, body any) {
	s.t.Helper()
	got, text := s.call(as, method, path, body)
	var e api.ErrorBody
	if err := json.Unmarshal(text, &e); err != nil || got != status || len(e.ErrorList) != 1 || e.ErrorList[0].Code != code || e.ErrorList[0].Message == "" {
		s.t.Errorf("%s %s %.80v as %q = %d %s, want %d %s", method, path, body, as, got, text, status, code)
	}
}

// addModel makes a model.
func (s *store) addModel(name string) {
	s.t.Helper()
	s.want(201, nil, modeller, "POST", inBrand+"/model", map[string]string{"name": name, "series": "16"})
}

// addKey makes a key.
func (s *store) addKey(name string) (k api.SigningKey) {
	s.t.Helper()
	s.want(201, &k, modeller, "POST", inBrand+"/signing_key", map[string]string{"name": name})
	return k
}
