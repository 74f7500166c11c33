package admin_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"
	"gopkg.in/macaroon.v2"

	"offlinestore/catalog"
	"offlinestore/internal/admintest"
	"offlinestore/internal/pgtest"
	"offlinestore/server/admin"
	"offlinestore/server/admin/api"
	"offlinestore/snap"
)

const (
	email    = "op@example.internal"
	password = "correct horse battery"
)

// administration is an API with a catalogue of jq, revisions 5 and 6, an admin, and a clock of its own.
type administration struct {
	t     *testing.T
	store *catalog.DB
	url   string
	now   atomic.Int64
}

func migrated(dsn string) error {
	s, err := catalog.Open(context.Background(), dsn)
	if err != nil {
		return err
	}
	s.Close()
	return nil
}

func newAPI(t *testing.T) *administration {
	t.Helper()
	st, err := catalog.Open(t.Context(), pgtest.NewFrom(t, migrated))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(st.Close)
	if _, err := st.Apply(t.Context(), jq()); err != nil {
		t.Fatal(err)
	}
	a := &administration{t: t, store: st}
	a.now.Store(time.Now().Unix())
	a.url = a.another()
	a.addAdmin(catalog.Admin{Email: email, Secret: hash()})
	return a
}

// another starts another server of the store, and returns its URL.
func (a *administration) another() string {
	a.t.Helper()
	srv, err := admin.New(admin.Config{Store: a.store, Secret: strings.Repeat("s", 64), Now: func() time.Time { return time.Unix(a.now.Load(), 0) }})
	if err != nil {
		a.t.Fatal(err)
	}
	hs := httptest.NewServer(srv.Handler())
	a.t.Cleanup(hs.Close)
	return hs.URL
}

// hash returns the hash of the password, which takes a while to make.
var hash = sync.OnceValue(func() string { return admintest.Hash(password) })

func jq() *catalog.Import {
	in := &catalog.Import{Bundle: digest.FromString("jq"), Name: "jq.tar.gz", Signer: "sha256:aa", SignedAt: time.Date(2026, 11, 16, 9, 0, 0, 0, time.UTC), Sequence: 1}
	id := strings.Repeat("j", 32)
	for _, n := range []int{5, 6} {
		b := catalog.Blob{Digest: digest.FromString(fmt.Sprint(n)), Size: 9, SHA3384: strings.Repeat("ab", 48)}
		in.Blobs = append(in.Blobs, b)
		in.SnapRevisions = append(in.SnapRevisions, catalog.ImportedSnapRevision{Blob: b.Digest, Item: snap.Item{Name: "jq", SnapID: id, Revision: snap.Revision{
			Number: n, Type: "app", Architectures: []string{"amd64"}, Download: snap.Download{SHA3384: b.SHA3384, Size: 9}}}})
	}
	in.Snaps = []catalog.ImportedSnap{{Listing: snap.Listing{Name: "jq", SnapID: id, DefaultTrack: "latest",
		ChannelMap: []snap.Release{{Architecture: "amd64", Channel: "latest/stable", Revision: 6, ReleasedAt: "2026-01-02T03:04:05Z"}}}}}
	return in
}

func (a *administration) addAdmin(ad catalog.Admin) {
	a.t.Helper()
	if err := a.store.PutAdmin(a.t.Context(), ad); err != nil {
		a.t.Fatal(err)
	}
}

func (a *administration) pass(d time.Duration) { a.now.Add(int64(d.Seconds())) }

// send sends a request, with header lines "Name: value", and returns the answer with its body.
func (a *administration) send(method, path, body string, header ...string) (*http.Response, string) {
	a.t.Helper()
	req, err := http.NewRequestWithContext(a.t.Context(), method, a.url+path, strings.NewReader(body))
	if err != nil {
		a.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-Ubuntu-Series", "16")
	for _, line := range header {
		name, value, _ := strings.Cut(line, ": ")
		req.Header.Set(name, value)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		a.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		a.t.Fatal(err)
	}
	return resp, string(text)
}

// post sends JSON and reads the answer, whose status must be 200.
func (a *administration) post(path string, body, answer any) {
	a.t.Helper()
	b, err := json.Marshal(body)
	if err != nil {
		a.t.Fatal(err)
	}
	resp, text := a.send("POST", path, string(b))
	if resp.StatusCode != 200 {
		a.t.Fatalf("POST %s: %d: %s", path, resp.StatusCode, text)
	}
	if err := json.Unmarshal([]byte(text), answer); err != nil {
		a.t.Fatal(err)
	}
}

// login is a pair of macaroons.
type login struct{ root, discharge *macaroon.Macaroon }

func (a *administration) issue() *macaroon.Macaroon {
	a.t.Helper()
	var answer api.IssueAnswer
	a.post("/v2/auth/issue-store-admin", struct{}{}, &answer)
	return a.decode(answer.Macaroon)
}

func (a *administration) decode(text string) *macaroon.Macaroon {
	a.t.Helper()
	b, err := macaroon.Base64Decode([]byte(text))
	var m macaroon.Macaroon
	if err == nil {
		err = m.UnmarshalBinary(b)
	}
	if err != nil {
		a.t.Fatal(err)
	}
	return &m
}

func (a *administration) encode(m *macaroon.Macaroon) string {
	a.t.Helper()
	b, err := m.MarshalBinary()
	if err != nil {
		a.t.Fatal(err)
	}
	return base64.RawURLEncoding.EncodeToString(b)
}

// caveat returns the ID of the caveat that the store is to discharge.
func caveat(m *macaroon.Macaroon) string {
	for _, c := range m.Caveats() {
		if len(c.VerificationId) > 0 {
			return string(c.Id)
		}
	}
	return ""
}

func (a *administration) tryDischarge(email, password, caveat string) (*http.Response, string) {
	a.t.Helper()
	b, err := json.Marshal(api.DischargeRequest{Email: email, Password: password, CaveatID: caveat})
	if err != nil {
		a.t.Fatal(err)
	}
	return a.send("POST", "/api/v2/tokens/discharge", string(b))
}

func (a *administration) login() login {
	a.t.Helper()
	root := a.issue()
	var answer api.DischargeAnswer
	a.post("/api/v2/tokens/discharge", api.DischargeRequest{Email: email, Password: password, CaveatID: caveat(root)}, &answer)
	return login{root, a.decode(answer.DischargeMacaroon)}
}

// header returns the Authorization header of a login.
func (a *administration) header(l login) string {
	a.t.Helper()
	bound := l.discharge.Clone()
	bound.Bind(l.root.Signature())
	return fmt.Sprintf(`Authorization: Macaroon root="%s", discharge="%s"`, a.encode(l.root), a.encode(bound))
}

// status returns the status of a request with a login, and its header WWW-Authenticate.
func (a *administration) status(l login) (int, string) {
	a.t.Helper()
	resp, _ := a.send("GET", "/v2/metadata/overrides/jq", "", a.header(l))
	return resp.StatusCode, resp.Header.Get("WWW-Authenticate")
}

func (a *administration) wantStatus(what string, l login, want int) {
	a.t.Helper()
	if got, _ := a.status(l); got != want {
		a.t.Errorf("%s: status %d, want %d", what, got, want)
	}
}

func compact(s string) string {
	var b bytes.Buffer
	if json.Compact(&b, []byte(s)) != nil {
		return s
	}
	return b.String()
}

func (a *administration) newToken(email string) string {
	a.t.Helper()
	token, err := admin.NewToken(email)
	if err != nil {
		a.t.Fatal(err)
	}
	return token
}
