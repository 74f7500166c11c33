package exporter_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"offlinestore/exporter"
	"offlinestore/internal/upstreamtest"
)

// silent gives no answer until the client goes away.
func silent(http.Handler) http.Handler {
	return http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
}

// broken answers with status 500.
func broken(http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) })
}

// unfetched returns the names of the items that lack an optional part.
func unfetched(p *exporter.Plan, part string) []string {
	for _, u := range p.Unfetched {
		if u.Part == part {
			return u.Of
		}
	}
	return nil
}

// TestIconsThatFail exports several snaps whose icons can't be fetched. That takes one request each and a bounded time for all, and the
// bundle says that the icons are unknown.
func TestIconsThatFail(t *testing.T) {
	t.Parallel()
	for name, do := range map[string]func(http.Handler) http.Handler{"no answer": silent, "status 500": broken, "status 404": notFound} {
		s := demo(t)
		s.Inject(upstreamtest.Fault{Path: "/site_media/", Do: do})
		e, _ := newExporter(t, s)
		e.OptionalTime = time.Second
		req := exporter.Request{Names: []string{"jq", "hello"}, Channels: []string{"stable"}, Architectures: []string{"amd64"}, NoDeps: true}
		p, err := e.Plan(t.Context(), req)
		if err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		if err := e.Fetch(t.Context(), p); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if took := time.Since(start); took > 10*time.Second {
			t.Errorf("%s: the export took %s", name, took)
		}
		want := unfetched(p, exporter.PartIcon)
		if len(want) < 2 || len(p.Unfetched) != 1 || s.Count("/site_media/") > len(want) {
			t.Errorf("%s: without icons are %q, after %d requests", name, want, s.Count("/site_media/"))
		}
		for _, sn := range pack(t, e, p).Snaps {
			if got := slices.Contains(sn.Unknown, "icon"); got != slices.Contains(want, sn.Name) || sn.Icon != nil {
				t.Errorf("%s: %s has the unknown parts %q and the icon %v", name, sn.Name, sn.Unknown, sn.Icon)
			}
		}
	}
}

// TestNoIcons shows that an export without icons says that they are unknown, not that there are none.
func TestNoIcons(t *testing.T) {
	t.Parallel()
	s := demo(t)
	e, _ := newExporter(t, s)
	req := exporter.Request{Names: []string{"jq"}, Channels: []string{"stable"}, Architectures: []string{"amd64"}, NoDeps: true, NoIcons: true}
	h := pack(t, e, fetch(t, e, req))
	if jq := h.Snaps[0]; !slices.Equal(jq.Unknown, []string{"icon"}) || jq.Icon != nil || s.Count("/site_media/") > 0 {
		t.Errorf("unknown parts %q, icon %v, %d requests", jq.Unknown, jq.Icon, s.Count("/site_media/"))
	}
}

// TestAccountOfNoAnswer exports charms while the Snap Store, which has their publishers' accounts, gives no answer.
func TestAccountOfNoAnswer(t *testing.T) {
	t.Parallel()
	for name, do := range map[string]func(http.Handler) http.Handler{"no answer": silent, "status 500": broken} {
		h := newHub(t)
		h.Inject(upstreamtest.Fault{Path: "/v2/assertions/", Do: do})
		e, _ := h.exporter(t)
		e.OptionalTime = 200 * time.Millisecond
		p := fetch(t, e, wanted(t, k8s))
		if got := unfetched(p, exporter.PartAccount); !slices.Equal(got, []string{"postgresql-k8s"}) || h.Count("/v2/assertions/") != 1 {
			t.Errorf("%s: without accounts are %q, after %d requests", name, got, h.Count("/v2/assertions/"))
		}
		if c := pack(t, e, p).Charms[0]; c.Assertions != nil || c.Icon == nil || c.Unknown != nil {
			t.Errorf("%s: assertions %q, icon %v, unknown parts %q", name, c.Assertions, c.Icon, c.Unknown)
		}
	}
}

// TestMappedImageOfNoAnswer exports a charm whose image is mapped to another registry, while the image's own registry gives no answer.
func TestMappedImageOfNoAnswer(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	h.registry.Inject(upstreamtest.Fault{Path: "/v2/", Do: silent})
	e, _ := h.exporter(t)
	e.OptionalTime = 200 * time.Millisecond
	start := time.Now()
	p, err := e.Plan(t.Context(), wanted(t, "applications: {pg: {charm: postgresql-k8s, resources: {postgresql-image: local/pg:14}}}"))
	if err != nil {
		t.Fatal(err)
	}
	if took := time.Since(start); took > 20*time.Second || !strings.Contains(strings.Join(p.Warnings, "\n"), "local/pg:14 is left to the registry inside") {
		t.Errorf("took %s, warnings %q", took, p.Warnings)
	}
}

// TestUnfetchedText checks the sentence about optional parts that could not be fetched.
func TestUnfetchedText(t *testing.T) {
	t.Parallel()
	u := &exporter.Unfetched{Part: exporter.PartIcon, Of: strings.Fields("a b c d e f g"), Err: http.ErrHandlerTimeout}
	if want := "a, b, c, d, e and 2 more: exported without the icon, so a store that has it keeps it: "; !strings.HasPrefix(u.String(), want) {
		t.Errorf("got %q, want %q", u, want)
	}
}
