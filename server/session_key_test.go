package server_test

import (
	"context"
	"encoding/base64"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"gopkg.in/macaroon.v2"

	"offlinestore/assertion"
	"offlinestore/internal/assertiontest"
	"offlinestore/internal/doctest"
	"offlinestore/server"
	"offlinestore/session"
)

// brokenRecord is a database that takes no nonces.
type brokenRecord struct{}

func (brokenRecord) UseNonce(context.Context, []byte, time.Time) (bool, error) {
	return false, errors.New("no database")
}

// withKeys returns the same store with other assertions of the brand, and perhaps a record of nonces.
func (st *site) withKeys(t *testing.T, broken bool, list ...*assertion.Assertion) *site {
	t.Helper()
	b := newBlobs(t)
	c := catalogue(b)
	addAssertions(c, append(st.stack.Base(), list...)...)
	next := &site{stack: st.stack, brand: st.brand, device: st.device, model: st.model, serial: st.serial, now: st.now}
	cfg := server.Config{Trust: st.stack.Trust(), Now: func() time.Time { return next.now }, Logger: slog.New(slog.NewTextHandler(&next.log, nil))}
	if broken {
		cfg.Nonces = brokenRecord{}
	}
	next.server = serve(t, b, c, cfg)
	next.server.SetSettings(server.Settings{DeviceSecret: deviceSecret})
	return next
}

// keyCase is a store that knows some keys of the brand.
type keyCase struct {
	row, reason   string // of docs/errors.md; "" for a session of the device
	serial, model *assertion.Assertion
	broken        bool
	keys          []*assertion.Assertion
}

func (st *site) keyCases() []keyCase {
	acme, key := st.brand.Account, st.brand.Key
	newer := st.stack.NewAccount("acme", "other")
	until := func(when string) *assertion.Assertion {
		return st.stack.AccountKey("acme", "default", key, assertiontest.Headers{"revision": "1", "until": when})
	}
	vault := st.stack.NewAccount("vault", "other")
	byVault := vault.Serial("pump", "0001", st.device, assertiontest.Headers{"brand-id": "acme"})
	vaultModel := st.brand.Model("pump", assertiontest.Headers{"serial-authority": []any{"vault"}})
	return []keyCase{
		{row: "revoked key of a brand", reason: "signing key has expired", keys: []*assertion.Assertion{acme, st.brand.AccountKey, until(assertiontest.Since)}},
		{row: "key of a brand that was replaced", reason: "signing key has expired", keys: []*assertion.Assertion{acme, until("2024-12-31T00:00:00Z"), newer.AccountKey}},
		{serial: newer.Serial("pump", "0001", st.device, nil), model: newer.Model("pump", nil), keys: []*assertion.Assertion{acme, until("2024-12-31T00:00:00Z"), newer.AccountKey}},
		{keys: []*assertion.Assertion{acme, until("2026-12-31T00:00:00Z"), newer.AccountKey}},
		{row: "database that takes no nonces", reason: "no database", broken: true, keys: st.brand.Assertions()},
		{row: "brand whose keys are not here", reason: "account-key", serial: byVault, model: vaultModel, keys: st.brand.Assertions()},
		{serial: byVault, model: vaultModel, keys: slices.Concat(st.brand.Assertions(), vault.Assertions())},
	}
}

// TestKeysOfBrands asks for sessions in stores that know different keys of the brand.
func TestKeysOfBrands(t *testing.T) {
	t.Parallel()
	st := newSite(t)
	for _, tt := range st.keyCases() {
		st := st.withKeys(t, tt.broken, tt.keys...)
		if tt.serial != nil {
			st.serial, st.model = tt.serial, tt.model
		}
		request := st.request(st.nonce(t), nil)
		r := st.ask(t, request, st.serial, st.model)
		if tt.row != "" {
			st.checkAnswer(t, sessionCase{row: tt.row, status: 200, reason: tt.reason}, request.HeaderString("nonce"), r)
			continue
		}
		if _, d := st.open(t, r); d.Brand != "acme" {
			t.Errorf("keys %v: session of %+v, want one of the device: %s", tt.keys, d, st.log.String())
		}
	}
}

// made returns a session under a secret.
func (st *site) made(t *testing.T, secret string, d session.Device, ago time.Duration) string {
	t.Helper()
	m, err := session.NewKeys(secret).New(d, st.now.Add(-ago))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// pumpDevice is the device of the good sessions.
var pumpDevice = session.Device{Brand: "acme", Model: "pump", Serial: "0001"}

// badSession has the headers of a session that is not valid.
type badSession struct {
	row     string // of docs/errors.md
	headers []string
}

func (st *site) badSessions(t *testing.T) []badSession {
	t.Helper()
	device, make := pumpDevice, func(secret string, d session.Device, ago time.Duration) string { return st.made(t, secret, d, ago) }
	good := make(deviceSecret, device, 0)
	flipped := []byte(good)
	flipped[len(flipped)/2] ^= 1
	var m macaroon.Macaroon
	raw, _ := base64.RawURLEncoding.DecodeString(good)
	if err := errors.Join(m.UnmarshalBinary(raw), m.AddFirstPartyCaveat([]byte("until 2999-01-01T00:00:00Z"))); err != nil {
		t.Fatal(err)
	}
	raw, _ = m.MarshalBinary()
	return []badSession{
		{"session of another secret", []string{header(make("another secret", device, 0))}},
		{"session of another secret", []string{"Snap-Device-Authorization: offlinestore-of-an-older-release"}},
		{"session of another secret", []string{`Snap-Device-Authorization: Macaroon root=""`}},
		{"session that expired", []string{header(make(deviceSecret, device, session.Life))}},
		{"session that expired", []string{header(make(deviceSecret, session.Device{}, session.GlobalLife))}},
		{"altered session, or one with a caveat that was added", []string{header(string(flipped))}},
		{"altered session, or one with a caveat that was added", []string{header(base64.RawURLEncoding.EncodeToString(raw))}},
		{"different sessions in one request", []string{header(good), strings.Replace(header(make(deviceSecret, session.Device{}, 0)), "Snap-", "X-", 1)}},
		{"altered session, or one with a caveat that was added", []string{header(strings.Repeat(good, 4))}},
		{"session of 4 kilobytes and more", []string{header(strings.Repeat("A", 5<<10))}},
		{"session of 4 kilobytes and more", []string{header(strings.Repeat("A", 64<<10))}},
	}
}

// TestBadSessions sends sessions that are not valid.
func TestBadSessions(t *testing.T) {
	t.Parallel()
	st := newSite(t)
	h := st.server.Handler()
	good := st.made(t, deviceSecret, pumpDevice, 0)
	for _, tt := range st.badSessions(t) {
		for _, method := range []string{"GET", "HEAD"} {
			st.log.Reset()
			r := call(t, h, method, "/v2/snaps/info/jq", "", tt.headers...)
			if r.StatusCode != 401 || r.Header.Get("WWW-Authenticate") != "Macaroon refresh_device_session=1" {
				t.Errorf("%s: %d with %q, want 401 that brings another session", tt.row, r.StatusCode, r.Header.Get("WWW-Authenticate"))
			}
			if n := strings.Count(st.log.String(), "reason="); n != 1 || strings.Contains(st.log.String(), good[:20]) {
				t.Errorf("%s: log %s, want one line with the reason and no session", tt.row, st.log.String())
			}
		}
	}
	for _, headers := range [][]string{{header(good)}, {header(good), strings.Replace(header(good), "Snap-", "X-", 1)}, {header(st.made(t, deviceSecret, session.Device{}, 0))}} {
		if r := call(t, h, "GET", "/v2/snaps/info/jq", "", headers...); r.StatusCode != 200 {
			t.Errorf("info with %q = %d, want 200", headers, r.StatusCode)
		}
	}
}

// TestLargeSession sends a session of 64 KiB over a connection.
func TestLargeSession(t *testing.T) {
	t.Parallel()
	st := newSite(t)
	srv := httptest.NewUnstartedServer(nil)
	srv.Config = st.server.HTTPServer("")
	srv.Start()
	defer srv.Close()
	for size, want := range map[int]int{8 << 10: 401, 64 << 10: 431} {
		req, err := http.NewRequestWithContext(t.Context(), "GET", srv.URL+"/v2/snaps/info/jq", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Snap-Device-Authorization", `Macaroon root="`+strings.Repeat("A", size)+`"`)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("a session of %d bytes: %d, want %d", size, resp.StatusCode, want)
		}
	}
}

// TestSecretsRotate gives two servers another secret, one after the other.
func TestSecretsRotate(t *testing.T) {
	t.Parallel()
	st := newSite(t)
	info := func(m string) int {
		return call(t, st.server.Handler(), "GET", "/v2/snaps/info/jq", "", header(m)).StatusCode
	}
	m, _ := st.open(t, st.ask(t, st.request(st.nonce(t), nil), st.serial, st.model))
	nonce := st.nonce(t)
	st.server.SetSettings(server.Settings{DeviceSecret: "the next secret", PreviousDeviceSecret: deviceSecret})
	if got := info(m); got != 200 {
		t.Errorf("a session of the previous secret: %d, want 200", got)
	}
	next := decode[map[string]string](t, st.ask(t, st.request(nonce, nil), st.serial, st.model), 200)["macaroon"]
	if _, err := session.NewKeys(deviceSecret).Open(next, st.now); err == nil {
		t.Error("a new session is of the previous secret")
	}
	st.server.SetSettings(server.Settings{DeviceSecret: "the next secret"})
	if got := info(m); got != 401 {
		t.Errorf("a session of the previous secret, after its end: %d, want 401", got)
	}
	if got := info(next); got != 200 {
		t.Errorf("a session of the next secret: %d, want 200", got)
	}
}

// TestTableOfBadSessions compares the table with the tests: the same rows, the same answers.
func TestTableOfBadSessions(t *testing.T) {
	t.Parallel()
	want := map[string]string{
		"nonce that was used before":                              "403", // TestNonceWorksOnce
		"request that is not JSON, or lacks an assertion":         "400", // TestSessionBodies, with the next two
		"names of the device that would split a header":           "400",
		"serial that was cut off":                                 "400",
		"token for images that expired, or is valid for too long": "401", // TestWhoSeesWhat
	}
	st := newSite(t)
	for _, tt := range st.badRequests(t) {
		want[tt.row] = strconv.Itoa(tt.status)
	}
	for _, tt := range st.keyCases() {
		if tt.row != "" {
			want[tt.row] = "200"
		}
	}
	for _, tt := range st.badSessions(t) {
		want[tt.row] = "401"
	}
	if diff := cmp.Diff(want, doctest.BadInput(t, "Bad sessions")); diff != "" {
		t.Errorf("the table of bad sessions (-tests +docs/errors.md):\n%s", diff)
	}
}
