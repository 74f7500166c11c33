package catalog_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"offlinestore/catalog"
)

// openServer returns a catalogue, and a reader with the rights of a server of devices.
func openServer(tb testing.TB) (*catalog.DB, *catalog.Reader, string) {
	tb.Helper()
	s, dsn := open(tb)
	role := databaseOf(tb, dsn) + "_server"
	if err := s.CreateServerRole(tb.Context(), role); err != nil {
		tb.Fatal(err)
	}
	dropRole(tb, dsn, role)
	return s, openReader(tb, asRole(tb, dsn, role)), dsn
}

// setEdge changes overrides of upstream's channels.
func setEdge(tb testing.TB, s *catalog.DB, changes ...catalog.EdgeOverrideChange) []string {
	tb.Helper()
	done, err := s.SetEdgeOverrides(tb.Context(), "op", changes)
	if err != nil {
		tb.Fatalf("SetEdgeOverrides(%+v) = %v", changes, err)
	}
	return overrides(done)
}

func edgeChange(name, channel string, revision int, archs ...string) catalog.EdgeOverrideChange {
	return catalog.EdgeOverrideChange{Name: name, SnapID: snapID(name), Channel: channel, Revision: revision, Architectures: archs}
}

func TestEdgeOverrides(t *testing.T) {
	t.Parallel()
	s, r, _ := openServer(t)
	version := func() string {
		t.Helper()
		v, err := r.EdgeOverridesVersion(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	list := func() []string {
		t.Helper()
		l, err := r.EdgeOverrides(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return overrides(l)
	}
	before := version()
	diff(t, "set", setEdge(t, s, edgeChange("core18", "stable", 1722, "arm64", "amd64")),
		[]string{"core18 latest/stable amd64=1722 (0)", "core18 latest/stable arm64=1722 (0)"})
	first := version()
	if first == before {
		t.Error("the version stays after a change")
	}
	setEdge(t, s, edgeChange("core18", "stable", 1705, "arm64"), edgeChange("jq", "2.0/edge", 6, "all"))
	want := []string{"core18 latest/stable amd64=1722 (0)", "core18 latest/stable arm64=1705 (0)", "jq 2.0/edge all=6 (0)"}
	diff(t, "list", list(), want)
	if l, err := s.EdgeOverrides(t.Context(), "jq"); err != nil || len(l) != 1 || l[0].SetBy != "op" || l[0].SetAt.IsZero() {
		t.Errorf("the overrides of jq: %+v, %v", l, err)
	}
	second := version()
	diff(t, "delete what is not there", setEdge(t, s, edgeChange("yq", "stable", 0)), []string{})
	if version() != second {
		t.Error("the version changes without a change")
	}
	diff(t, "replace all architectures", setEdge(t, s, edgeChange("core18", "stable", 1800, "all", "amd64")), []string{"core18 latest/stable all=1800 (0)"})
	diff(t, "list", list(), []string{"core18 latest/stable all=1800 (0)", "jq 2.0/edge all=6 (0)"})
	diff(t, "delete", setEdge(t, s, edgeChange("core18", "stable", 0)), []string{"core18 latest/stable all=0 (0)"})
	diff(t, "list", list(), []string{"jq 2.0/edge all=6 (0)"})
	if _, err := s.SetEdgeOverrides(t.Context(), "op", []catalog.EdgeOverrideChange{edgeChange("jq", "stable", 7, "amd64"), edgeChange("jq", "no risk in it", 7, "amd64")}); err == nil {
		t.Error("an invalid channel was taken")
	}
	diff(t, "list after a refused change", list(), []string{"jq 2.0/edge all=6 (0)"})
}

// TestAdoptEdgeOverrides goes offline: overrides of imported revisions hold on, and the others are named.
func TestAdoptEdgeOverrides(t *testing.T) {
	t.Parallel()
	s, r, _ := openServer(t)
	apply(t, s, with(imp("one", 0), "jq", []int{5, 6}, "latest/stable/amd64=6"))
	setEdge(t, s, edgeChange("jq", "stable", 5, "amd64"), edgeChange("jq", "edge", 9, "amd64"), edgeChange("jq", "beta", 5, "riscv64"), edgeChange("yq", "stable", 1, "amd64"))
	adopted, left, err := s.PlanEdgeOverrides(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	wantAdopted := []string{"jq latest/stable amd64=5 (6)"}
	wantLeft := []string{"jq latest/beta riscv64=5 (0)", "jq latest/edge amd64=9 (0)", "yq latest/stable amd64=1 (0)"}
	diff(t, "planned", overrides(adopted), wantAdopted)
	diff(t, "planned to be left", overrides(left), wantLeft)
	if list, err := s.Overrides(t.Context(), ""); err != nil || len(list) != 0 {
		t.Errorf("after the plan: %v, %v", overrides(list), err)
	}
	for _, again := range []string{"once", "twice"} {
		if adopted, left, err = s.AdoptEdgeOverrides(t.Context(), "op"); err != nil {
			t.Fatal(err)
		}
		diff(t, "adopted "+again, overrides(adopted), wantAdopted)
		diff(t, "left "+again, overrides(left), wantLeft)
	}
	diff(t, "served", rows(load(t, s).Snaps[0].Served()), []string{"latest/stable/amd64=5"})
	edge := func() []string {
		t.Helper()
		l, err := r.EdgeOverrides(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return overrides(l)
	}
	diff(t, "overrides of upstream's channels", edge(), append(wantLeft[:2:2], "jq latest/stable amd64=5 (0)", wantLeft[2]))

	// A change of the catalogue's overrides holds when the store passes devices on again.
	set(t, s, catalog.OverrideChange{Name: "jq", Channel: "stable", Revision: 6})
	diff(t, "after a change", edge(), append(wantLeft[:2:2], "jq latest/stable amd64=6 (0)", wantLeft[2]))
	set(t, s, catalog.OverrideChange{Name: "jq", Channel: "stable"})
	diff(t, "after a deletion", edge(), wantLeft)
}

func TestEdgeDevices(t *testing.T) {
	t.Parallel()
	s, r, dsn := openServer(t)
	count := func(want int) {
		t.Helper()
		if n, err := s.CountEdgeDevices(t.Context()); err != nil || n != want {
			t.Errorf("CountEdgeDevices = %d, %v, want %d", n, err, want)
		}
	}
	add := func(names ...string) {
		t.Helper()
		var ids [][]byte
		for _, n := range names {
			ids = append(ids, []byte(n))
		}
		if err := r.AddEdgeDevices(t.Context(), ids); err != nil {
			t.Fatal(err)
		}
	}
	add("a", "b", "a")
	add("b", "c")
	count(3)
	exec(t, dsn, `update edge_device set seen_on = seen_on - 29 where id = 'a'; update edge_device set seen_on = seen_on - 30 where id = 'b'`)
	count(2)
	add("c")
	exec(t, dsn, `update edge_device set seen_on = seen_on + 1`) // b would count again if it were there
	count(2)
}

func release(name, channel string, revision, minute int) catalog.EdgeRelease {
	return catalog.EdgeRelease{SnapID: snapID(name), Name: name, Architecture: "amd64", Channel: channel, Revision: revision,
		Snap: fmt.Appendf(nil, "{\"n\":\"\\u0000\xff\",  \"r\":%d}", revision), Seen: time.Now().Add(time.Duration(minute-60) * time.Minute).UTC().Truncate(time.Microsecond)}
}

func TestEdgeReleases(t *testing.T) {
	t.Parallel()
	s, r, dsn := openServer(t)
	add := func(list ...catalog.EdgeRelease) {
		t.Helper()
		if err := r.AddEdgeReleases(t.Context(), list); err != nil {
			t.Fatal(err)
		}
	}
	newer, byNumber, private := release("jq", "latest/stable", 7, 5), release("jq", "", 6, 3), release("jq", "latest/stable", 9, 2)
	private.Private, private.Store = true, "brand"
	add(release("jq", "latest/stable", 6, 1), newer, private)
	add(release("jq", "latest/stable", 5, 4), byNumber)
	var got []catalog.EdgeRelease
	err := s.EachEdgeRelease(t.Context(), time.Time{}, func(e catalog.EdgeRelease) bool { got = append(got, e); return true })
	if err != nil {
		t.Fatal(err)
	}
	diff(t, "releases", got, []catalog.EdgeRelease{newer, byNumber, private})
	calls := 0
	if err := r.EachEdgeRelease(t.Context(), time.Time{}, func(catalog.EdgeRelease) bool { calls++; return false }); err != nil || calls != 1 {
		t.Errorf("EachEdgeRelease after its end: %d calls, %v", calls, err)
	}
	got = nil
	if err := r.EachEdgeRelease(t.Context(), newer.Seen, func(e catalog.EdgeRelease) bool { got = append(got, e); return true }); err != nil {
		t.Fatal(err)
	}
	diff(t, "releases since the newest", got, []catalog.EdgeRelease{newer})

	exec(t, dsn, `update edge_release set seen_at = now() - interval '91 days' where private`)
	hostile := release("x\x00\xff", "latest/stable", 1, 6)
	hostile.Architecture = strings.Repeat("\xff", 10)
	add(hostile)
	got = nil
	if err := s.EachEdgeRelease(t.Context(), time.Time{}, func(e catalog.EdgeRelease) bool { got = append(got, e); return true }); err != nil || len(got) != 3 || !bytes.Equal(got[0].Snap, hostile.Snap) {
		t.Errorf("after 91 days: %+v, %v", got, err)
	}
}

// TestEdgeReleasesAreBounded checks that the newest ones stay.
func TestEdgeReleasesAreBounded(t *testing.T) {
	t.Parallel()
	s, r, dsn := openServer(t)
	exec(t, dsn, `
		insert into edge_release select 'id', 'amd64', '', '', n, 'jq', n, repeat('x', 10)::bytea, false, now() - make_interval(secs => n) from generate_series(1, 50010) n;
		insert into edge_release select 'id', 'amd64', '', '', n, 'jq', n, repeat('x', 1 << 20)::bytea, false, now() - interval '1 day' from generate_series(60001, 60001) n`)
	if err := r.AddEdgeReleases(t.Context(), []catalog.EdgeRelease{release("jq", "latest/stable", 6, 60)}); err != nil {
		t.Fatal(err)
	}
	var seen []catalog.EdgeRelease
	if err := s.EachEdgeRelease(t.Context(), time.Time{}, func(e catalog.EdgeRelease) bool { seen = append(seen, e); return true }); err != nil || len(seen) != 50000 || seen[0].Revision != 6 || seen[49999].Revision != 49999 {
		t.Errorf("%d releases, %v; want 50000, the newest ones", len(seen), err)
	}
}

func edgeCharm(name, channel string, revision, minute int) catalog.EdgeCharm {
	return catalog.EdgeCharm{ID: snapID(name), Name: name, Architecture: "amd64", Base: "ubuntu/22.04", Channel: channel, Revision: revision,
		Charm: fmt.Appendf(nil, "{\"n\":\"\\u0000\xff\",  \"r\":%d}", revision), Seen: time.Now().Add(time.Duration(minute-60) * time.Minute).UTC().Truncate(time.Microsecond)}
}

func TestEdgeCharms(t *testing.T) {
	t.Parallel()
	s, r, dsn := openServer(t)
	read := func(since time.Time) (got []catalog.EdgeCharm) {
		t.Helper()
		if err := s.EachEdgeCharm(t.Context(), since, func(c catalog.EdgeCharm) bool { got = append(got, c); return true }); err != nil {
			t.Fatal(err)
		}
		return got
	}
	add := func(list ...catalog.EdgeCharm) {
		t.Helper()
		if err := r.AddEdgeCharms(t.Context(), list); err != nil {
			t.Fatal(err)
		}
	}
	newer, byNumber, otherBase := edgeCharm("pg", "14/stable", 7, 5), edgeCharm("pg", "", 6, 3), edgeCharm("pg", "14/stable", 9, 2)
	otherBase.Base, byNumber.Base, byNumber.Architecture = "ubuntu/24.04", "", ""
	add(edgeCharm("pg", "14/stable", 6, 1), newer, otherBase)
	add(edgeCharm("pg", "14/stable", 5, 4), byNumber)
	diff(t, "charms", read(time.Time{}), []catalog.EdgeCharm{newer, byNumber, otherBase})
	diff(t, "charms since the newest", read(newer.Seen), []catalog.EdgeCharm{newer})
	calls := 0
	if err := r.EachEdgeCharm(t.Context(), time.Time{}, func(catalog.EdgeCharm) bool { calls++; return false }); err != nil || calls != 1 {
		t.Errorf("EachEdgeCharm after its end: %d calls, %v", calls, err)
	}
	exec(t, dsn, `update edge_charm set seen_at = now() - interval '91 days' where base = 'ubuntu/24.04'`)
	hostile := edgeCharm("x\x00\xff", "latest/stable", 1, 6)
	hostile.Base = strings.Repeat("\xff", 10)
	add(hostile)
	if got := read(time.Time{}); len(got) != 3 || !bytes.Equal(got[0].Charm, hostile.Charm) {
		t.Errorf("after 91 days: %+v", got)
	}
	exec(t, dsn, `
		delete from edge_charm;
		insert into edge_charm select 'id', '', '', '', n, 'pg', n, repeat('x', 10)::bytea, now() - make_interval(secs => n) from generate_series(1, 10010) n;
		insert into edge_charm select 'id', '', '', '', n, 'pg', n, repeat('x', 1 << 20)::bytea, now() - interval '1 day' from generate_series(20001, 20001) n`)
	add(edgeCharm("pg", "14/stable", 8, 60))
	if got := read(time.Time{}); len(got) != 10000 || got[0].Revision != 8 || got[9999].Revision != 9999 {
		t.Errorf("%d charms, want 10000, the newest ones", len(got))
	}
}
