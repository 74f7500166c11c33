package catalog_test

import (
	"testing"
	"time"

	"offlinestore/catalog"
)

// TestServers announces two servers. One says nothing any more, and is forgotten after an hour; the other one ends.
func TestServers(t *testing.T) {
	t.Parallel()
	db, dsn := open(t)
	r, err := catalog.OpenReader(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	servers := func() (hosts map[string]bool) {
		t.Helper()
		list, err := db.Servers(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		hosts = make(map[string]bool)
		for _, s := range list {
			hosts[s.Host] = s.IsAlive()
		}
		return hosts
	}
	a := &catalog.Server{ID: "1", Host: "a", Version: "1.0", Generation: 4, Settings: map[string]string{"proxy.domain": "x"}}
	b := &catalog.Server{ID: "2", Host: "b", Version: "1.1"}
	for _, s := range []*catalog.Server{a, b} {
		if err := r.AnnounceServer(t.Context(), s); err != nil {
			t.Fatal(err)
		}
	}
	a.Generation = 5
	if err := r.AnnounceServer(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	list, err := db.Servers(t.Context())
	if err != nil || len(list) != 2 || list[0].Generation != 5 || list[0].Version != "1.0" || list[0].Settings["proxy.domain"] != "x" || time.Since(list[0].Started) > time.Hour {
		t.Errorf("Servers = %+v, %v", list, err)
	}
	exec(t, dsn, `update server set seen_at = now() - interval '31 seconds' where id = '1'`)
	diff(t, "a is silent", servers(), map[string]bool{"a": false, "b": true})
	exec(t, dsn, `update server set seen_at = now() - interval '61 minutes' where id = '1'`)
	diff(t, "a is forgotten", servers(), map[string]bool{"b": true})
	if err := r.AnnounceServer(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	var rows int
	if err := connect(t, dsn).QueryRow(t.Context(), `select count(*) from server`).Scan(&rows); err != nil || rows != 1 {
		t.Errorf("%d rows, %v; want 1", rows, err)
	}
	if err := r.RemoveServer(t.Context(), b.ID); err != nil {
		t.Fatal(err)
	}
	diff(t, "b has ended", servers(), map[string]bool{})
}

// TestCountAttempt compares the attempts in two buckets with the rates that they may have.
func TestCountAttempt(t *testing.T) {
	t.Parallel()
	db, _ := open(t)
	a := catalog.Attempts{Kind: "account", Burst: 3, Pause: time.Minute}
	now := time.Date(2026, 11, 30, 0, 0, 0, 0, time.UTC)
	count := func(bucket int) time.Duration {
		t.Helper()
		wait, err := db.CountAttempt(t.Context(), a, bucket, now)
		if err != nil {
			t.Fatal(err)
		}
		return wait
	}
	for range 3 {
		if wait := count(1); wait != 0 {
			t.Errorf("an attempt in the burst waits for %v", wait)
		}
	}
	now = now.Add(15 * time.Second)
	if wait := count(1); wait != 45*time.Second {
		t.Errorf("an attempt after the burst waits for %v, want 45s", wait)
	}
	if wait := count(2); wait != 0 {
		t.Errorf("an attempt in another bucket waits for %v", wait)
	}
	now = now.Add(46 * time.Second)
	if first, second := count(1), count(1); first != 0 || second <= 0 {
		t.Errorf("a minute later, attempts wait for %v and %v; want one at once", first, second)
	}
	now = now.Add(-time.Hour) // a clock that was set back, or another server with such a clock
	if wait := count(1); wait < time.Hour {
		t.Errorf("an hour before, an attempt waits for %v", wait)
	}
}
