package main

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"offlinestore/internal/upstreamtest"
)

// The account of the scripts. Its secrets may be in no file but the saved login. No digest can have them by chance.
const (
	testEmail    = "jo@acme.example"
	testPassword = "correct-horse-battery"
	testOTP      = "wxkqyz"
)

// serveSSO serves Ubuntu SSO and the dashboard, and names them in the environment.
func serveSSO(env *testscript.Env, sso *upstreamtest.SSO, store *upstreamtest.Store) {
	login, dashboard := httptest.NewServer(sso.Handler()), httptest.NewServer(store.Dashboard())
	env.Defer(login.Close)
	env.Defer(dashboard.Close)
	sso.SetHost(login.Listener.Addr().String())
	sso.SetAccount(testAccount())
	env.Setenv("UBUNTU_ONE_SSO_URL", login.URL)
	env.Setenv("STORE_DASHBOARD_URL", dashboard.URL)
	env.Setenv("EMAIL", testEmail)
	env.Setenv("PASSWORD", testPassword)
	env.Setenv("OTP", testOTP)
	for _, name := range []string{"STORE_ADMIN_TOKEN", "SNAPCRAFT_STORE_CREDENTIALS", "UBUNTU_STORE_AUTH", "SNAPCRAFT_STORE_AUTH"} {
		env.Setenv(name, "")
	}
}

func testAccount() upstreamtest.Account {
	return upstreamtest.Account{Email: testEmail, Password: testPassword, ID: "AcMeAcMeAcMeAcMeAcMeAcMeAcMeAcMe", Username: "acme-jo"}
}

// changeSSO implements sso WHAT ARG..., which changes the simulated Ubuntu SSO.
func changeSSO(ts *testscript.TestScript, neg bool, args []string) {
	s, a := storeOf(ts).sso, testAccount()
	switch args[0] {
	case "otp": // the account has a second factor
		a.OTP = testOTP
		s.SetAccount(a)
	case "refuse": // CODE: Ubuntu SSO refuses the account
		a.Refused = args[1]
		s.SetAccount(a)
	case "age": // DURATION: all logins get older
		by, err := time.ParseDuration(args[1])
		ts.Check(err)
		s.Age(by)
	case "private": // NAME: a private snap of the account
		u := storeOf(ts)
		ts.Check(u.AddSnap(upstreamtest.Snap{Name: args[1], Base: "core24", Owner: testEmail}))
		ts.Check(u.AddRevision(args[1], upstreamtest.Rev{Revision: 3, Blob: upstreamtest.Random(args[1], payload)}))
		ts.Check(u.Release(args[1], "", "stable", 3))
	case "env": // NAME KIND: the saved login, as an environment variable
		ts.Setenv(args[1], exportLogin(ts, args[2]))
	case "fault": // KIND PATH
		storeOf(ts).faulted = s.Count(args[2])
		s.Inject(upstreamtest.Fault{Path: args[2], Do: map[string]func(http.Handler) http.Handler{
			"page": upstreamtest.Page(http.StatusOK), "busy": upstreamtest.Status(http.StatusTooManyRequests), "broken": upstreamtest.Status(http.StatusBadGateway),
			"stall": stall,
		}[args[1]]})
	case "redirect": // PATH URL
		s.Inject(upstreamtest.Fault{Path: args[1], Do: upstreamtest.Status(http.StatusTemporaryRedirect, "Location", args[2])})
	case "rewrite": // PATH OLD NEW
		s.Inject(upstreamtest.Fault{Path: args[1], Do: upstreamtest.Rewrite(args[2], args[3])})
	case "permissions": // [PERMISSION...]: new logins get only these, of the ones that they ask for
		s.Limit(args[1:])
	case "heal":
		s.Heal()
	case "host": // [LOCATION]: the dashboard names another service in caveats
		s.SetHost(cmp.Or(strings.Join(args[1:], ""), strings.TrimPrefix(ts.Getenv("UBUNTU_ONE_SSO_URL"), "http://")))
	case "count": // N PATH: it got N requests so far
		if n := strconv.Itoa(s.Count(args[2])); n != args[1] {
			ts.Fatalf("%s requests for %s, want %s", n, args[2], args[1])
		}
	case "await": // PATH: it got a request since the last fault
		for range 1000 {
			if s.Count(args[1]) > storeOf(ts).faulted {
				return
			}
			time.Sleep(10 * time.Millisecond)
		}
		ts.Fatalf("no request for %s came", args[1])
	default:
		ts.Fatalf("unknown change %s", args[0])
	}
}

// stall reads a request, and never answers it.
func stall(http.Handler) http.Handler {
	return http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
	})
}

// exportLogin returns the saved login in one of the forms that environment variables have.
func exportLogin(ts *testscript.TestScript, kind string) string {
	var l struct{ Root, Discharge string }
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(ts.MkAbs("config/logins/snap-store.json"))), &l))
	pair := map[string]string{"r": l.Root, "d": l.Discharge}
	encode := func(v any) string {
		b, err := json.Marshal(v)
		ts.Check(err)
		return string(b)
	}
	b64 := func(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }
	switch kind {
	case "snapcraft":
		return b64(encode(map[string]any{"t": "u1-macaroon", "v": pair}))
	case "pair":
		return b64(encode(pair))
	case "json":
		return encode(map[string]any{"t": "u1-macaroon", "v": pair})
	case "snapd":
		return encode(map[string]any{"macaroon": l.Root, "discharges": []string{l.Discharge}})
	case "ini":
		return "[login.ubuntu.com]\nmacaroon = " + l.Root + "\nunbound_discharge = " + l.Discharge + "\n"
	case "candid":
		return b64(`[{"identifier": "x", "signature": "y"}]`)
	case "macaroon":
		return b64(encode(map[string]string{"t": "macaroon", "v": l.Root}))
	case "bare":
		return l.Root
	}
	ts.Fatalf("unknown kind %s", kind)
	return ""
}

// hidden implements hidden, which looks for secrets of logins in all files of the script but the saved login, its input and the tokens of
// administrators, and in the arguments of the processes that run.
func hidden(ts *testscript.TestScript, neg bool, args []string) {
	ts.Check(filepath.WalkDir(ts.MkAbs("."), func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() || filepath.Base(path) == "snap-store.json" || filepath.Base(path) == "password" || filepath.Ext(path) == ".macaroon" {
			return err
		}
		text, err := os.ReadFile(path)
		findSecrets(ts, path, string(text))
		return err
	}))
	processes, err := filepath.Glob("/proc/[0-9]*/cmdline")
	ts.Check(err)
	for _, path := range processes {
		if text, err := os.ReadFile(path); err == nil {
			findSecrets(ts, path, string(text))
		}
	}
}

// findSecrets fails if a text has a password, a one-time password or a macaroon of a login.
func findSecrets(ts *testscript.TestScript, where, text string) {
	for _, secret := range append(storeOf(ts).sso.Secrets(), testPassword, testOTP) {
		for _, form := range append(inBase64(secret), secret) {
			if strings.Contains(text, form) {
				ts.Fatalf("%s shows %s", where, secret)
			}
		}
	}
}

// inBase64 returns the forms that a long secret has in the base64 of any text that contains it.
func inBase64(secret string) (forms []string) {
	const long = 24
	if len(secret) < long {
		return nil
	}
	for skip := range 3 { // the secret begins at any byte of a group of three
		whole := (len(secret) - skip) / 3 * 3
		forms = append(forms, base64.StdEncoding.EncodeToString([]byte(secret[skip:skip+whole])))
	}
	return forms
}
