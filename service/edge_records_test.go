package service

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"offlinestore/catalog"
	"offlinestore/edge"
	"offlinestore/edge/cache"
	"offlinestore/internal/assertiontest"
	"offlinestore/internal/pgtest"
	"offlinestore/internal/upstreamtest"
	"offlinestore/session"
)

// edgeRig is the part of a service that passes devices on.
type edgeRig struct {
	*service
	t    *testing.T
	url  string
	down *atomic.Bool
}

// newEdgeRig returns an edge in front of a store, whose database has a connection string.
func newEdgeRig(t *testing.T, h http.Handler, dsn string) *edgeRig {
	t.Helper()
	g := &edgeRig{t: t, down: new(atomic.Bool)}
	up := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if g.down.Load() {
			panic(http.ErrAbortHandler)
		}
		h.ServeHTTP(w, r)
	}))
	t.Cleanup(up.Close)
	up.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, 0)
	r, err := catalog.OpenReader(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	files, err := cache.Open(nil, cache.Options{})
	if err != nil {
		t.Fatal(err)
	}
	g.service = &service{Config: Config{Logger: slog.New(slog.DiscardHandler)}, source: &catalogSource{Reader: r}, files: files, front: &front{}}
	g.edge, err = edge.New(edge.Config{Local: http.NotFoundHandler(), Origin: func(r *http.Request) string { return "http://" + r.Host }}, files,
		edge.Settings{Upstream: up.URL, Charmhub: up.URL, Secret: "secret", Keys: session.NewKeys("secret"), StaleIfError: 24 * time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(g.edge.Handler())
	t.Cleanup(srv.Close)
	g.url = srv.URL
	return g
}

// install returns the revision of jq that a device gets from a channel.
func (g *edgeRig) install(channel string) int {
	g.t.Helper()
	q := `{"context":[],"actions":[{"action":"install","instance-key":"1","name":"jq","channel":"` + channel + `"}],"fields":["revision","download","snap-id","name"]}`
	_, text := g.post("/v2/snaps/refresh", q)
	var answer struct {
		Results []struct {
			Snap struct {
				Revision int `json:"revision"`
			} `json:"snap"`
		} `json:"results"`
	}
	if err := json.Unmarshal(text, &answer); err != nil || len(answer.Results) != 1 {
		g.t.Fatalf("install: %v: %.500s", err, text)
	}
	return answer.Results[0].Snap.Revision
}

func (g *edgeRig) post(path, body string) (int, []byte) {
	g.t.Helper()
	r, err := http.NewRequestWithContext(g.t.Context(), "POST", g.url+path, strings.NewReader(body))
	if err != nil {
		g.t.Fatal(err)
	}
	for k, v := range map[string]string{"Snap-Device-Architecture": "amd64", "Snap-Device-Series": "16", "Content-Type": "application/json"} {
		r.Header.Set(k, v)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		g.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		g.t.Fatal(err)
	}
	return resp.StatusCode, text
}

// keep runs the keepers until the returned function is called.
func (g *edgeRig) keep() (stop func()) {
	ctx, cancel := context.WithCancel(g.t.Context())
	var wg sync.WaitGroup
	wg.Go(func() { g.keepOverrides(ctx) })
	wg.Go(func() { g.keepEdge(ctx) })
	return func() {
		cancel()
		wg.Wait()
	}
}

// newUpstream returns a store with the snap jq, whose sessions are given to every device.
func newUpstream(t *testing.T) http.Handler {
	t.Helper()
	s, err := upstreamtest.Demo(upstreamtest.DemoOptions{})
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/", s.Handler())
	mux.HandleFunc("POST /api/v1/snaps/auth/sessions", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, `{"macaroon":"m"}`) })
	return mux
}

func migrated(dsn string) error {
	db, err := catalog.Open(context.Background(), dsn)
	if err == nil {
		db.Close()
	}
	return err
}

// TestEdgeRecords restarts a server: another process then knows the revisions that devices were given, the devices and the overrides.
func TestEdgeRecords(t *testing.T) {
	t.Parallel()
	dsn := pgtest.NewFrom(t, migrated)
	db, err := catalog.Open(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	h := newUpstream(t)
	g := newEdgeRig(t, h, dsn)
	if err := g.loadEdge(t.Context()); err != nil {
		t.Fatal(err)
	}
	stop := g.keep()
	if n := g.install("stable"); n != 6 {
		t.Fatalf("stable is revision %d, want 6", n)
	}
	brand := assertiontest.NewStack(t).NewAccount("brand1", "brand")
	serial := brand.Serial("model1", "s1", assertiontest.DeviceKey(), nil).Raw()
	for range 2 {
		if code, text := g.post("/api/v1/snaps/auth/sessions", fmt.Sprintf(`{"device-session-request":"x","serial-assertion":%q}`, serial)); code != 200 {
			t.Fatalf("session: %d %s", code, text)
		}
	}
	setOverride(t, db, 8)
	waitFor(t, "the override", func() bool { return g.install("stable") == 8 })
	setOverride(t, db, 0)
	waitFor(t, "upstream's revision", func() bool { return g.install("stable") == 6 })
	setOverride(t, db, 8)
	if n := g.install("edge"); n != 8 {
		t.Fatalf("edge is revision %d, want 8", n)
	}
	stop()
	if n, err := db.CountEdgeDevices(t.Context()); err != nil || n != 1 {
		t.Errorf("devices: %d, %v, want 1", n, err)
	}
	// Another server learns it, but not in the place of something newer.
	other := newEdgeRig(t, h, dsn)
	other.down.Store(true)
	other.learnReleases(t.Context())
	if n := other.install("edge"); n != 8 {
		t.Errorf("another server gives revision %d of edge while upstream is gone, want 8", n)
	}
	old := edge.Release{SnapID: upstreamtest.ID("jq"), Name: "jq", Architecture: "amd64", Channel: "latest/edge", Revision: 7, Snap: json.RawMessage(`{"revision":7}`)}
	other.edge.AddReleases([]edge.Release{old})
	if n := other.install("edge"); n != 8 {
		t.Errorf("after an old release was added, edge is revision %d, want 8", n)
	}
	again := newEdgeRig(t, h, dsn)
	again.down.Store(true)
	if err := again.loadEdge(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := again.install("edge"); n != 8 {
		t.Errorf("while upstream is gone, edge is revision %d, want 8", n)
	}
	if n := again.install("stable"); n != 8 {
		t.Errorf("while upstream is gone, the overridden channel is revision %d, want 8", n)
	}
}

// TestEdgeWithoutDatabase lets the database hang. Devices do not notice, and overrides hold.
func TestEdgeWithoutDatabase(t *testing.T) {
	t.Parallel()
	dsn := pgtest.NewFrom(t, migrated)
	db, err := catalog.Open(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	setOverride(t, db, 8)
	proxy := pgtest.NewProxy(t, dsn)
	g := newEdgeRig(t, newUpstream(t), proxy.DSN(dsn))
	if err := g.loadEdge(t.Context()); err != nil {
		t.Fatal(err)
	}
	stop := g.keep()
	proxy.Hang()
	time.Sleep(overrideInterval + 100*time.Millisecond) // the keeper asks for the version
	began := time.Now()
	for range 100 {
		if n := g.install("stable"); n != 8 {
			t.Fatalf("revision %d, want the override 8", n)
		}
	}
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("100 requests took %v", took)
	}
	proxy.Resume()
	setOverride(t, db, 0)
	waitFor(t, "upstream's revision", func() bool { return g.install("stable") == 6 })
	stop()

	cold := newEdgeRig(t, newUpstream(t), proxy.DSN(dsn))
	proxy.Hang()
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if err := cold.loadEdge(ctx); err == nil {
		t.Error("an online store began without its overrides")
	}
	cold.front.airgapped.Store(true)
	if err := cold.loadEdge(ctx); err != nil {
		t.Errorf("an air-gapped store needs no overrides of upstream's channels: %v", err)
	}
}

func setOverride(t *testing.T, db *catalog.DB, revision int) {
	t.Helper()
	change := catalog.EdgeOverrideChange{Name: "jq", SnapID: upstreamtest.ID("jq"), Channel: "stable", Revision: revision, Architectures: []string{"amd64"}}
	if _, err := db.SetEdgeOverrides(t.Context(), "op", []catalog.EdgeOverrideChange{change}); err != nil {
		t.Fatal(err)
	}
}

// waitFor waits until an override is taken up, which takes at most about two seconds.
func waitFor(t *testing.T, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !done(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s is not taken up", what)
		}
	}
}
