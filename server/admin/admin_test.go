package admin_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"gopkg.in/macaroon.v2"

	"offlinestore/catalog"
	"offlinestore/internal/admintest"
	"offlinestore/server/admin"
	"offlinestore/server/admin/api"
)

func TestOverridesOverTheWire(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	auth := a.header(a.login())
	id := strings.Repeat("j", 32)
	row := `{"snap_id":"` + id + `","snap_name":"jq","revision":%s,"upstream_revision":6,"channel":"stable","architecture":"amd64","series":"16"}`
	five, none := fmt.Sprintf(row, "5"), fmt.Sprintf(row, "null")
	for _, c := range []struct{ method, path, body, want string }{
		{"GET", "/v2/metadata/overrides/jq", "", `{"overrides":[]}`},
		{"POST", "/v2/metadata/overrides", `[{"snap_name":"jq","revision":5,"channel":"stable","series":"16"}]`, `{"overrides":[` + five + `]}`},
		{"GET", "/v2/metadata/overrides/jq", "", `{"overrides":[` + five + `]}`},
		{"POST", "/v2/metadata/overrides", `[{"snap_name":"jq","revision":null,"channel":"latest/stable","series":"16"}]`, `{"overrides":[` + none + `]}`},
		{"GET", "/v2/metadata/overrides/jq", "", `{"overrides":[]}`},
	} {
		resp, body := a.send(c.method, c.path, c.body, auth)
		if resp.StatusCode != 200 || compact(body) != c.want {
			t.Errorf("%s %s %s = %d %s, want %s", c.method, c.path, c.body, resp.StatusCode, body, c.want)
		}
	}
}

// TestMalformedOverrides checks a row of docs/errors.md: nothing changes.
func TestMalformedOverrides(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	auth := a.header(a.login())
	good := `{"snap_name":"jq","revision":5,"channel":"stable","series":"16"}`
	for _, c := range []struct {
		body   string
		status int
		says   string
	}{
		{``, 400, "JSON"},
		{`{}`, 400, "JSON"},
		{`[]`, 400, "want a list"},
		{`[` + good + `] x`, 400, "JSON"},
		{`[{"snap_name":"jq","revision":5,"revision":6,"channel":"stable","series":"16"}]`, 400, "JSON"},
		{`[{"Snap_Name":"jq","revision":5,"channel":"stable","series":"16"}]`, 400, "JSON"},
		{`[` + good + `][]`, 400, "JSON"},
		{`[` + good + `,{"snap_name":"jq","channel":"stable","series":"16"}]`, 400, "override 1: revision is required"},
		{`[{"snap_name":"jq","revision":5,"channel":"stable"}]`, 400, "series"},
		{`[{"snap_name":"jq","revision":5,"channel":"stable","series":"18"}]`, 400, "series"},
		{`[{"snap_name":"","revision":5,"channel":"stable","series":"16"}]`, 400, "snap_name"},
		{`[{"snap_name":"jq","revision":"5","channel":"stable","series":"16"}]`, 400, "revision"},
		{`[{"snap_name":"jq","revision":0,"channel":"stable","series":"16"}]`, 400, "revision"},
		{`[{"snap_name":"jq","revision":-5,"channel":"stable","series":"16"}]`, 400, "revision"},
		{`[{"snap_name":"jq","revision":99999999999,"channel":"stable","series":"16"}]`, 400, "revision"},
		{`[{"snap_name":"jq","revision":5,"channel":"stable","series":"16","force":true}]`, 400, "JSON"},
		{`[{"snap_name":"jq","revision":5,"channel":"a/b/c/d","series":"16"}]`, 400, "risk"},
		{`[` + good + `,{"snap_name":"yq","revision":5,"channel":"stable","series":"16"}]`, 404, "yq"},
		{`[` + good + `,{"snap_name":"jq","revision":7,"channel":"stable","series":"16"}]`, 404, "6 (amd64)"},
		{`[` + good + `,{"snap_name":"jq","revision":6,"channel":"2/stable","series":"16"}]`, 404, "track 2"},
		{`[` + strings.Repeat(good+",", catalog.MaxOverrides) + good + `]`, 400, "want a list"},
		{`[` + strings.Repeat(" ", 300<<10) + good + `]`, 413, "too large"},
	} {
		resp, body := a.send("POST", "/v2/metadata/overrides", c.body, auth)
		if resp.StatusCode != c.status || !strings.Contains(body, c.says) {
			t.Errorf("POST %.200s = %d %s, want %d and %q", c.body, resp.StatusCode, body, c.status, c.says)
		}
	}
	if resp, body := a.send("GET", "/v2/metadata/overrides/jq", "", auth); resp.StatusCode != 200 || compact(body) != `{"overrides":[]}` {
		t.Errorf("afterwards there are overrides: %s", body)
	}
	for _, c := range [][]string{
		{"GET", "/v2/metadata/overrides/jq", "", "X-Ubuntu-Series: 18"},
		{"POST", "/v2/metadata/overrides", `[` + good + `]`, "X-Ubuntu-Series: 18"},
	} {
		if resp, _ := a.send(c[0], c[1], c[2], auth, c[3]); resp.StatusCode != 400 {
			t.Errorf("%s %s with %s = %d, want 400", c[0], c[1], c[3], resp.StatusCode)
		}
	}
	if resp, _ := a.send("POST", "/v2/metadata/overrides", `[`+good+`]`, auth, "Content-Type: text/plain"); resp.StatusCode != 415 {
		t.Errorf("a form that any web page could send = %d, want 415", resp.StatusCode)
	}
}

// TestForgedMacaroons checks a row of docs/errors.md.
func TestForgedMacaroons(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	l, other := a.login(), a.login()
	a.wantStatus("good", l, 200)

	a.wantStatus("the discharge of another root", login{l.root, other.discharge}, 401)
	forged, err := macaroon.New([]byte("guess"), l.root.Id(), "", macaroon.V1)
	if err != nil {
		t.Fatal(err)
	}
	a.wantStatus("root under another key, without the caveat", login{forged, l.discharge}, 401)
	discharge, err := macaroon.New([]byte("guess"), l.discharge.Id(), "", macaroon.V1)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range l.discharge.Caveats() {
		if err := discharge.AddFirstPartyCaveat(c.Id); err != nil {
			t.Fatal(err)
		}
	}
	a.wantStatus("discharge under another key", login{l.root, discharge}, 401)
	for _, more := range []string{"store-admin|session|0", "store-admin|serial|9", "is-admin", "store-admin|expires|never", "store-admin|expires|2020-01-01T00:00:00Z"} {
		d := l.discharge.Clone()
		if err := d.AddFirstPartyCaveat([]byte(more)); err != nil {
			t.Fatal(err)
		}
		a.wantStatus("discharge with the caveat "+more, login{l.root, d}, 401)
	}
	unbound := fmt.Sprintf(`Authorization: Macaroon root="%s", discharge="%s"`, a.encode(l.root), a.encode(l.discharge))
	for _, header := range []string{unbound, "Authorization: ", "Authorization: Macaroon", `Authorization: Macaroon root="x", discharge="y"`,
		fmt.Sprintf(`Authorization: Macaroon root="%s"`, a.encode(l.root)), "Authorization: Bearer " + a.encode(l.root),
		`Authorization: Macaroon root="` + strings.Repeat("A", 9000) + `", discharge="` + strings.Repeat("A", 9000) + `"`} {
		resp, body := a.send("GET", "/v2/metadata/overrides/jq", "", header)
		if resp.StatusCode != 401 || !strings.HasPrefix(resp.Header.Get("WWW-Authenticate"), "Macaroon") || strings.Contains(resp.Header.Get("WWW-Authenticate"), "refresh") {
			t.Errorf("%.80s = %d %s %s, want 401 without a refresh", header, resp.StatusCode, resp.Header, body)
		}
	}
	if resp, _ := a.tryDischarge(email, password, "bWFkZSB1cA"); resp.StatusCode != 400 {
		t.Errorf("discharge of a caveat that was made up = %d, want 400", resp.StatusCode)
	}
	if resp, _ := a.tryDischarge(email, password, string(l.root.Id())); resp.StatusCode != 400 {
		t.Errorf("discharge of the root itself = %d, want 400", resp.StatusCode)
	}
}

// TestExpiredMacaroons checks a row of docs/errors.md: a discharge is refreshed, until the login itself ends.
func TestExpiredMacaroons(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	l := a.login()
	a.pass(59 * time.Minute)
	a.wantStatus("before it expires", l, 200)
	a.pass(2 * time.Minute)
	if status, how := a.status(l); status != 401 || how != "Macaroon needs_refresh=1" {
		t.Errorf("after an hour: %d, %q; want 401 and needs_refresh=1", status, how)
	}
	old := l.discharge
	l.discharge = a.refresh(l.discharge)
	a.wantStatus("refreshed", l, 200)
	a.pass(31 * 24 * time.Hour)
	a.wantStatus("after a month", l, 401)
	if resp, _ := a.tryRefresh(l.discharge); resp.StatusCode != 401 {
		t.Errorf("refresh after a month = %d, want 401", resp.StatusCode)
	}
	if resp, _ := a.tryRefresh(old); resp.StatusCode != 401 {
		t.Errorf("refresh of an old one = %d, want 401", resp.StatusCode)
	}
}

// TestReplayedDischarge checks a row of docs/errors.md. If a discharge is refreshed a second time, it was stolen: the thief and the
// owner can't be told apart, so the login ends for both.
func TestReplayedDischarge(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	l := a.login()
	stolen := l
	l.discharge = a.refresh(l.discharge)
	a.wantStatus("a request that was under way", stolen, 200)
	if resp, _ := a.tryRefresh(stolen.discharge); resp.StatusCode != 401 {
		t.Errorf("refresh a second time = %d, want 401", resp.StatusCode)
	}
	a.wantStatus("after the replay, the old one", stolen, 401)
	a.wantStatus("after the replay, the new one", l, 401)
	bound := a.login()
	bound.discharge.Bind(bound.root.Signature())
	if resp, _ := a.tryRefresh(bound.discharge); resp.StatusCode != 401 {
		t.Errorf("refresh of what was seen in a request = %d, want 401", resp.StatusCode)
	}
}

func (a *administration) tryRefresh(m *macaroon.Macaroon) (*http.Response, string) {
	a.t.Helper()
	return a.send("POST", "/api/v2/tokens/refresh", `{"discharge_macaroon":"`+a.encode(m)+`"}`)
}

func (a *administration) refresh(m *macaroon.Macaroon) *macaroon.Macaroon {
	a.t.Helper()
	var answer api.DischargeAnswer
	a.post("/api/v2/tokens/refresh", api.RefreshRequest{DischargeMacaroon: a.encode(m)}, &answer)
	return a.decode(answer.DischargeMacaroon)
}

func TestRemovedAdmin(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	l := a.login()
	if err := a.store.RemoveAdmin(t.Context(), email); err != nil {
		t.Fatal(err)
	}
	a.wantStatus("after the admin was removed", l, 401)
	if resp, _ := a.tryRefresh(l.discharge); resp.StatusCode != 401 {
		t.Errorf("refresh = %d, want 401", resp.StatusCode)
	}
	a.addAdmin(catalog.Admin{Email: email, Secret: admin.HashPassword(password)})
	a.wantStatus("after the admin was added again", l, 401)
	l = a.login()
	a.addAdmin(catalog.Admin{Email: email, Secret: admintest.Hash("another password")})
	a.wantStatus("after the password was changed", l, 401)
}

// TestRolesOfOverrides checks that every admin may read overrides, and only an operator may change them.
func TestRolesOfOverrides(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	l := a.login()
	const change = `[{"snap_name":"jq","revision":5,"channel":"stable","series":"16"}]`
	for _, c := range []struct {
		roles []string
		want  int
	}{
		{[]string{catalog.RoleViewer}, 403}, {[]string{catalog.RoleModelAdministrator}, 403}, {[]string{catalog.RoleOperator}, 200}, {catalog.Roles(), 200},
	} {
		if err := a.store.SetRoles(t.Context(), email, c.roles); err != nil {
			t.Fatal(err)
		}
		a.wantStatus(fmt.Sprint("read as ", c.roles), l, 200)
		if resp, body := a.send("POST", "/v2/metadata/overrides", change, a.header(l)); resp.StatusCode != c.want || c.want == 403 && !strings.Contains(body, "operator") {
			t.Errorf("change as %v = %d %s, want %d", c.roles, resp.StatusCode, body, c.want)
		}
	}
}

func TestOneTimeToken(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	const jo = "jo@example.internal"
	token, until := a.newToken(jo), time.Unix(a.now.Load(), 0).Add(admin.TokenLife)
	ad := catalog.Admin{Email: jo, Secret: admintest.Hash(token), Once: true, ExpiresAt: &until}
	a.addAdmin(ad)
	// Of several at once, one succeeds.
	var wg sync.WaitGroup
	results := make(chan int, 3)
	caveat := caveat(a.issue())
	for range cap(results) {
		wg.Go(func() {
			resp, _ := a.tryDischarge(ad.Email, token, caveat)
			results <- resp.StatusCode
		})
	}
	wg.Wait()
	close(results)
	count := map[int]int{}
	for r := range results {
		count[r]++
	}
	if count[200] != 1 || count[401] != 2 {
		t.Errorf("uses of a one-time token: %v, want one 200 and two 401", count)
	}
	if resp, _ := a.tryDischarge(ad.Email, "", caveat); resp.StatusCode != 401 {
		t.Errorf("no password, after the token was used = %d, want 401", resp.StatusCode)
	}
	a.addAdmin(ad)
	a.pass(admin.TokenLife)
	if resp, _ := a.tryDischarge(ad.Email, token, caveat); resp.StatusCode != 401 {
		t.Errorf("an expired token = %d, want 401", resp.StatusCode)
	}
}

func TestLoginRefuses(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	id := caveat(a.issue())
	for _, c := range []struct {
		path, body string
		status     int
	}{
		{"/api/v2/tokens/discharge", `{"email":"` + email + `","password":"` + password + `","caveat_id":"` + id + `","otp":"123456"}`, 400},
		{"/api/v2/tokens/discharge", `{"email":"` + email + `","password":"` + strings.Repeat("x", 2000) + `","caveat_id":"` + id + `"}`, 401},
		{"/api/v2/tokens/discharge", `{"email":"` + strings.Repeat("x", 40<<10) + `"}`, 413},
		{"/api/v2/tokens/discharge", `{"email":1}`, 400},
		{"/api/v2/tokens/refresh", `{"discharge_macaroon":"AAAA"}`, 401},
		{"/api/v2/tokens/refresh", `[]`, 400},
		{"/v2/snaps/refresh", `{}`, 404},
	} {
		if resp, body := a.send("POST", c.path, c.body); resp.StatusCode != c.status || !strings.Contains(body, "error_list") {
			t.Errorf("POST %s %.60s = %d %s, want %d", c.path, c.body, resp.StatusCode, body, c.status)
		}
	}
	if resp, _ := a.send("POST", "/api/v2/tokens/discharge", strings.ReplaceAll(`{"email":"OP@example.internal","password":"`+password+`","caveat_id":"ID"}`, "ID", id)); resp.StatusCode != 200 {
		t.Errorf("an email in capitals = %d, want 200", resp.StatusCode)
	}
}
