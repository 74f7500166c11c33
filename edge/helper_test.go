package edge

import (
	"bytes"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"offlinestore/blob"
	"offlinestore/edge/cache"
	"offlinestore/internal/upstreamtest"
	"offlinestore/session"
)

// secret is the store's in tests.
const secret = "a secret of a store"

// rig is an edge between a client and a store upstream.
type rig struct {
	*Edge
	t *testing.T
	// url is the edge's, and upstream the store's.
	url, upstream string
	files         *cache.Cache
	// down cuts the line upstream.
	down atomic.Bool
	// asked counts the requests that upstream got.
	asked atomic.Int64
	clock atomic.Int64
}

func (g *rig) now() time.Time { return time.Unix(0, g.clock.Load()) }

func (g *rig) advance(d time.Duration) { g.clock.Add(int64(d)) }

// newRig returns an edge in front of h. change changes its settings.
func newRig(t *testing.T, h http.Handler, change ...func(*Settings)) *rig {
	t.Helper()
	g := &rig{t: t}
	g.clock.Store(time.Date(2026, 11, 30, 8, 0, 0, 0, time.UTC).UnixNano())
	up := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		g.asked.Add(1)
		if g.down.Load() {
			panic(http.ErrAbortHandler)
		}
		h.ServeHTTP(w, r)
	}))
	t.Cleanup(up.Close)
	up.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, 0)
	g.upstream = up.URL
	s := Settings{Upstream: up.URL, Charmhub: up.URL, Secret: secret, Keys: session.NewKeys(secret), StaleIfError: 24 * time.Hour}
	for _, f := range change {
		f(&s)
	}
	dir, err := blob.Open(filepath.Join(t.TempDir(), "files"))
	if err != nil {
		t.Fatal(err)
	}
	if g.files, err = cache.Open(dir, cache.Options{Max: 1 << 30, Backoff: time.Millisecond}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { g.files.Close() })
	answers := filepath.Join(t.TempDir(), "answers")
	if err := os.Mkdir(answers, 0o700); err != nil {
		t.Fatal(err)
	}
	local := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "local", http.StatusNotFound) })
	config := Config{Local: local, Origin: func(r *http.Request) string { return "http://" + r.Host }, AnswersDir: answers, Now: g.now}
	if g.Edge, err = New(config, g.files, s); err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(g.Handler())
	t.Cleanup(srv.Close)
	srv.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, 0)
	g.url = srv.URL
	return g
}

// response is an answer with its whole body.
type response struct {
	*http.Response
	text []byte
}

// do sends a request, whose headers are pairs of names and values.
func (g *rig) do(method, path string, body []byte, headers ...string) *response {
	g.t.Helper()
	if strings.HasPrefix(path, "/") {
		path = g.url + path
	}
	r, err := http.NewRequestWithContext(g.t.Context(), method, path, bytes.NewReader(body))
	if err != nil {
		g.t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		g.t.Fatalf("%s %s: %v", method, path, err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		text = append(text, "\n(cut: "+err.Error()+")"...)
	}
	return &response{resp, text}
}

// ours matches the edge's own URLs of files.
var ours = regexp.MustCompile(`http://127\.0\.0\.1:\d+/(?:api/v1/(?:snaps|charms)/download|edge/icon)/[^"?]*\?edge=([A-Za-z0-9_-]+)`)

// restore returns an answer with upstream's own addresses in the place of the edge's.
func (g *rig) restore(text []byte) []byte {
	g.t.Helper()
	st := g.state.Load()
	out := ours.ReplaceAllFunc(text, func(m []byte) []byte {
		k, err := st.links.read(string(ours.FindSubmatch(m)[1]), g.now())
		if err != nil {
			g.t.Fatal(err)
		}
		if strings.HasPrefix(k.url, "/") {
			return []byte(st.origin + k.url)
		}
		return []byte(k.url)
	})
	return bytes.ReplaceAll(out, []byte(g.url+"/"), []byte(g.upstream+"/"))
}

// newStore returns a simulated store with the snap jq: revisions 6 and 7, and 8 in edge.
func newStore(t *testing.T) *upstreamtest.Store {
	t.Helper()
	s, err := upstreamtest.New(upstreamtest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(s.AddSnap(upstreamtest.Snap{Name: "jq", Icon: pixel}))
	for _, n := range []int{6, 7, 8} {
		must(s.AddRevision("jq", upstreamtest.Rev{Revision: n, Architectures: []string{"amd64"}, AnyDevice: true, Version: "1." + string(rune('0'+n)), Blob: jqBlob(n)}))
	}
	for channel, n := range map[string]int{"stable": 7, "edge": 8} {
		must(s.Release("jq", "amd64", channel, n))
	}
	return s
}

// pixel is the smallest GIF.
var pixel = []byte("GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff!\xf9\x04\x01\x00\x00\x00\x00,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;")

func jqBlob(n int) upstreamtest.Blob {
	return upstreamtest.Random("jq"+string(rune('0'+n)), 300_000+int64(n))
}

// content returns the content of a blob.
func content(t *testing.T, b upstreamtest.Blob) []byte {
	t.Helper()
	r, err := b()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	text, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// fields are the fields that the tests ask for.
const fields = `["revision","version","download","media","snap-id","name","private","architectures"]`

// install returns the body of a request to install jq.
func install(channel string) []byte {
	return []byte(`{"context":[],"actions":[{"action":"install","instance-key":"install-1","name":"jq","channel":"` + channel + `","epoch":null}],"fields":` + fields + `}`)
}

// amd64 are the headers of a device.
var amd64 = []string{"Snap-Device-Architecture", "amd64", "Snap-Device-Series", "16", "Content-Type", "application/json"}
