//go:build linux || darwin

package snapddriver_test

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"offlinestore/assertion"
	"offlinestore/internal/assertiontest"
)

const (
	fakeID     = "offlineSnapIdAAAAAAAAAAAAAAAAAAA"
	fakeLatest = 8
)

// fakeStore has one snap, offline-snap, at revision 8 in stable. It shows that the driver accepts good answers and refuses
// bad ones; a test changes the fields to make an answer bad.
type fakeStore struct {
	url  string
	root string

	mu         sync.Mutex
	blob       []byte // the blob that is announced and signed
	served     []byte // the bytes that a download returns
	assertions *assertion.Set
	sessions   int
}

func newFakeStore(t *testing.T) *fakeStore {
	t.Helper()
	stack := assertiontest.NewStack(t)
	s := &fakeStore{root: filepath.Join(t.TempDir(), "root.assert"), blob: []byte("not a squashfs, which no one here minds")}
	s.served = s.blob
	if err := os.WriteFile(s.root, stack.RootStream(), 0o644); err != nil {
		t.Fatal(err)
	}
	publisher := stack.NewAccount("other", "other")
	s.assertions = assertion.NewSet(append(append(stack.Base(), publisher.Assertions()...),
		stack.SnapDeclaration(fakeID, "offline-snap", publisher.ID, nil),
		stack.SnapRevision(fakeID, fakeLatest, publisher.ID, assertiontest.BlobOf(s.blob), nil))...)
	mux := s.mux()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.url = server.URL
	return s
}

func (s *fakeStore) mux() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v2/snaps/refresh", s.refresh)
	mux.HandleFunc("GET /api/v1/snaps/assertions/{path...}", s.assertion)
	mux.HandleFunc("GET /blob", func(w http.ResponseWriter, _ *http.Request) { w.Write(s.served) })
	mux.HandleFunc("GET /v2/snaps/info/{name}", func(w http.ResponseWriter, r *http.Request) {
		if r.PathValue("name") != "offline-snap" {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		reply(w, "application/json", map[string]any{"name": "offline-snap", "snap-id": fakeID, "snap": s.snap(), "channel-map": []any{
			merge(s.snap(), map[string]any{"channel": map[string]any{
				"architecture": "amd64", "name": "stable", "risk": "stable", "track": "latest", "released-at": "2024-01-01T00:00:00Z",
			}}),
		}})
	})
	mux.HandleFunc("GET /v2/snaps/find", func(w http.ResponseWriter, r *http.Request) {
		reply(w, "application/json", map[string]any{"results": []any{map[string]any{
			"name": "offline-snap", "snap-id": fakeID, "snap": s.snap(), "revision": merge(s.snap(), map[string]any{"channel": "stable"}),
		}}})
	})
	mux.HandleFunc("GET /api/v1/snaps/sections", func(w http.ResponseWriter, _ *http.Request) {
		reply(w, "application/hal+json", map[string]any{"_embedded": map[string]any{"clickindex:sections": []any{map[string]any{"name": "games"}}}})
	})
	mux.HandleFunc("GET /api/v1/snaps/names", func(w http.ResponseWriter, _ *http.Request) {
		reply(w, "application/hal+json", map[string]any{"_embedded": map[string]any{"clickindex:package": []any{map[string]any{
			"package_name": "offline-snap", "version": "1", "summary": "off", "apps": []string{"run"}, "aliases": []any{},
		}}}})
	})
	mux.HandleFunc("POST /api/v1/snaps/auth/nonces", func(w http.ResponseWriter, _ *http.Request) {
		reply(w, "application/json", map[string]any{"nonce": "a nonce"})
	})
	mux.HandleFunc("POST /api/v1/snaps/auth/sessions", s.session)
	return mux
}

func reply(w http.ResponseWriter, contentType string, v any) {
	w.Header().Set("Content-Type", contentType)
	json.NewEncoder(w).Encode(v)
}

func merge(a, b map[string]any) map[string]any {
	for k, v := range b {
		a[k] = v
	}
	return a
}

func (s *fakeStore) snap() map[string]any {
	blob := assertiontest.BlobOf(s.blob)
	return map[string]any{
		"name": "offline-snap", "snap-id": fakeID, "revision": fakeLatest, "version": "1", "type": "app", "confinement": "strict",
		"architectures": []string{"amd64"}, "snap-yaml": "name: offline-snap\nversion: 1\nplugs: {home: }\napps: {run: {command: run}}\n",
		"epoch":    map[string]any{"read": []int{0}, "write": []int{0}},
		"download": map[string]any{"url": s.url + "/blob", "size": blob.Size, "sha3-384": hex.EncodeToString(blob.SHA3_384)},
	}
}

// action is one action of a refresh request.
type action struct {
	Action      string `json:"action"`
	InstanceKey string `json:"instance-key"`
	Name        string `json:"name"`
	Channel     string `json:"channel"`
	Key         string `json:"key"`
	Assertions  []struct {
		Type        string   `json:"type"`
		PrimaryKey  []string `json:"primary-key"`
		IfNewerThan *int     `json:"if-newer-than"`
	} `json:"assertions"`
}

func (s *fakeStore) refresh(w http.ResponseWriter, r *http.Request) {
	var req struct {
		Actions []action `json:"actions"`
	}
	if err := json.NewDecoder(r.Body).Decode(&req); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	var results []any
	for _, a := range req.Actions {
		results = append(results, s.answer(a))
	}
	reply(w, "application/json", map[string]any{"results": results})
}

func (s *fakeStore) answer(a action) map[string]any {
	result := map[string]any{
		"result": a.Action, "instance-key": a.InstanceKey, "snap-id": fakeID, "name": "offline-snap", "snap": s.snap(),
		"effective-channel": "stable", "redirect-channel": "",
	}
	fail := func(code string, extra map[string]any) map[string]any {
		return merge(result, map[string]any{"result": "error", "name": a.Name, "error": map[string]any{"code": code, "message": code, "extra": extra}})
	}
	switch {
	case a.Action == "fetch-assertions":
		urls := []string{}
		for _, at := range a.Assertions {
			if at.IfNewerThan == nil {
				urls = append(urls, fmt.Sprintf("%s/api/v1/snaps/assertions/%s/%s", s.url, at.Type, strings.Join(at.PrimaryKey, "/")))
			}
		}
		return map[string]any{"result": a.Action, "key": a.Key, "assertion-stream-urls": urls}
	case a.Action != "refresh" && a.Name != "offline-snap":
		return fail("name-not-found", nil)
	case a.Channel == "edge/closed":
		return fail("revision-not-found", map[string]any{"releases": []any{map[string]any{"architecture": "amd64", "channel": "stable"}}})
	}
	return result
}

func (s *fakeStore) assertion(w http.ResponseWriter, r *http.Request) {
	typ, path, _ := strings.Cut(r.PathValue("path"), "/")
	ref, err := assertion.RefFromPath(typ, strings.Split(path, "/"))
	if err == nil {
		var a *assertion.Assertion
		if a, err = s.assertions.Find(ref); err == nil {
			w.Write(a.Raw())
			return
		}
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusNotFound)
	fmt.Fprint(w, `{"status":404,"title":"not found","detail":"not here"}`)
}

// session issues a session to a device whose request and serial belong together.
func (s *fakeStore) session(w http.ResponseWriter, r *http.Request) {
	var req map[string]string
	if err := json.NewDecoder(r.Body).Decode(&req); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	serial, err := assertion.Decode([]byte(req["serial-assertion"]))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	request, err := assertion.Decode([]byte(req["device-session-request"]))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	key, err := assertion.DeviceKey(serial)
	if err == nil {
		err = assertion.VerifyDeviceSignature(request, key)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusForbidden)
		return
	}
	s.sessions++
	reply(w, "application/json", map[string]any{"macaroon": "a macaroon"})
}
