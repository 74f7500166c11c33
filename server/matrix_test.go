package server_test

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"

	"offlinestore/internal/assertiontest"
	"offlinestore/server"
	"offlinestore/session"
)

// asker is a column of the matrix: a device, or what pretends to be one.
type asker struct {
	name   string
	header string // with its session; "" for none
	sees   bool   // pump
	status int    // of a request that a session belongs to; 0 for any
}

func askers(t *testing.T, now time.Time) []asker {
	made := func(secret string, brand, store string, ago time.Duration) string {
		d := session.Device{Brand: brand, Model: "pump-1", Serial: "0001", Store: store}
		if brand == "" {
			d = session.Device{}
		}
		m, err := session.NewKeys(secret).New(d, now.Add(-ago))
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	token := func(secret, store string, until time.Duration) string {
		m, err := session.NewKeys(secret).NewToken(store, now.Add(until))
		if err != nil {
			t.Fatal(err)
		}
		return "Authorization: Macaroon " + m
	}
	right := made(deviceSecret, "acme", "acme-store", 0)
	flipped := []byte(right)
	flipped[len(flipped)/2] ^= 1
	return []asker{
		{name: "no session"},
		{name: "generic", header: header(made(deviceSecret, "", "", 0))},
		{name: "model without a store", header: header(made(deviceSecret, "acme", "", 0))},
		{name: "other brand", header: header(made(deviceSecret, "other", "other-store", 0))},
		{name: "other brand, right store", header: header(made(deviceSecret, "other", "acme-store", 0))},
		{name: "right brand, other store", header: header(made(deviceSecret, "acme", "acme-lab", 0))},
		{name: "right brand, unknown store", header: header(made(deviceSecret, "acme", "no-store", 0))},
		{name: "right brand and store", header: header(right), sees: true},
		{name: "store below", header: header(made(deviceSecret, "acme", "acme-child", 0)), sees: true},
		{name: "friendly store", header: header(made(deviceSecret, "acme", "acme-friend", 0)), sees: true},
		{name: "token for images", header: token(deviceSecret, "acme-store", time.Hour), sees: true},
		{name: "token of another store", header: token(deviceSecret, "acme-lab", time.Hour)},
		{name: "forged token", header: token("another secret", "acme-store", time.Hour)},
		{name: "session as a token", header: "Authorization: Macaroon " + right},
		{name: "token as a session", header: header(strings.TrimPrefix(token(deviceSecret, "acme-store", time.Hour), "Authorization: Macaroon ")), status: 401},
		{name: "credentials of a user", header: `Authorization: Macaroon root="x", discharge="y"`},
		{name: "expired token", header: token(deviceSecret, "acme-store", 0), status: 401},
		{name: "token for too long", header: token(deviceSecret, "acme-store", 2*session.MaxTokenLife), status: 401},
		{name: "expired", header: header(made(deviceSecret, "acme", "acme-store", session.Life)), status: 401},
		{name: "forged", header: header(made("another secret", "acme", "acme-store", 0)), status: 401},
		{name: "one bit flipped", header: header(string(flipped)), status: 401},
	}
}

// The kinds of rows.
const (
	private = iota // the answer tells something about pump
	shared         // it tells nothing about pump, and needs no other session than the other answers
	open           // it does not depend on the session, not even on a bad one
)

// request is a row of the matrix.
type request struct {
	route  string // its row in the table of routes
	kind   int
	method string
	url    string
	body   string
	header string
	want   string // a part of the answer to a device that sees pump
}

// refreshBody returns the body of a refresh request with one action.
func refreshBody(action string) string {
	return `{"context":[{"snap-id":"` + pumpID + `","instance-key":"k","revision":5,"tracking-channel":"stable","epoch":{"read":[0],"write":[0]}}],"actions":[` + action +
		`],"fields":["name","revision","version","download","snap-yaml","resources"],"assertion-max-formats":{}}`
}

// requests returns the rows of the matrix.
func requests(t *testing.T, st *assertiontest.Stack) []request {
	const (
		refresh  = "POST /v2/snaps/refresh"
		find     = "GET /v2/snaps/find"
		download = "GET /api/v1/snaps/download/{file}"
		icon     = "GET /icons/{file}"
		details  = "GET /api/v1/snaps/details/{name}"
		search   = "GET /api/v1/snaps/search"
	)
	post := func(action, want string) request {
		return request{refresh, private, "POST", "/v2/snaps/refresh", refreshBody(action), "", want}
	}
	get := func(route, url, want string) request { return request{route, private, "GET", url, "", "", want} }
	file := "/api/v1/snaps/download/" + pumpID + "_6.snap"
	iconURL := "/icons/" + digest.FromString("icon of "+pumpVersion).Encoded() + ".png"
	list := []request{
		post(`{"action":"install","instance-key":"i","name":"pump","channel":"stable"}`, pumpVersion),
		post(`{"action":"install","instance-key":"i","name":"pump","channel":"edge/branch"}`, pumpVersion),
		post(`{"action":"install","instance-key":"i","name":"pump","revision":6}`, pumpVersion),
		post(`{"action":"install","instance-key":"i","name":"pump","revision":9}`, `"code":"revision-not-found"`),
		post(`{"action":"install","instance-key":"i","name":"pump","channel":"9/stable"}`, `"code":"revision-not-found"`),
		post(`{"action":"download","instance-key":"i","name":"pump"}`, pumpVersion),
		post(`{"action":"download","instance-key":"i","snap-id":"`+pumpID+`"}`, pumpVersion),
		post(`{"action":"refresh","instance-key":"k","snap-id":"`+pumpID+`"}`, pumpVersion),
		post(`{"action":"fetch-assertions","key":"g","assertions":[{"type":"snap-declaration","primary-key":["16","`+pumpID+`"]}]}`, "/v2/assertions/snap-declaration"),
		post(`{"action":"fetch-assertions","key":"g","assertions":[{"type":"validation-set","sequence-key":["16","acme","tools"]}]}`, "/v2/assertions/validation-set"),
		get("GET /v2/snaps/info/{name}", "/v2/snaps/info/pump", pumpVersion),
		get("GET /v2/snaps/info/{name}", "/v2/snaps/info/pump?architecture=riscv64", "no release for this architecture"),
		get(find, "/v2/snaps/find?q=pump", "pump"), get(find, "/v2/snaps/find?name=pum", "pump"), get(find, "/v2/snaps/find", "pump"),
		get(find, "/v2/snaps/find?common-id=com.acme.pump", "pump"), get(find, "/v2/snaps/find?category=category-of-pump", "pump"),
		get("GET /v2/snaps/categories", "/v2/snaps/categories", "category-of-pump"),
		get("GET /api/v1/snaps/sections", "/api/v1/snaps/sections", "category-of-pump"),
		get("GET /api/v1/snaps/names", "/api/v1/snaps/names", pumpVersion),
		get(details, "/api/v1/snaps/details/pump", pumpVersion), get(details, "/api/v1/snaps/details/pump?revision=6", pumpVersion),
		get(search, "/api/v1/snaps/search?q=pump", pumpVersion),
		{"POST /api/v1/snaps/metadata", private, "POST", "/api/v1/snaps/metadata", `{"snaps":[{"snap_id":"` + pumpID + `","channel":"stable","revision":5}]}`, "", pumpVersion},
		{"POST /v2/cohorts", private, "POST", "/v2/cohorts", `{"snaps":["pump"]}`, "", "cohort-keys"},
		get(download, file, "snap "+pumpVersion), {download, private, "HEAD", file, "", "", "Content-Length"},
		{download, private, "GET", file, "", "Range: bytes=5-", pumpVersion},
		get(download, "/api/v1/snaps/download/"+pumpID+"+docs_3.comp", "component of"), get(download, "/api/v1/snaps/download/"+pumpID+"+docs_2.comp", "older component of"),
		get(download, "/api/v1/snaps/download/"+pumpID+"_6.dm-verity_abababababababababababababababababababababababababababababababab", "integrity of"),
		get(icon, iconURL, "icon of"), {icon, private, "HEAD", iconURL, "", "", "image/png"},
		{download, shared, "GET", "/api/v1/snaps/download/" + jqID + "_6.snap", "", "", ""},
		{"GET /v2/snaps/info/{name}", shared, "GET", "/v2/snaps/info/jq", "", "", ""},
		{"GET /v2/assertions/{path...}", shared, "GET", "/v2/assertions/store/acme-store", "", "", ""},
	}
	for _, path := range revealing(t, st) {
		for _, prefix := range []string{"/v2/assertions/", "/api/v1/snaps/assertions/"} {
			list = append(list, get("GET "+prefix+"{path...}", prefix+path, "authority-id"))
		}
	}
	for _, route := range []string{
		"POST /api/v1/snaps/auth/sessions", "POST /api/v1/snaps/auth/request-id", "POST /api/v1/snaps/auth/devices",
		"POST /device-service/request-id", "POST /device-service/serial", "POST /request-id", "POST /serial", "GET /v2/charms/info/pump", "GET /v2/charms/find",
		"GET /v2/charms/categories", "POST /v2/charms/refresh", "GET /v2/charms/resources/pump/pump/revisions", "GET /api/v1/charms/download/pump",
		"GET /api/v1/resources/download/pump", "GET /v2/auth/store/assertions", "POST /v2/messages", "GET /api/v1/snaps/purchases/orders", "GET /api/v1/snaps/purchases/customers/me",
		"POST /api/v1/snaps/purchases/buy", "GET /_status/check", "GET /docs/", "GET /docs/pump", "GET /", "GET /v2/auth/identity", "GET /v2/metadata/overrides/pump",
	} {
		method, url, _ := strings.Cut(route, " ")
		list = append(list, request{route: route, kind: open, method: method, url: url, body: "{}"})
	}
	return list
}

// dump returns an answer as text.
func dump(t *testing.T, r *http.Response) string {
	t.Helper()
	var b strings.Builder
	fmt.Fprintln(&b, r.StatusCode)
	for _, name := range slices.Sorted(maps.Keys(r.Header)) {
		fmt.Fprintln(&b, name, r.Header[name])
	}
	return b.String() + "\n" + bodyOf(t, r)
}

// TestWhoSeesWhat sends every request for every device to two stores, of which one has never had the snap pump. Who does not see pump gets the
// same answers of both, to the byte.
func TestWhoSeesWhat(t *testing.T) {
	t.Parallel()
	st, b := assertiontest.NewStack(t), newBlobs(t)
	now := assertiontest.Time()
	store := func(pump bool) http.Handler {
		s := serve(t, b, privateCatalogue(b, st, pump), server.Config{Trust: st.Trust(), Now: func() time.Time { return now }})
		s.SetSettings(server.Settings{DeviceSecret: deviceSecret})
		return s.Handler()
	}
	with, without := store(true), store(false)
	for _, row := range requests(t, st) {
		anybody := ""
		for _, col := range askers(t, now) {
			send := func(h http.Handler) string {
				return dump(t, call(t, h, row.method, "http://store.example"+row.url, row.body, slices.DeleteFunc([]string{row.header, col.header}, func(s string) bool { return s == "" })...))
			}
			got, absent := send(with), send(without)
			name := fmt.Sprintf("%s %s %s, %s", row.method, row.url, row.body, col.name)
			if col.sees && row.kind == private {
				if got == absent || !strings.Contains(got, row.want) {
					t.Errorf("%s: sees nothing of pump:\n%.600s", name, got)
				}
				if !strings.Contains(got, "Cache-Control [private") || !strings.Contains(got, "Snap-Device-Authorization, X-Device-Authorization") && !strings.Contains(got, "max-age") {
					t.Errorf("%s: other caches may keep the answer:\n%.600s", name, got)
				}
				continue
			}
			if col.sees { // a cache may not know that the rest of the answer is for everybody
				got = strings.Replace(got, "Cache-Control [private]\n", "", 1)
			}
			if diff := gocmp.Diff(absent, got); diff != "" {
				t.Errorf("%s: the answer reveals pump (-without it +with it):\n%s", name, diff)
			}
			if bad := strings.HasPrefix(got, "401"); row.kind != open && bad != (col.status == 401) {
				t.Errorf("%s: %.3s, want %d", name, got, col.status)
			}
			if anybody == "" {
				anybody = got
			}
			if row.kind == open && got != anybody {
				t.Errorf("%s: the answer depends on the session (-without one +with it):\n%s", name, gocmp.Diff(anybody, got))
			}
		}
	}
}

// TestAbsentSnap checks that the assertions about a private snap stay private when the snap has no release, or was removed.
func TestAbsentSnap(t *testing.T) {
	t.Parallel()
	st, b := assertiontest.NewStack(t), newBlobs(t)
	now := assertiontest.Time()
	store := func(pump bool) http.Handler {
		s := serve(t, b, withoutRows(privateCatalogue(b, st, pump)), server.Config{Trust: st.Trust(), Now: func() time.Time { return now }})
		s.SetSettings(server.Settings{DeviceSecret: deviceSecret})
		return s.Handler()
	}
	with, without := store(true), store(false)
	for _, path := range revealing(t, st) {
		for _, col := range askers(t, now) {
			send := func(h http.Handler) string {
				return dump(t, call(t, h, "GET", "/v2/assertions/"+path, "", slices.DeleteFunc([]string{col.header}, func(s string) bool { return s == "" })...))
			}
			got, absent := send(with), send(without)
			if col.sees != strings.Contains(got, "authority-id") || !col.sees && got != absent {
				t.Errorf("%s, %s: %.300s", path, col.name, got)
			}
		}
	}
}

// TestMatrixIsComplete compares the rows of the matrix with the routes.
func TestMatrixIsComplete(t *testing.T) {
	t.Parallel()
	st, b := assertiontest.NewStack(t), newBlobs(t)
	s := serve(t, b, catalogue(b), server.Config{})
	mux := http.NewServeMux()
	missing := make(map[string]bool)
	for _, route := range s.Routes() {
		mux.HandleFunc(route, func(http.ResponseWriter, *http.Request) {})
		missing[route] = true
	}
	for _, row := range requests(t, st) {
		r, err := http.NewRequest(row.method, row.url, nil)
		if err != nil {
			t.Fatal(err)
		}
		_, pattern := mux.Handler(r)
		delete(missing, pattern)
	}
	// Their answers are random, or tell about the process: TestNonceWorksOnce, TestMetricsHidePrivateSnaps.
	delete(missing, "POST /api/v1/snaps/auth/nonces")
	delete(missing, "GET /metrics")
	// Tokens need a TLS connection and the settings for administration.
	for _, path := range []string{"/v2/auth/issue-store-admin", "/api/v2/tokens/", "/v2/metadata/overrides", "/publishergw/"} {
		delete(missing, path)
	}
	if len(missing) > 0 {
		t.Errorf("routes without a row in the matrix of who sees what: %v", slices.Sorted(maps.Keys(missing)))
	}
}

// TestMetricsHidePrivateSnaps compares the counts of stores with and without a private snap, also after requests for it.
func TestMetricsHidePrivateSnaps(t *testing.T) {
	t.Parallel()
	st, b := assertiontest.NewStack(t), newBlobs(t)
	counts := func(pump bool) (out []string) {
		h := serve(t, b, privateCatalogue(b, st, pump), server.Config{Trust: st.Trust()}).Handler()
		call(t, h, "GET", "/v2/snaps/info/pump", "")
		for line := range strings.Lines(bodyOf(t, call(t, h, "GET", "/metrics", ""))) {
			if strings.Contains(line, "catalog_entries") || strings.Contains(line, "wanted") {
				out = append(out, line)
			}
		}
		return out
	}
	without := counts(false)
	if diff := gocmp.Diff(without, counts(true)); diff != "" || !slices.Contains(without, "offlinestore_wanted_total{kind=\"snap\"} 1\n") || len(without) < 5 {
		t.Errorf("the metrics reveal a private snap (-without it +with it):\n%s%v", diff, without)
	}
}
