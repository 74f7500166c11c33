package catalog_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"offlinestore/catalog"
)

func wanted(kind, name, channel, arch string, count int64, minute int) catalog.Wanted {
	at := monday.Add(time.Duration(minute) * time.Minute)
	return catalog.Wanted{WantedKey: catalog.WantedKey{Kind: kind, Name: name, Channel: channel, Architecture: arch}, Count: count, First: at, Last: at}
}

// TestWanted counts items as a server with its own role does, and imports one of them.
func TestWanted(t *testing.T) {
	t.Parallel()
	s, dsn := open(t)
	role := databaseOf(t, dsn) + "_server"
	if err := s.CreateServerRole(t.Context(), role); err != nil {
		t.Fatal(err)
	}
	dropRole(t, dsn, role)
	r := openReader(t, asRole(t, dsn, role))
	add := func(list ...catalog.Wanted) {
		t.Helper()
		if err := r.AddWanted(t.Context(), list); err != nil {
			t.Fatal(err)
		}
	}
	add(wanted(catalog.WantedSnap, "jq", "stable", "amd64", 2, 1), wanted(catalog.WantedCharm, "jq", "", "", 1, 1))
	add(wanted(catalog.WantedSnap, "jq", "stable", "amd64", 3, 5), wanted(catalog.WantedSnapID, snapID("jq"), "edge", "arm64", 1, 5))
	add()
	list, err := s.Wanted(t.Context())
	if err != nil || len(list) != 3 || list[0].Name != "jq" || list[0].Count != 5 || !list[0].First.Equal(monday.Add(time.Minute)) || !list[0].Last.Equal(monday.Add(5*time.Minute)) {
		t.Errorf("wanted: %+v, %v", list, err)
	}
	apply(t, s, with(imp("a", 0), "jq", []int{6}, "latest/stable/amd64=6"))
	if list, err = s.Wanted(t.Context()); err != nil || len(list) != 1 || list[0].Kind != catalog.WantedCharm {
		t.Errorf("after the import: %+v, %v; want the charm", list, err)
	}
	// A flood of names does not push out an item that clients ask for again and again.
	add(wanted(catalog.WantedSnap, "often", "", "", 2, 0))
	for i := range 12 {
		var flood []catalog.Wanted
		for j := range 500 {
			flood = append(flood, wanted(catalog.WantedSnap, fmt.Sprintf("x%d-%d", i, j), "", "", 1, 10+i))
		}
		add(flood...)
	}
	if list, err = s.Wanted(t.Context()); err != nil || len(list) != 5000 || list[0].Name != "often" {
		t.Errorf("after a flood: %d items, the first is %+v, %v", len(list), list[0], err)
	}
	if err := s.ForgetWanted(t.Context()); err != nil {
		t.Error(err)
	}
	if list, err = s.Wanted(t.Context()); err != nil || len(list) != 0 {
		t.Errorf("forgotten: %d items, %v", len(list), err)
	}
}

// TestWantedAreLocked imports while a server adds wanted items. The import waits before it locks a row, so the two cannot end in a deadlock.
func TestWantedAreLocked(t *testing.T) {
	t.Parallel()
	s, dsn := open(t)
	server, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close(t.Context())
	if _, err := server.Exec(t.Context(), `select pg_advisory_lock($1)`, catalog.WantedLock); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() {
		_, err := s.Apply(t.Context(), with(imp("a", 0), "jq", []int{6}, "latest/stable/amd64=6"))
		done <- err
	}()
	for waiting := false; !waiting; {
		select {
		case err := <-done:
			t.Fatalf("the import did not wait: %v", err)
		case <-time.After(10 * time.Millisecond):
		}
		const q = `select exists (select from pg_locks where locktype = 'advisory' and not granted and objid = $1::bigint::oid)`
		if err := server.QueryRow(t.Context(), q, catalog.WantedLock&0xffffffff).Scan(&waiting); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := server.Exec(t.Context(), `select pg_advisory_unlock($1)`, catalog.WantedLock); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}
