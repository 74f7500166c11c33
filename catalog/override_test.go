package catalog_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"offlinestore/catalog"
	"offlinestore/snap"
)

// overrides returns each override in a form like the output of the commands.
func overrides(list []catalog.Override) []string {
	out := []string{}
	for _, o := range list {
		out = append(out, fmt.Sprintf("%s %s %s=%d (%d)", o.Name, o.Channel, o.Architecture, o.Revision, o.Upstream))
	}
	return out
}

func set(tb testing.TB, s *catalog.DB, changes ...catalog.OverrideChange) []string {
	tb.Helper()
	done, err := s.SetOverrides(tb.Context(), "op", changes)
	if err != nil {
		tb.Fatalf("SetOverrides(%+v) = %v", changes, err)
	}
	return overrides(done)
}

// anywhere makes the import's revisions with a number run on all architectures.
func anywhere(in *catalog.Import, number int) *catalog.Import {
	for i := range in.SnapRevisions {
		if r := &in.SnapRevisions[i].Item.Revision; r.Number == number {
			r.Architectures = []string{snap.All}
		}
	}
	return in
}

func TestOverrides(t *testing.T) {
	t.Parallel()
	s, dsn := open(t)
	apply(t, s, anywhere(with(imp("one", 0), "jq", []int{5, 6, 7, 9}, "latest/stable/amd64=6", "latest/stable/arm64=7", "latest/edge/amd64=7", "latest/beta/amd64=0"), 9))
	r := openReader(t, dsn)
	before, err := r.Generation(t.Context())
	if err != nil {
		t.Fatal(err)
	}

	// The override applies to every architecture that the revision supports. The answer names the imported revision.
	diff(t, "override", set(t, s, catalog.OverrideChange{Name: "jq", Channel: "stable", Revision: 5}), []string{"jq latest/stable amd64=5 (6)", "jq latest/stable arm64=5 (7)"})
	diff(t, "override of a closed channel", set(t, s, catalog.OverrideChange{Name: "jq", Channel: "latest/beta", Revision: 6}), []string{"jq latest/beta amd64=6 (0)", "jq latest/beta arm64=6 (0)"})
	if after, err := r.Generation(t.Context()); err != nil || after != before+2 {
		t.Errorf("generation = %d, %v, want %d", after, err, before+2)
	}
	served := func() []string {
		t.Helper()
		c, err := r.LoadSnapshot(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return rows(c.Snaps[0].Served())
	}
	diff(t, "served", served(), []string{"latest/beta/amd64=6", "latest/edge/amd64=7", "latest/stable/amd64=5", "latest/beta/arm64=6", "latest/stable/arm64=5"})

	// An import changes the upstream revision, not the served one.
	apply(t, s, with(imp("two", 1), "jq", []int{8}, "latest/stable/amd64=8"))
	list, err := s.Overrides(t.Context(), "jq")
	if err != nil {
		t.Fatal(err)
	}
	diff(t, "Overrides after an import", overrides(list), []string{"jq latest/beta amd64=6 (0)", "jq latest/beta arm64=6 (0)", "jq latest/stable amd64=5 (8)", "jq latest/stable arm64=5 (7)"})

	// A revision for all architectures replaces the overrides for one.
	diff(t, "override for all", set(t, s, catalog.OverrideChange{Name: "jq", Channel: "stable", Revision: 9}), []string{"jq latest/stable all=9 (8)"})
	diff(t, "served", served(), []string{"latest/beta/amd64=6", "latest/edge/amd64=7", "latest/stable/amd64=9", "latest/beta/arm64=6", "latest/stable/arm64=9"})

	diff(t, "deleted", set(t, s, catalog.OverrideChange{Name: "jq", Channel: "stable"}), []string{"jq latest/stable all=0 (8)"})
	diff(t, "deleted twice", set(t, s, catalog.OverrideChange{Name: "jq", Channel: "stable"}), []string{"jq latest/stable amd64=0 (8)", "jq latest/stable arm64=0 (7)"})
	diff(t, "served", served(), []string{"latest/beta/amd64=6", "latest/edge/amd64=7", "latest/stable/amd64=8", "latest/beta/arm64=6", "latest/stable/arm64=7"})
}

// TestOverrideHistory checks that a device which got a revision by an override finds it in the history afterwards.
func TestOverrideHistory(t *testing.T) {
	t.Parallel()
	s, _ := open(t)
	apply(t, s, with(imp("one", 0), "jq", []int{5, 6}, "latest/stable/amd64=6"))
	set(t, s, catalog.OverrideChange{Name: "jq", Channel: "stable", Revision: 5}, catalog.OverrideChange{Name: "jq", Channel: "stable"})
	c, err := s.LoadSnapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	diff(t, "history", rows(c.Snaps[0].History), []string{"latest/stable/amd64=6", "latest/stable/arm64=5", "latest/stable/amd64=5"})
	if at := c.Snaps[0].History[1].ReleasedAt; !strings.HasSuffix(at, "Z") || len(at) != len("2026-01-02T03:04:05Z") {
		t.Errorf("released at %q", at)
	}
}

func TestOverridesRefused(t *testing.T) {
	t.Parallel()
	s, _ := open(t)
	apply(t, s, with(imp("one", 0), "jq", []int{5, 6}, "latest/stable/amd64=6"))
	for _, c := range []struct {
		change catalog.OverrideChange
		says   string
	}{
		{catalog.OverrideChange{Name: "yq", Channel: "stable", Revision: 6}, `snap "yq" is not in this store`},
		{catalog.OverrideChange{Name: "y\x00q", Channel: "stable", Revision: 6}, `snap "y`},
		{catalog.OverrideChange{Name: "jq", Channel: "stable", Revision: 7}, "revision 7 of jq is not in this store; here: 6 (amd64 arm64), 5 (amd64 arm64)"},
		{catalog.OverrideChange{Name: "jq", Channel: "2.0/stable", Revision: 6}, "track 2.0 of jq is not in this store; here: latest/stable"},
		{catalog.OverrideChange{Name: "jq", Channel: "latest/nonsense", Revision: 6}, "no risk in it"},
	} {
		good := catalog.OverrideChange{Name: "jq", Channel: "stable", Revision: 5}
		_, err := s.SetOverrides(t.Context(), "op", []catalog.OverrideChange{good, c.change})
		var notFound *catalog.NotFoundError
		var channel *catalog.ChannelError
		if !errors.As(err, &notFound) && !errors.As(err, &channel) || !strings.Contains(fmt.Sprint(err), c.says) {
			t.Errorf("SetOverrides(%+v) = %v, want an error that says %q", c.change, err, c.says)
		}
	}
	if list, err := s.Overrides(t.Context(), ""); err != nil || len(list) != 0 {
		t.Errorf("Overrides = %v, %v; want none, since each was refused as a whole", overrides(list), err)
	}
	if _, err := s.SetOverrides(t.Context(), "op", make([]catalog.OverrideChange, catalog.MaxOverrides+1)); err == nil {
		t.Error("SetOverrides took more than MaxOverrides")
	}
}

// TestDeletionsThatFindNothing checks that they are left out of a batch, and an error alone.
func TestDeletionsThatFindNothing(t *testing.T) {
	t.Parallel()
	s, _ := open(t)
	apply(t, s, with(imp("one", 0), "jq", []int{5, 6}, "latest/stable/amd64=6"))
	edge, other := catalog.OverrideChange{Name: "jq", Channel: "edge"}, catalog.OverrideChange{Name: "yq", Channel: "stable"}
	_, err := s.SetOverrides(t.Context(), "op", []catalog.OverrideChange{edge, other})
	if want := "channel latest/edge of jq is not in this store; here: latest/stable"; err == nil || !strings.HasSuffix(err.Error(), want) {
		t.Errorf("deletions alone: %v, want %s", err, want)
	}
	done, err := s.SetOverrides(t.Context(), "op", []catalog.OverrideChange{edge, {Name: "jq", Channel: "stable", Revision: 5}, other})
	if err != nil || len(done) == 0 {
		t.Fatalf("deletions beside a change: %v, %v", done, err)
	}
	list, err := s.Overrides(t.Context(), "")
	if err != nil || len(list) != len(done) {
		t.Errorf("Overrides = %v, %v; want the %d that were set", overrides(list), err, len(done))
	}
}

func TestOverrideTellsServers(t *testing.T) {
	t.Parallel()
	s, dsn := open(t)
	apply(t, s, with(imp("one", 0), "jq", []int{5, 6}, "latest/stable/amd64=6"))
	r := openReader(t, dsn)
	done := make(chan error, 1)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	go func() { done <- r.WaitForChange(ctx) }()
	listening(t, dsn)
	set(t, s, catalog.OverrideChange{Name: "jq", Channel: "stable", Revision: 5})
	if err := receive(t, done); err != nil {
		t.Error(err)
	}
}
