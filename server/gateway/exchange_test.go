package gateway_test

import (
	"crypto/sha3"
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"gopkg.in/macaroon.v2"

	"offlinestore/catalog"
	"offlinestore/server/admin"
	"offlinestore/server/gateway/api"
)

const exchangePath = "/v1/tokens/offline/exchange"

// TestTokenIsUsedOnce exchanges the token that add-admin prints.
func TestTokenIsUsedOnce(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	const jo = "jo@example.internal"
	token := s.addToken(jo, []string{catalog.RoleViewer})
	for _, body := range []string{``, `{}`, `{"macaroon":""}`, `{"macaroon":"@"}`, `{"macaroon":"` + strings.Repeat("A", 90000) + `"}`} {
		s.refused(400, api.CodeBadRequest, "", "POST", exchangePath, body)
	}
	s.refused(401, api.CodeNeedLogin, "", "POST", exchangePath, api.ExchangeRequest{Macaroon: newMacaroon(t, "store-admin|token|"+jo)})
	s.logins[jo] = s.exchange(token)
	s.want(200, nil, jo, "GET", inBrand, nil)
	s.refused(401, api.CodeNeedLogin, "", "POST", exchangePath, api.ExchangeRequest{Macaroon: token})
	s.want(200, nil, jo, "GET", inBrand, nil)
	if err := s.db.SetRoles(t.Context(), jo, []string{catalog.RoleModelAdministrator}); err != nil {
		t.Fatal(err)
	}
	s.want(201, nil, jo, "POST", inBrand+"/model", `{"name":"pump","series":"16"}`)
	if err := s.db.RemoveAdmin(t.Context(), jo); err != nil {
		t.Fatal(err)
	}
	s.refused(401, api.CodeNeedLogin, jo, "GET", inBrand, nil)
}

func newMacaroon(t *testing.T, id string) string {
	t.Helper()
	m, err := macaroon.New([]byte("a key that nobody knows"), []byte(id), "x", macaroon.V2)
	if err != nil {
		t.Fatal(err)
	}
	b, err := m.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	return base64.RawURLEncoding.EncodeToString(b)
}

// TestVouchedMacaroon exchanges a macaroon of the Snap Store that root has vouched for.
func TestVouchedMacaroon(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	const account = "AcmeAdminAccountId"
	token := newMacaroon(t, "of the Snap Store "+strings.Repeat("x", 20000)) // such macaroons may be large
	raw, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil {
		t.Fatal(err)
	}
	digest := sha3.Sum384(raw)
	refused := func(what string) {
		t.Helper()
		if status, text := s.call("", "POST", exchangePath, api.ExchangeRequest{Macaroon: token}); status != 401 {
			t.Errorf("%s = %d %s, want 401", what, status, text)
		}
	}
	refused("nobody has vouched")
	s.vouched = admin.StoreAdmin{Account: account, Digest: hex.EncodeToString(digest[:])}
	refused("the account is no admin")
	if err := s.db.PutAdmin(t.Context(), catalog.Admin{Email: account, Roles: []string{catalog.RoleModelAdministrator}}); err != nil {
		t.Fatal(err)
	}
	for range 2 { // a macaroon of the Snap Store can be used again
		s.logins[account] = s.exchange(token)
		s.want(200, nil, account, "GET", inBrand+"/model", nil)
	}
	if row := s.lastAct(); !strings.Contains(row, `"what":"log-in"`) || !strings.Contains(row, `"who":"`+account+`"`) || !strings.Contains(row, `"from":"loopback"`) {
		t.Errorf("the newest row of the audit trail is %s, want the login of %s", row, account)
	}
	s.logins["padded"] = s.exchange(base64.StdEncoding.EncodeToString(raw))
	s.logins["the whole file"] = s.exchange(base64.StdEncoding.EncodeToString([]byte(`{"t": "u1-macaroon", "v": {"r": "` + token + `", "d": "` + token + `"}}`)))
	s.want(200, nil, "the whole file", "GET", inBrand+"/model", nil)
	s.vouched.Digest = strings.Repeat("0", 96)
	refused("another macaroon is vouched for")
	s.vouched = admin.StoreAdmin{Account: account}
	refused("no macaroon is vouched for")
	if err := s.db.RemoveAdmin(t.Context(), account); err != nil {
		t.Fatal(err)
	}
	s.refused(401, api.CodeNeedLogin, account, "GET", inBrand, nil)
}

// TestForgedPasses alters the macaroon of a login.
func TestForgedPasses(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	good := decode(t, s.logins[modeller])
	altered := func(f func(*macaroon.Macaroon)) string {
		m := good.Clone()
		f(m)
		b, err := m.MarshalBinary()
		if err != nil {
			t.Fatal(err)
		}
		return base64.RawURLEncoding.EncodeToString(b)
	}
	caveat := func(text string) string {
		return altered(func(m *macaroon.Macaroon) {
			if err := m.AddFirstPartyCaveat([]byte(text)); err != nil {
				t.Error(err)
			}
		})
	}
	forged, err := macaroon.New([]byte("guess"), good.Id(), good.Location(), macaroon.V1)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range good.Caveats() {
		if err := forged.AddFirstPartyCaveat(c.Id); err != nil {
			t.Fatal(err)
		}
	}
	b, err := forged.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	for what, text := range map[string]string{
		"another key":      base64.RawURLEncoding.EncodeToString(b),
		"another session":  caveat("store-admin|session|0"),
		"a serial":         caveat("store-admin|serial|9"),
		"unknown":          caveat("is-admin"),
		"expired":          caveat("store-admin|expires|2020-01-01T00:00:00Z"),
		"no time":          caveat("store-admin|expires|never"),
		"a token":          s.addToken("jo@example.internal", nil),
		"nothing":          "AA",
		"no caveats":       newMacaroon(t, string(good.Id())),
		"too long a value": strings.Repeat("A", 20000),
	} {
		s.logins["forged"] = text
		if status, answer := s.call("forged", "GET", inBrand, nil); status != http.StatusUnauthorized {
			t.Errorf("%s = %d %s, want 401", what, status, answer)
		}
	}
	s.logins["narrowed"] = caveat("store-admin|expires|2999-01-01T00:00:00Z")
	s.want(200, nil, "narrowed", "GET", inBrand, nil)
}

func decode(t *testing.T, text string) *macaroon.Macaroon {
	t.Helper()
	b, err := macaroon.Base64Decode([]byte(text))
	var m macaroon.Macaroon
	if err == nil {
		err = m.UnmarshalBinary(b)
	}
	if err != nil {
		t.Fatal(err)
	}
	return &m
}

// TestExchangeIsLimited checks that guesses have to wait.
func TestExchangeIsLimited(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	guess := newMacaroon(t, "store-admin|token|"+modeller)
	for range 30 {
		status, _ := s.call("", "POST", exchangePath, api.ExchangeRequest{Macaroon: guess})
		switch status {
		case http.StatusUnauthorized:
			continue
		case http.StatusTooManyRequests:
			return
		}
		t.Fatalf("a guess = %d, want 401 or 429", status)
	}
	t.Error("30 guesses had no end")
}

// lastAct returns the newest row of the audit trail.
func (s *store) lastAct() (row string) {
	s.t.Helper()
	conn, err := pgx.Connect(s.t.Context(), s.dsn)
	if err != nil {
		s.t.Fatal(err)
	}
	defer conn.Close(s.t.Context())
	if err := conn.QueryRow(s.t.Context(), `select content from audit order by number desc limit 1`).Scan(&row); err != nil {
		s.t.Fatal(err)
	}
	return row
}
