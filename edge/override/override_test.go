package override_test

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"offlinestore/catalog"
	"offlinestore/edge"
	"offlinestore/edge/override"
	"offlinestore/internal/pgtest"
	"offlinestore/internal/upstreamtest"
	"offlinestore/upstream"
)

// rig is a Keeper in front of a simulated store with the snap jq.
type rig struct {
	override.Keeper
	t        *testing.T
	store    *upstreamtest.Store
	warnings []string
}

func newRig(t *testing.T) *rig {
	t.Helper()
	g := &rig{t: t}
	var err error
	if g.store, err = upstreamtest.New(upstreamtest.Options{}); err != nil {
		t.Fatal(err)
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"jq", "hello"} {
		must(g.store.AddSnap(upstreamtest.Snap{Name: name}))
	}
	add := func(name string, n int, archs ...string) {
		t.Helper()
		must(g.store.AddRevision(name, upstreamtest.Rev{Revision: n, Architectures: archs, AnyDevice: n%2 == 0, Blob: upstreamtest.Random(fmt.Sprint(name, n), 1000)}))
	}
	for _, n := range []int{4, 5, 6} {
		add("jq", n, "amd64")
	}
	add("jq", 7, "arm64")
	add("jq", 8, "amd64", "arm64")
	add("hello", 20)
	add("hello", 21)
	must(g.store.Release("jq", "amd64", "stable", 6))
	must(g.store.Release("jq", "arm64", "stable", 7))
	must(g.store.Release("jq", "amd64", "2.0/edge", 5))
	must(g.store.Release("hello", "", "stable", 21))
	srv := httptest.NewServer(g.store.Handler())
	t.Cleanup(srv.Close)
	dsn := pgtest.NewFrom(t, func(dsn string) error {
		db, err := catalog.Open(context.Background(), dsn)
		if err == nil {
			db.Close()
		}
		return err
	})
	if g.DB, err = catalog.Open(t.Context(), dsn); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(g.DB.Close)
	if g.Client, err = edge.NewClient(edge.Settings{Upstream: srv.URL}, "test"); err != nil {
		t.Fatal(err)
	}
	g.Warn = func(err error) { g.warnings = append(g.warnings, err.Error()) }
	return g
}

func lines(list []catalog.Override) (out []string) {
	for _, o := range list {
		out = append(out, fmt.Sprintf("%s %s %s=%d (%d)", o.Name, o.Channel, o.Architecture, o.Revision, o.Upstream))
	}
	return out
}

func (g *rig) set(changes ...catalog.OverrideChange) []string {
	g.t.Helper()
	done, err := g.SetOverrides(g.t.Context(), "op", changes)
	if err != nil {
		g.t.Fatalf("SetOverrides(%+v) = %v", changes, err)
	}
	return lines(done)
}

func diff(t *testing.T, what string, got, want []string) {
	t.Helper()
	if d := cmp.Diff(want, got, cmpopts.EquateEmpty()); d != "" {
		t.Errorf("%s (-want +got):\n%s", what, d)
	}
}

func change(name, channel string, revision int) catalog.OverrideChange {
	return catalog.OverrideChange{Name: name, Channel: channel, Revision: revision}
}

func TestOverrides(t *testing.T) {
	t.Parallel()
	g := newRig(t)
	// Revision 5 is refused to devices of arm64, and 4 is not.
	diff(t, "for one architecture", g.set(change("jq", "stable", 5)), []string{"jq latest/stable amd64=5 (6)"})
	diff(t, "for any device", g.set(change("jq", "stable", 4)), []string{"jq latest/stable amd64=4 (6)"})
	diff(t, "for two, and a closed channel", g.set(change("jq", "stable", 8), change("jq", "beta", 7)),
		[]string{"jq latest/stable amd64=8 (6)", "jq latest/stable arm64=8 (7)", "jq latest/beta arm64=7 (0)"})
	diff(t, "for all", g.set(change("hello", "stable", 20)), []string{"hello latest/stable all=20 (21)"})
	list, err := g.Overrides(t.Context(), "jq")
	if err != nil {
		t.Fatal(err)
	}
	diff(t, "list", lines(list), []string{"jq latest/beta arm64=7 (0)", "jq latest/stable amd64=8 (6)", "jq latest/stable arm64=8 (7)"})
	diff(t, "a batch", g.set(change("jq", "stable", 0), change("jq", "stable", 5), change("jq", "2.0/edge", 0)),
		[]string{"jq latest/stable amd64=0 (6)", "jq latest/stable arm64=0 (7)", "jq latest/stable amd64=5 (6)", "jq 2.0/edge amd64=0 (5)"})
	if list, err := g.Overrides(t.Context(), "jq"); err != nil || len(list) != 2 {
		t.Errorf("after the batch: %v, %v", lines(list), err)
	}
	if len(g.warnings) > 0 {
		t.Errorf("warnings: %q", g.warnings)
	}
}

func TestRefused(t *testing.T) {
	t.Parallel()
	g := newRig(t)
	for _, c := range []struct {
		change catalog.OverrideChange
		says   string
	}{
		{change("yq", "stable", 6), `snap "yq" is not in the store upstream`},
		{change("y\x00q", "stable", 6), `snap "y\x00q" is not in the store upstream`},
		{change("jq", "stable", 9), "revision 9 of jq is not in the store upstream; there: 7 (latest/stable arm64), 6 (latest/stable amd64), 5 (2.0/edge amd64)"},
		{change("jq", "3.0/stable", 6), "track 3.0 of jq is not in the store upstream; there: 2.0/edge, latest/stable"},
		{change("jq", "latest/nonsense", 6), "no risk in it"},
		{change("jq", "candidate", 0), ""},
	} {
		_, err := g.SetOverrides(t.Context(), "op", []catalog.OverrideChange{change("jq", "stable", 5), c.change})
		if c.says == "" {
			_, err = g.SetOverrides(t.Context(), "op", []catalog.OverrideChange{c.change})
			c.says = "channel latest/candidate of jq is not in the store upstream; there: 2.0/edge, latest/stable"
			g.set(change("jq", "stable", 0))
		}
		var notFound *catalog.NotFoundError
		var channel *catalog.ChannelError
		if !errors.As(err, &notFound) && !errors.As(err, &channel) || !strings.Contains(fmt.Sprint(err), c.says) {
			t.Errorf("SetOverrides(%+v) = %v, want an error that says %q", c.change, err, c.says)
		}
		if list, err := g.DB.EdgeOverrides(t.Context(), ""); err != nil || len(list) != 0 {
			t.Errorf("after %+v: %v, %v; want none", c.change, lines(list), err)
		}
	}
	if _, err := g.Overrides(t.Context(), "yq"); !errors.As(err, new(*catalog.NotFoundError)) {
		t.Errorf("the overrides of an unknown snap: %v", err)
	}
}

// TestWithoutUpstream checks that overrides are listed and deleted while upstream does not answer, and that no new one is guessed.
func TestWithoutUpstream(t *testing.T) {
	t.Parallel()
	g := newRig(t)
	g.set(change("jq", "stable", 5))
	for name, do := range map[string]upstreamtest.Fault{"page": {Do: upstreamtest.Page(200)}, "error": {Do: upstreamtest.Status(503)}} {
		g.store.Heal()
		g.store.Inject(do)
		g.warnings = nil
		list, err := g.Overrides(t.Context(), "jq")
		if err != nil {
			t.Fatal(err)
		}
		diff(t, name, lines(list), []string{"jq latest/stable amd64=5 (0)"})
		if len(g.warnings) != 1 {
			t.Errorf("%s: warnings %q, want one", name, g.warnings)
		}
		if _, err := g.SetOverrides(t.Context(), "op", []catalog.OverrideChange{change("jq", "stable", 4)}); err == nil || errors.As(err, new(*catalog.NotFoundError)) {
			t.Errorf("%s: a new override: %v, want an error about upstream", name, err)
		}
	}
	if list, err := g.Overrides(t.Context(), "hello"); err != nil || len(list) != 0 {
		t.Errorf("a snap without overrides: %v, %v", lines(list), err)
	}
	diff(t, "deleted", g.set(change("jq", "stable", 0)), []string{"jq latest/stable amd64=0 (0)"})
	if _, err := g.SetOverrides(t.Context(), "op", []catalog.OverrideChange{change("jq", "stable", 0)}); !isUnavailable(err) {
		t.Errorf("deleted again: %v, want an error about upstream", err)
	}
}

// isUnavailable reports whether upstream gave no answer, or one of a broken store.
func isUnavailable(err error) bool {
	return errors.Is(err, upstream.ErrUnavailable) || errors.As(err, new(*upstream.StatusError))
}
