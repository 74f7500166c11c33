package docs_test

import (
	"encoding/json"
	"io/fs"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.yaml.in/yaml/v3"

	"offlinestore/blob"
	"offlinestore/catalog"
	"offlinestore/docs"
	"offlinestore/registrar"
	"offlinestore/registry"
	"offlinestore/server"
)

// brokenToken is a token that only has figures.
type brokenToken struct{ registrar.Token }

func (brokenToken) Health() registrar.TokenHealth { return registrar.TokenHealth{} }

// figures returns the /metrics of a store that has a value for every metric.
func figures(t *testing.T) string {
	t.Helper()
	blobs, err := blob.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	all := prometheus.NewRegistry()
	images := registry.New(registry.Config{Blobs: blobs.Storage(), Metrics: all})
	all.MustRegister(registrar.NewTokenMetrics(brokenToken{}))
	s := server.New(server.Config{Blobs: blobs.Storage(), Metrics: all, DatabaseRestarts: func() float64 { return 1 },
		Registrar: registrar.New(registrar.Config{})})
	s.SetSettings(server.Settings{CertificateExpiry: time.Now().Add(time.Hour)})
	if err := s.SetSnapshot(&catalog.Snapshot{Generation: 1, Imports: 1, LastImport: time.Unix(1_700_000_000, 0)}); err != nil {
		t.Fatal(err)
	}
	images.Handler().ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/v2/", nil))
	s.Handler().ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/none", nil))
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	return w.Body.String()
}

// checkExpression checks that figures has every metric of a query.
func checkExpression(t *testing.T, figures, where, expr string) {
	t.Helper()
	names := regexp.MustCompile(`\b(?:offlinestore|process)_[a-z_]+`).FindAllString(expr, -1)
	if len(names) == 0 && !strings.HasPrefix(expr, "up{") {
		t.Errorf("%s: %q asks for nothing", where, expr)
	}
	for _, name := range names {
		if !regexp.MustCompile(`(?m)^` + name + `[{ ]`).MatchString(figures) {
			t.Errorf("%s: /metrics has no %s", where, name)
		}
	}
	for _, m := range regexp.MustCompile(`(?:by \(|, )(route|code|kind)\b|\b(route="[^"]+")`).FindAllStringSubmatch(expr, -1) {
		label := m[1] + m[2]
		if m[1] != "" {
			label += `="`
		}
		if !strings.Contains(figures, label) {
			t.Errorf("%s: /metrics has no label %s", where, label)
		}
	}
}

func TestAlertsAreOfOurMetrics(t *testing.T) {
	t.Parallel()
	text, err := fs.ReadFile(docs.Files(), "alerts.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var rules struct {
		Groups []struct {
			Name  string
			Rules []struct {
				Alert, Expr, For    string
				Labels, Annotations map[string]string
			}
		}
	}
	dec := yaml.NewDecoder(strings.NewReader(string(text)))
	dec.KnownFields(true)
	if err := dec.Decode(&rules); err != nil {
		t.Fatal(err)
	}
	all, seen := figures(t), map[string]bool{}
	for _, g := range rules.Groups {
		for _, r := range g.Rules {
			if r.Alert == "" || seen[r.Alert] || r.Labels["severity"] == "" || r.Annotations["summary"] == "" {
				t.Errorf("rule %+v: it lacks something, or is there twice", r)
			}
			seen[r.Alert] = true
			checkExpression(t, all, r.Alert, r.Expr)
		}
	}
	if len(seen) < 8 {
		t.Errorf("%d rules were found", len(seen))
	}
}

func TestDashboardIsOfOurMetrics(t *testing.T) {
	t.Parallel()
	text, err := fs.ReadFile(docs.Files(), "grafana.json")
	if err != nil {
		t.Fatal(err)
	}
	var board struct {
		UID        string
		Templating struct {
			List []struct{ Name, Query string }
		}
		Panels []struct {
			ID      int
			Title   string
			GridPos struct{ X, Y, W, H int }
			Targets []struct{ Expr, RefID string }
		}
	}
	if err := json.Unmarshal(text, &board); err != nil {
		t.Fatal(err)
	}
	all, ids, queries := figures(t), map[int]bool{}, 0
	for _, p := range board.Panels {
		if p.Title == "" || ids[p.ID] || p.GridPos.W == 0 || p.GridPos.X+p.GridPos.W > 24 {
			t.Errorf("panel %d, %q: no title, an id of another, or a place outside of the grid", p.ID, p.Title)
		}
		ids[p.ID] = true
		for _, target := range p.Targets {
			queries++
			checkExpression(t, all, p.Title, target.Expr)
		}
	}
	for _, v := range board.Templating.List {
		if v.Name != "datasource" {
			checkExpression(t, all, "variable "+v.Name, v.Query)
		}
	}
	// A metric that no dashboard or alert uses is useless.
	for _, m := range regexp.MustCompile(`(?m)^# TYPE (offlinestore_\w+)`).FindAllStringSubmatch(all, -1) {
		if !strings.Contains(string(text), m[1]) {
			t.Errorf("the dashboard does not show %s", m[1])
		}
	}
	if queries < 15 {
		t.Errorf("%d queries were found", queries)
	}
}

func TestGuideIsOfOurMetrics(t *testing.T) {
	t.Parallel()
	guide, err := fs.ReadFile(docs.Files(), "monitoring.md")
	if err != nil {
		t.Fatal(err)
	}
	all := figures(t)
	for _, name := range regexp.MustCompile(`\bofflinestore_[a-z_]+`).FindAllString(string(guide), -1) {
		if !strings.Contains(all, "\n# TYPE "+name+" ") {
			t.Errorf("monitoring.md: /metrics has no %s", name)
		}
	}
	for _, m := range regexp.MustCompile(`(?m)^# TYPE offlinestore_(?:registry_)?(\w+)`).FindAllStringSubmatch(all, -1) {
		if !strings.Contains(string(guide), "_"+m[1]) {
			t.Errorf("monitoring.md does not explain %s", m[0])
		}
	}
}
