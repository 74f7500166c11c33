package edge

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"offlinestore/session"
)

// secretSnap answers about a private snap those who have the session "insider", and others not.
func secretSnap(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	if !strings.Contains(r.Header.Get("Snap-Device-Authorization"), "insider") {
		w.WriteHeader(http.StatusNotFound)
		fmt.Fprint(w, `{"error-list":[{"code":"resource-not-found","message":"nothing"}]}`)
		return
	}
	snap := `"private":true,"revision":3,"snap-id":"` + strings.Repeat("a", 32) + `","name":"hush","download":{"url":"http://` + r.Host + `/api/v1/snaps/download/hush_3.snap","size":10,"sha3-384":"` + strings.Repeat("0", 96) + `"}`
	if r.Method == http.MethodPost {
		fmt.Fprintf(w, `{"results":[{"result":"install","instance-key":"install-1","name":"hush","snap-id":"%s","effective-channel":"stable","snap":{%s}}]}`, strings.Repeat("a", 32), snap)
		return
	}
	fmt.Fprintf(w, `{"name":"hush","snap":{%s},"channel-map":[]}`, snap)
}

// TestPrivateAnswers keeps answers about private snaps for the device, or the store, that got them alone. Their addresses end.
func TestPrivateAnswers(t *testing.T) {
	t.Parallel()
	g := newRig(t, http.HandlerFunc(secretSnap))
	insider, outsider := []string{"Snap-Device-Authorization", `Macaroon root="insider"`}, []string{"Snap-Device-Authorization", `Macaroon root="another"`}
	store := append([]string{"Snap-Device-Store", "brandstore"}, insider...)
	hush := bytes.ReplaceAll(install("stable"), []byte(`"jq"`), []byte(`"hush"`))
	got := g.do("GET", "/v2/snaps/info/hush", nil, insider...)
	if got.StatusCode != 200 {
		t.Fatalf("info: %d %s", got.StatusCode, got.text)
	}
	url := string(ours.Find(got.text))
	if r := g.do("POST", "/v2/snaps/refresh", hush, append(store, amd64...)...); r.StatusCode != 200 {
		t.Fatalf("refresh: %d %s", r.StatusCode, r.text)
	}
	for _, down := range []bool{false, true} {
		g.down.Store(down)
		for name, headers := range map[string][]string{"another device": outsider, "nobody": nil} {
			if r := g.do("GET", "/v2/snaps/info/hush", nil, headers...); r.StatusCode == 200 {
				t.Errorf("%s gets %s (upstream down: %v)", name, r.text, down)
			}
			if r := g.do("POST", "/v2/snaps/refresh", hush, append(headers, amd64...)...); r.StatusCode == 200 && bytes.Contains(r.text, []byte("hush_3")) {
				t.Errorf("%s gets %s (upstream down: %v)", name, r.text, down)
			}
		}
	}
	if r := g.do("GET", "/v2/snaps/info/hush", nil, insider...); r.StatusCode != 200 {
		t.Errorf("the same device: %d", r.StatusCode)
	}
	if r := g.do("POST", "/v2/snaps/refresh", hush, append(store, amd64...)...); !bytes.Contains(r.text, []byte("hush_3")) {
		t.Errorf("a device of the same store: %d %s", r.StatusCode, r.text)
	}
	g.advance(3 * time.Hour)
	if r := g.do("GET", url, nil); r.StatusCode != 403 {
		t.Errorf("the address three hours later: %d, want 403", r.StatusCode)
	}
}

// TestOwnSession sends a device with a session of this store to upstream for another.
func TestOwnSession(t *testing.T) {
	t.Parallel()
	g := newRig(t, newStore(t).Handler())
	m, err := session.NewKeys(secret).New(session.Device{}, g.now())
	if err != nil {
		t.Fatal(err)
	}
	asked := g.asked.Load()
	for _, name := range []string{"Snap-Device-Authorization", "X-Device-Authorization"} {
		got := g.do("POST", "/v2/snaps/refresh", install("stable"), append([]string{name, `Macaroon root="` + m + `"`}, amd64...)...)
		if got.StatusCode != 401 || !strings.Contains(got.Header.Get("WWW-Authenticate"), "refresh_device_session=1") {
			t.Errorf("%s: %d %v", name, got.StatusCode, got.Header)
		}
	}
	if g.asked.Load() != asked {
		t.Error("upstream has seen a session of this store")
	}
	token, err := session.NewKeys(secret).NewToken("brandstore", g.now().Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	for value, want := range map[string]string{"Macaroon " + token: "", `Macaroon root="of-upstream"`: `Macaroon root="of-upstream"`} {
		var seen string
		g := newRig(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { seen = r.Header.Get("Authorization") }))
		g.do("GET", "/v9/x", nil, "Authorization", value)
		if seen != want {
			t.Errorf("of %q, upstream got %q, want %q", value, seen, want)
		}
	}
}

// TestDeviceServices passes requests for serials to listed services only, by https, and to no host that they redirect to.
func TestDeviceServices(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	redirect := false
	vault := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		if redirect {
			http.Redirect(w, r, "https://example.com/", http.StatusFound)
			return
		}
		fmt.Fprintf(w, "%s %s %s", r.URL.Path, r.Header.Get("Api-Key"), r.Header.Get("X-Device-Authorization"))
	}))
	t.Cleanup(vault.Close)
	g := newRig(t, newStore(t).Handler(), func(s *Settings) {
		s.DeviceServices = []string{vault.URL + "/v1"}
		s.Roots = vault.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	})
	send := func(service string) *response {
		return g.do("POST", "/api/v1/snaps/auth/devices", []byte("x"), "X-Snap-Device-Service-URL", service, "api-key", "abc", "X-Device-Authorization", "mine")
	}
	if got := send(vault.URL + "/v1/"); got.StatusCode != 200 || string(got.text) != "/v1/serial abc " {
		t.Errorf("a listed service: %d %s", got.StatusCode, got.text)
	}
	for _, other := range []string{vault.URL, vault.URL + "/v2/", vault.URL + "/v1x/", "http" + strings.TrimPrefix(vault.URL, "https") + "/v1/", "https://example.com/v1/",
		strings.Replace(vault.URL, "://", "://u:p@", 1) + "/v1/", vault.URL + "/v1/?x=1", "", "::", vault.URL + "/v1/../v2/"} {
		before := asked.Load()
		if got := send(other); got.StatusCode != 403 || asked.Load() != before {
			t.Errorf("the service %q: %d, want 403", other, got.StatusCode)
		}
	}
	redirect = true
	if got := send(vault.URL + "/v1/"); got.StatusCode != 502 || got.Header.Get("Location") != "" {
		t.Errorf("a redirect: %d to %s, want 502", got.StatusCode, got.Header.Get("Location"))
	}
}

// TestEndlessAnswer bounds the answers of upstream that are read whole.
func TestEndlessAnswer(t *testing.T) {
	t.Parallel()
	var sent atomic.Int64
	g := newRig(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		block := bytes.Repeat([]byte(" "), 1<<20)
		for r.Context().Err() == nil {
			n, err := w.Write(block)
			if sent.Add(int64(n)); err != nil {
				return
			}
		}
	}))
	for _, send := range []func() *response{
		func() *response { return g.do("GET", "/v2/snaps/info/jq", nil, amd64...) },
		func() *response { return g.do("POST", "/v2/snaps/refresh", install("stable"), amd64...) },
	} {
		if got := send(); got.StatusCode != 502 {
			t.Errorf("an endless answer: %d, want 502", got.StatusCode)
		}
	}
	if n := sent.Load(); n > 8*maxAnswer {
		t.Errorf("%d bytes were read", n)
	}
}
