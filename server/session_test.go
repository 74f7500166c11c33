package server_test

import (
	"bytes"
	"cmp"
	"encoding/json"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"offlinestore/assertion"
	"offlinestore/catalog"
	"offlinestore/internal/assertiontest"
	"offlinestore/server"
	"offlinestore/session"
)

const deviceSecret = "a secret of one store"

// site is a store with the keys of a brand, and a device of the brand.
type site struct {
	stack         *assertiontest.Stack
	brand         *assertiontest.Account
	device        *assertion.SigningKey
	model, serial *assertion.Assertion
	now           time.Time
	log           bytes.Buffer
	server        *server.Server
}

func newSite(t *testing.T) *site {
	b := newBlobs(t)
	return newSiteOf(t, b, catalogue(b))
}

// newSiteOf returns a store with the keys of a brand and a catalogue.
func newSiteOf(t *testing.T, b *blobs, c *catalog.Snapshot) *site {
	t.Helper()
	st := &site{stack: assertiontest.NewStack(t), device: assertiontest.DeviceKey(), now: assertiontest.Time()}
	st.brand = st.stack.NewAccount("acme", "brand")
	st.model = st.brand.Model("pump", assertiontest.Headers{"store": "acme-store"})
	st.serial = st.brand.Serial("pump", "0001", st.device, nil)
	addAssertions(c, append(st.stack.Base(), st.brand.Assertions()...)...)
	st.server = serve(t, b, c, server.Config{
		Trust: st.stack.Trust(), Now: func() time.Time { return st.now },
		Logger: slog.New(slog.NewTextHandler(&st.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	st.server.SetSettings(server.Settings{DeviceSecret: deviceSecret})
	return st
}

func addAssertions(c *catalog.Snapshot, list ...*assertion.Assertion) {
	for _, a := range list {
		c.Assertions = append(c.Assertions, catalog.Assertion{Type: a.Type(), PrimaryKey: a.Ref().PrimaryKey, Format: a.Format(), Revision: a.Revision(), Raw: a.Raw()})
	}
}

func (st *site) nonce(t *testing.T) string {
	t.Helper()
	return decode[map[string]string](t, call(t, st.server.Handler(), "POST", "/api/v1/snaps/auth/nonces", ""), 200)["nonce"]
}

// request returns the request of the device with a nonce.
func (st *site) request(nonce string, changes assertiontest.Headers) *assertion.Assertion {
	all := assertiontest.Headers{"timestamp": st.now.Format(time.RFC3339)}
	for name, v := range changes {
		all[name] = v
	}
	return assertiontest.DeviceSessionRequest("acme", "pump", "0001", nonce, st.device, all)
}

// ask sends a request for a session.
func (st *site) ask(t *testing.T, request, serial, model *assertion.Assertion) *http.Response {
	t.Helper()
	return call(t, st.server.Handler(), "POST", "/api/v1/snaps/auth/sessions", body(t, string(request.Raw()), string(serial.Raw()), string(model.Raw())))
}

// body returns the body of a request for a session.
func body(t *testing.T, request, serial, model string) string {
	t.Helper()
	text, err := json.Marshal(session.Request{Request: request, Serial: serial, Model: model})
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// open returns the macaroon of an answer, and its device.
func (st *site) open(t *testing.T, r *http.Response) (string, session.Device) {
	t.Helper()
	m := decode[map[string]string](t, r, 200)["macaroon"]
	d, err := session.NewKeys(deviceSecret).Open(m, st.now)
	if err != nil {
		t.Errorf("the session of the answer: %v", err)
	}
	return m, d
}

func header(macaroon string) string {
	return `Snap-Device-Authorization: Macaroon root="` + macaroon + `"`
}

func TestSession(t *testing.T) {
	t.Parallel()
	st := newSite(t)
	m, d := st.open(t, st.ask(t, st.request(st.nonce(t), nil), st.serial, st.model))
	if diff := gocmp.Diff(d, session.Device{Brand: "acme", Model: "pump", Serial: "0001", Store: "acme-store"}); diff != "" {
		t.Errorf("the session (got +, want -):\n%s", diff)
	}
	h := st.server.Handler()
	if r := call(t, h, "GET", "/v2/snaps/find?q=jq", "", header(m)); r.StatusCode != 200 {
		t.Errorf("find with the session = %d", r.StatusCode)
	}
	if r := call(t, h, "GET", "/api/v1/snaps/names", "", strings.Replace(header(m), "Snap-", "X-", 1)); r.StatusCode != 200 {
		t.Errorf("names with the session in the older header = %d", r.StatusCode)
	}
	st.now = st.now.Add(session.Life)
	r := call(t, h, "GET", "/v2/snaps/find?q=jq", "", header(m))
	if r.StatusCode != 401 || !strings.Contains(r.Header.Get("WWW-Authenticate"), "refresh_device_session=1") {
		t.Errorf("find with an expired session = %d with %q, want 401 and a demand for another session", r.StatusCode, r.Header.Get("WWW-Authenticate"))
	}
}

// forge returns an assertion with another signature, which is well-formed.
func forge(t *testing.T, a, other *assertion.Assertion) *assertion.Assertion {
	t.Helper()
	end := func(b []byte) int { return bytes.LastIndex(b, []byte("\n\n")) }
	text := append(bytes.Clone(a.Raw()[:end(a.Raw())]), other.Raw()[end(other.Raw()):]...)
	forged, err := assertion.Decode(text)
	if err != nil {
		t.Fatal(err)
	}
	return forged
}

// sessionCase is a request that differs from a good one.
type sessionCase struct {
	row                    string               // of docs/errors.md
	request, serial, model *assertion.Assertion // nil for good ones
	status                 int
	reason                 string
}

// badRequests returns requests that prove nothing. A consistent one of a device with its own key brings a session without a device.
func (st *site) badRequests(t *testing.T) []sessionCase {
	other := st.stack.NewAccount("other", "other") // its key is not in the store
	keys := session.NewKeys(deviceSecret)
	request := func(changes assertiontest.Headers) *assertion.Assertion { return st.request(st.nonce(t), changes) }
	at := func(ago time.Duration) assertiontest.Headers {
		return assertiontest.Headers{"timestamp": st.now.Add(-ago).Format(time.RFC3339)}
	}
	byStore := func(authority string) *assertion.Assertion {
		return st.stack.StoreSign(st.serial.Headers(), assertiontest.Headers{"authority-id": authority, "sign-key-sha3-384": nil})
	}
	return []sessionCase{
		{row: "nonce of another store", request: st.request(session.NewKeys("another secret").NewNonce(st.now), nil), status: 403, reason: "nonce: not made by this store"},
		{row: "nonce of another store", request: st.request("made up", nil), status: 403, reason: "nonce: not made by this store"},
		{row: "nonce that expired", request: st.request(keys.NewNonce(st.now.Add(-session.NonceLife)), nil), status: 403, reason: "nonce: expired"},
		{row: "nonce of the future", request: st.request(keys.NewNonce(st.now.Add(session.MaxSkew+time.Minute)), nil), status: 403, reason: "nonce: expired"},
		{row: "request signed by another key", request: assertiontest.DeviceSessionRequest("acme", "pump", "0001", st.nonce(t), other.Key, at(0)), status: 403, reason: "signed with key"},
		{row: "altered request", request: forge(t, request(nil), request(nil)), status: 403, reason: "bad signature"},
		{row: "request for the serial of another device", request: request(assertiontest.Headers{"serial": "0002"}), status: 403, reason: "do not belong together"},
		{row: "model of another brand", model: other.Model("pump", nil), status: 403, reason: "do not belong together"},
		{row: "another model of the brand", model: st.brand.Model("valve", nil), status: 403, reason: "do not belong together"},
		{row: "altered serial", serial: forge(t, st.serial, st.model), status: 403, reason: "bad signature"},
		{row: "altered model", model: forge(t, st.model, st.serial), status: 403, reason: "bad signature"},
		{row: "serial of the brand, signed by somebody else", serial: byStore("acme"), status: 403, reason: "without the authority"},
		{row: "serial by an account that the model does not name", serial: byStore(assertiontest.RootID), status: 403, reason: "sign no serials"},
		{row: "assertion of another type", serial: st.model, status: 400, reason: "in place of a serial"},
		{row: "device whose clock is an hour off", request: request(at(-time.Hour)), status: 200, reason: "1h0m0s ahead"},
		{row: "device whose clock is an hour off", request: request(at(time.Hour)), status: 200, reason: "1h0m0s behind"},
		{row: "brand whose keys are not here", request: assertiontest.DeviceSessionRequest("other", "pump", "0001", st.nonce(t), st.device, at(0)),
			serial: other.Serial("pump", "0001", st.device, nil), model: other.Model("pump", nil), status: 200, reason: "which is missing"},
	}
}

func TestBadSessionRequests(t *testing.T) {
	t.Parallel()
	st := newSite(t)
	for _, tt := range st.badRequests(t) {
		st.log.Reset()
		req, serial, model := cmp.Or(tt.request, st.request(st.nonce(t), nil)), cmp.Or(tt.serial, st.serial), cmp.Or(tt.model, st.model)
		st.checkAnswer(t, tt, req.HeaderString("nonce"), st.ask(t, req, serial, model))
	}
}

// checkAnswer checks the body of an answer, and that the log has its reason once, and no secret.
func (st *site) checkAnswer(t *testing.T, tt sessionCase, nonce string, r *http.Response) {
	t.Helper()
	answer := bodyOf(t, r)
	if r.StatusCode != tt.status {
		t.Errorf("%s: %d, want %d: %s", tt.row, r.StatusCode, tt.status, answer)
	}
	var v struct {
		Macaroon string
		Message  string
	}
	if err := json.Unmarshal([]byte(answer), &v); err != nil {
		t.Errorf("%s: %v", tt.row, err)
	}
	if tt.status == 200 {
		if d, err := session.NewKeys(deviceSecret).Open(v.Macaroon, st.now); err != nil || d.IsProven() {
			t.Errorf("%s: session of %+v, %v, want one without a device", tt.row, d, err)
		}
	} else if v.Message == "" {
		t.Errorf("%s: %s, want a message", tt.row, answer)
	}
	var lines []string
	for line := range strings.Lines(st.log.String()) {
		if strings.Contains(line, "reason=") {
			lines = append(lines, line)
		}
	}
	if len(lines) != 1 || !strings.Contains(lines[0], tt.reason) {
		t.Errorf("%s: log %q, want one line with %q", tt.row, lines, tt.reason)
	}
	for _, secret := range []string{nonce, v.Macaroon, deviceSecret} {
		if secret != "" && strings.Contains(st.log.String(), secret) {
			t.Errorf("%s: the log has a secret: %s", tt.row, st.log.String())
		}
	}
}

func TestNonceWorksOnce(t *testing.T) {
	t.Parallel()
	st := newSite(t)
	req := st.request(st.nonce(t), nil)
	st.open(t, st.ask(t, req, st.serial, st.model))
	if r := st.ask(t, req, st.serial, st.model); r.StatusCode != 403 {
		t.Errorf("the same request again: %d, want 403", r.StatusCode)
	}
	other := st.request(st.nonce(t), assertiontest.Headers{"timestamp": st.now.Add(time.Hour).Format(time.RFC3339)})
	if r := st.ask(t, other, st.serial, st.model); r.StatusCode != 200 {
		t.Errorf("a device that is not proven: %d, want 200", r.StatusCode)
	}
	if r := st.ask(t, other, st.serial, st.model); r.StatusCode != 403 {
		t.Errorf("the same request of such a device again: %d, want 403", r.StatusCode)
	}
	if first, second := st.nonce(t), st.nonce(t); first == second {
		t.Error("two nonces are equal")
	}
}

func TestSessionBodies(t *testing.T) {
	t.Parallel()
	st := newSite(t)
	h := st.server.Handler()
	serial := string(st.serial.Raw())
	for _, tt := range []struct {
		body   string
		status int
	}{
		{"", 400}, {"{}", 400}, {"[]", 400}, {`{"device-session-request": 1}`, 400}, {`{"device-session-request": "x"}`, 400},
		{strings.Repeat("x", 2<<20), 413},
		{strings.Repeat(" ", 1<<20) + "{}", 413},
	} {
		if r := call(t, h, "POST", "/api/v1/snaps/auth/sessions", tt.body); r.StatusCode != tt.status {
			t.Errorf("body %.40q of %d bytes: %d, want %d", tt.body, len(tt.body), r.StatusCode, tt.status)
		}
	}
	request := st.request(st.nonce(t), nil)
	for cut := 0; cut < len(serial); cut += 97 {
		r := call(t, h, "POST", "/api/v1/snaps/auth/sessions", body(t, string(request.Raw()), serial[:cut], string(st.model.Raw())))
		if r.StatusCode != 400 && r.StatusCode != 403 {
			t.Errorf("serial cut off after %d bytes: %d, want 400 or 403", cut, r.StatusCode)
		}
	}
	for _, name := range []string{"serial", "model", "brand-id"} {
		value := st.serial.HeaderString(name)
		split := strings.Replace(serial, name+": "+value+"\n", name+":\n    "+value+"\r\n    Set-Cookie: a=b\n", 1)
		r := call(t, h, "POST", "/api/v1/snaps/auth/sessions", body(t, string(request.Raw()), split, string(st.model.Raw())))
		if r.StatusCode != 400 || len(r.Header["Set-Cookie"]) > 0 {
			t.Errorf("%s that would split a header: %d with %v, want 400", name, r.StatusCode, r.Header)
		}
	}
	if r := st.ask(t, request, st.serial, st.model); r.StatusCode != 200 {
		t.Errorf("the good request after all: %d, want 200, because refused ones use no nonce", r.StatusCode)
	}
}
