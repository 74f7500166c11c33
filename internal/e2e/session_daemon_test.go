//go:build linux

package e2e_test

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"offlinestore/assertion"
	"offlinestore/internal/assertiontest"
	"offlinestore/internal/snapdaemon"
	"offlinestore/internal/upstreamtest"
	"offlinestore/session"
)

// serialVault gives serials to generic devices, as the Snap Store does, with a key that the test root has signed.
type serialVault struct {
	t       *testing.T
	account *assertiontest.Account
}

func (v serialVault) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /api/v1/snaps/auth/request-id", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, `{"request-id": "REQUEST"}`)
	})
	mux.HandleFunc("POST /api/v1/snaps/auth/devices", func(w http.ResponseWriter, r *http.Request) {
		request, err := assertion.NewDecoder(r.Body).Decode()
		if err != nil {
			v.t.Errorf("serial-request: %v", err)
			return
		}
		serial := v.account.Sign(assertiontest.Headers{
			"type": "serial", "brand-id": request.HeaderString("brand-id"), "model": request.HeaderString("model"), "serial": "device-1",
			"device-key": request.HeaderString("device-key"), "device-key-sha3-384": request.SignKeyID(),
		}, nil)
		w.Header().Set("Content-Type", "application/x.ubuntu.assertion")
		w.Write(serial.Raw())
	})
	return mux
}

// sessionRecorder records the sessions and the paths of the requests that it forwards.
type sessionRecorder struct {
	next  http.Handler
	mu    sync.Mutex
	roots []string
	paths []string
}

func (s *sessionRecorder) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.paths = append(s.paths, r.URL.Path)
	if root, ok := strings.CutPrefix(r.Header.Get("Snap-Device-Authorization"), `Macaroon root="`); ok {
		s.roots = append(s.roots, strings.TrimSuffix(root, `"`))
	}
	s.mu.Unlock()
	s.next.ServeHTTP(w, r)
}

// take returns the last session since the last call, or nothing, and the number of sessions that were asked for.
func (s *sessionRecorder) take() (root string, asked int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, path := range s.paths {
		if strings.HasSuffix(path, "/auth/sessions") {
			asked++
		}
	}
	if len(s.roots) > 0 {
		root = s.roots[len(s.roots)-1]
	}
	s.roots, s.paths = nil, nil
	return root, asked
}

// TestDaemonSessions lets the real daemon register, open a session with its own key, and get another one when the store has another secret.
func TestDaemonSessions(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("builds snapd and runs its daemon")
	}
	up := newOrigin(t)
	up.addSnapd()
	up.addSnap("greeter")
	up.upload("greeter", upstreamtest.Rev{Revision: 1}, "stable")
	o := newOutside(t, up.url, up.Stack.RootStream())
	in := newInside(t, o)
	in.push(o.export("greeter")...)
	vault := serialVault{t, up.Stack.NewAccount("generic", "other")}
	var keys bytes.Buffer
	if err := assertion.EncodeAll(&keys, append(up.Stack.Base(), vault.account.AccountKey)); err != nil {
		t.Fatal(err)
	}
	o.write(o.dir+"/keys.assert", keys.Bytes())
	in.proxy("push-account-keys", o.dir+"/keys.assert")
	in.serve()
	ca := snapdaemon.NewCA(t)
	store := &sessionRecorder{next: snapdaemon.Forward(t, in.url)}
	d := snapdaemon.Start(t, snapdaemon.Options{
		Binaries:    snapdaemon.BuildWithRoot(t),
		TrustedRoot: up.Stack.RootStream(),
		StoreURL:    "http://127.0.0.1:8080",
		SystemCA:    ca.PEM(),
		Hosts:       []string{"api.snapcraft.io"},
		Sites: []snapdaemon.Site{{Addr: "127.0.0.1:8080", Handler: store},
			{Addr: "127.0.0.1:443", Handler: vault.handler(), Certificate: ca.Issue(t, "api.snapcraft.io")}},
	})
	d.MustSnap("install", "greeter") // without a serial
	for deadline := time.Now().Add(time.Minute); !strings.Contains(d.MustSnap("known", "serial"), "serial: device-1"); time.Sleep(200 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("the device has no serial: %s", d.MustSnap("changes"))
		}
	}
	device := session.Device{Brand: "generic", Model: "generic-classic", Serial: "device-1"}
	var root string
	for _, secret := range []string{"", "another secret"} {
		if secret != "" {
			store.take()
			in.proxy("config", "proxy.device-auth.secret="+secret)
			in.awaitRefusal(root)
		}
		d.MustSnap("find", "greeter")
		d.MustSnap("refresh")
		var asked int
		root, asked = store.take()
		text := strings.TrimSpace(in.proxy("config", "proxy.device-auth.secret"))
		if got, err := session.NewKeys(text).Open(root, time.Now()); got != device || err != nil || asked != 1 {
			t.Errorf("the daemon has the session of %+v, %v, and asked for %d, want %+v after one request", got, err, asked, device)
		}
	}
}
