//go:build linux

package snapdaemon_test

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha3"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"

	"offlinestore/assertion"
)

// publishedSnap is a revision of a snap, released to the channel stable of every architecture.
type publishedSnap struct {
	name, id, kind, file string
	revision             int
	size                 int64
	sum                  []byte
}

// fakeStore answers only the requests that the daemon needs. It shares no code with the product except the signing,
// because the harness exists to test the product.
type fakeStore struct {
	tb   testing.TB
	key  *assertion.SigningKey
	root []*assertion.Assertion

	mu    sync.Mutex
	set   *assertion.Set
	snaps map[string]publishedSnap // each snap is there twice: by name and by snap-id
	seen  []string                 // the requests so far
}

func newFakeStore(tb testing.TB) *fakeStore {
	tb.Helper()
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		tb.Fatalf("generate a key: %v", err)
	}
	key, err := assertion.NewSigningKey(private)
	if err != nil {
		tb.Fatalf("make a signing key: %v", err)
	}
	s := &fakeStore{tb: tb, key: key, set: assertion.NewSet(), snaps: map[string]publishedSnap{}}
	account := s.sign(map[string]any{
		"type": "account", "account-id": "testroot", "display-name": "Test Root", "username": "testroot",
		"validation": "verified", "timestamp": "2016-01-01T00:00:00Z",
	}, nil)
	accountKey := s.sign(map[string]any{
		"type": "account-key", "account-id": "testroot", "name": "root", "since": "2016-01-01T00:00:00Z",
		"public-key-sha3-384": key.KeyID(),
	}, key.PublicKeyBody())
	s.root = []*assertion.Assertion{account, accountKey}
	return s
}

// rootStream returns the assertions that make a client trust the store.
func (s *fakeStore) rootStream() []byte {
	s.tb.Helper()
	var b bytes.Buffer
	if err := assertion.EncodeAll(&b, s.root); err != nil {
		s.tb.Fatalf("encode the root: %v", err)
	}
	return b.Bytes()
}

// sign signs with the store's only key, which is its root, and keeps the assertion.
func (s *fakeStore) sign(headers map[string]any, body []byte) *assertion.Assertion {
	s.tb.Helper()
	headers["authority-id"] = "testroot"
	a, err := assertion.Sign(headers, body, s.key)
	if err != nil {
		s.tb.Fatalf("sign: %v", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.set.Add(a)
	return a
}

// publish signs a revision and releases it.
func (s *fakeStore) publish(p publishedSnap) {
	s.tb.Helper()
	blob, err := os.ReadFile(p.file)
	if err != nil {
		s.tb.Fatalf("read a snap: %v", err)
	}
	sum := sha3.Sum384(blob)
	p.size, p.sum = int64(len(blob)), sum[:]
	s.sign(map[string]any{
		"type": "snap-declaration", "series": "16", "snap-id": p.id, "snap-name": p.name,
		"publisher-id": "testroot", "timestamp": "2020-01-01T00:00:00Z",
	}, nil)
	s.sign(map[string]any{
		"type": "snap-revision", "snap-sha3-384": assertion.DigestHeader(p.sum), "snap-id": p.id,
		"snap-size": strconv.FormatInt(p.size, 10), "snap-revision": strconv.Itoa(p.revision),
		"developer-id": "testroot", "timestamp": "2020-01-01T00:00:00Z",
	}, nil)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.snaps[p.name], s.snaps[p.id] = p, p
	s.snaps[hex.EncodeToString(p.sum)] = p
}

// requests returns the requests so far.
func (s *fakeStore) requests() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.seen...)
}

func (s *fakeStore) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen = append(s.seen, r.Method+" "+r.Host+r.URL.Path)
	path := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	switch {
	case r.URL.Path == "/v2/snaps/refresh":
		s.refresh(w, r)
	case len(path) > 3 && path[0] == "v2" && path[1] == "assertions":
		s.assertion(w, path[2], path[3:])
	case len(path) == 2 && path[0] == "blob":
		http.ServeFile(w, r, s.snaps[path[1]].file)
	default:
		answer(w, http.StatusNotFound, map[string]any{"error-list": []any{map[string]any{"code": "not-found", "message": "not found"}}})
	}
}

func (s *fakeStore) assertion(w http.ResponseWriter, typ string, key []string) {
	ref, err := assertion.RefFromPath(typ, key)
	if err == nil {
		if a, err := s.set.Find(ref); err == nil {
			w.Header().Set("Content-Type", "application/x.ubuntu.assertion")
			_, _ = w.Write(a.Raw())
			return
		}
	}
	answer(w, http.StatusNotFound, map[string]any{"error-list": []any{map[string]any{"code": "not-found", "message": typ}}})
}

// refresh answers every action with the one released revision.
func (s *fakeStore) refresh(w http.ResponseWriter, r *http.Request) {
	var asked struct {
		Context []struct {
			SnapID      string `json:"snap-id"`
			InstanceKey string `json:"instance-key"`
		}
		Actions []map[string]any
	}
	if err := json.NewDecoder(r.Body).Decode(&asked); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	results := []any{}
	for _, a := range asked.Actions {
		if a["action"] == "fetch-assertions" { // all assertions are up to date
			results = append(results, map[string]any{"result": "fetch-assertions", "key": a["key"], "assertion-stream-urls": []any{}})
			continue
		}
		name, _ := a["name"].(string)
		if name == "" {
			name, _ = a["snap-id"].(string)
		}
		results = append(results, s.result(r, name, a))
	}
	answer(w, http.StatusOK, map[string]any{"results": results, "error-list": []any{}})
}

func (s *fakeStore) result(r *http.Request, name string, action map[string]any) map[string]any {
	p, ok := s.snaps[name]
	if !ok {
		return map[string]any{
			"result": "error", "instance-key": action["instance-key"], "name": name,
			"error": map[string]any{"code": "name-not-found", "message": "no such snap"},
		}
	}
	sum := hex.EncodeToString(p.sum)
	url := "http://" + r.Host + "/blob/" + sum
	if r.TLS != nil {
		url = "https" + strings.TrimPrefix(url, "http")
	}
	return map[string]any{
		"result": action["action"], "instance-key": action["instance-key"], "snap-id": p.id, "name": p.name, "effective-channel": "stable",
		"snap": map[string]any{
			"name": p.name, "snap-id": p.id, "revision": p.revision, "version": fmt.Sprint(p.revision), "type": p.kind,
			"architectures": []string{"all"}, "confinement": "strict", "base": "none", "epoch": "0",
			"publisher": map[string]any{"id": "testroot", "username": "testroot", "display-name": "Test Root", "validation": "verified"},
			"download":  map[string]any{"url": url, "size": p.size, "sha3-384": sum},
		},
	}
}

func answer(w http.ResponseWriter, code int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(v)
}
