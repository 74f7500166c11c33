package catalog_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"offlinestore/catalog"
	"offlinestore/internal/pgtest"
)

func TestOpenSeveralAtOnce(t *testing.T) {
	t.Parallel()
	dsn := pgtest.New(t)
	role := "srv_" + strings.TrimPrefix(databaseOf(t, dsn), "pgtest_")
	dropRole(t, dsn, role)
	var g errgroup.Group
	for range 6 {
		g.Go(func() error {
			s, err := catalog.Open(t.Context(), dsn)
			if err != nil {
				return err
			}
			defer s.Close()
			return s.CreateServerRole(t.Context(), role)
		})
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	if c := load(t, reopen(t, dsn)); c.Generation != 1 || len(c.Snaps) != 0 {
		t.Errorf("LoadSnapshot of a new database = %+v, want an empty one of generation 1", c)
	}
}

// TestOpenWithoutLock opens tables that need no upgrade while another process holds the lock of upgrades.
func TestOpenWithoutLock(t *testing.T) {
	t.Parallel()
	_, dsn := open(t)
	conn := connect(t, dsn)
	if _, err := conn.Exec(t.Context(), `select pg_advisory_lock($1)`, catalog.SchemaLock); err != nil {
		t.Fatal(err)
	}
	for _, open := range []func(context.Context, string) (*catalog.DB, error){catalog.Open, catalog.OpenExisting} {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		s, err := open(ctx, dsn)
		if err != nil {
			t.Fatal(err)
		}
		s.Close()
	}
}

func TestOpenKeepsWhatIsThere(t *testing.T) {
	t.Parallel()
	s, dsn := open(t)
	apply(t, s, with(imp("a", 0), "jq", []int{6}, "latest/stable/amd64=6"))
	before := load(t, s)
	diff(t, "the catalogue after another Open", load(t, reopen(t, dsn)), before)
}

// newerThanStores removes the tables of migrations after 015.
const newerThanStores = `
	drop table repository_tag_history, repository_tag, repository_image;
	drop table hold; alter table channel_history drop column rollback_id; alter table import drop column rollback_id, drop column replaced; drop table rollback;
	alter table import drop column audit_row; alter table if exists removal drop column audit_row;
	drop table audit_head, audit; drop function audit_follows, audit_stays;
	drop table serial_request, serial_log, serial, remodel, serial_policy, last_policy, device_model, signing_key, signing_key_begun;
	alter table if exists admin drop column roles;
	drop table part_blob, part, part_set;
	drop table server, login_attempt, compatibility;
	drop table edge_override, edge_version, edge_device, edge_release, edge_charm;
	drop table changed_item, generation_change; drop function note_snaps, note_charms, note_assertions, note_holds, note_homes, note_images, record_generation cascade;`

// TestOpenOlderTables opens a database with content from the release before registrations and overrides, by several processes at
// once.
func TestOpenOlderTables(t *testing.T) {
	t.Parallel()
	s, dsn := open(t)
	apply(t, s, with(imp("a", 0), "jq", []int{6, 7}, "latest/stable/amd64=7"))
	before := load(t, s)
	exec(t, dsn, newerThanStores+`drop table store_snap, store, snap_home, session_nonce, wanted, admin_session, admin, snap_override_history, snap_override, removal, withdrawal, snap_component;
		drop index channel_map_release; alter table channel_map add primary key (snap_id, architecture, channel);
		alter table snap drop column import_id; alter table charm drop column import_id;
		alter table snap drop column icon_import_id, drop column icon_signed_at;
		alter table charm drop column icon_import_id, drop column icon_signed_at;
		drop table image_tag; alter table image drop column subject;
		alter table snap_revision drop column contents;
		update schema_version set version = 2`)
	var g errgroup.Group
	for range 4 {
		g.Go(func() error {
			s, err := catalog.Open(t.Context(), dsn)
			if err == nil {
				s.Close()
			}
			return err
		})
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	upgraded := reopen(t, dsn)
	diff(t, "the catalogue after the upgrade", load(t, upgraded), before)
	if c := before.Snaps[0].Revisions[0].Contents; c == nil {
		t.Error("the catalogue has no contents of snap.yaml")
	}
	apply(t, upgraded, with(imp("b", 1), "jq", []int{8}, "latest/stable/amd64=8"))
	if got := rows(load(t, upgraded).Snaps[0].ChannelMap); len(got) != 1 || got[0] != "latest/stable/amd64=8" {
		t.Errorf("the channel map after the next import = %v, want revision 8", got)
	}
}

func TestOpenNewerTables(t *testing.T) {
	t.Parallel()
	_, dsn := open(t)
	exec(t, dsn, `update schema_version set version = 999`)
	reopen(t, dsn) // a later migration that only adds
	exec(t, dsn, `update compatibility set least = 999`)
	_, err := catalog.Open(t.Context(), dsn)
	if err == nil || !strings.Contains(err.Error(), "999") || !strings.Contains(err.Error(), "newer snap-store-proxy") || errors.Is(err, catalog.ErrUnavailable) {
		t.Errorf("Open of newer tables = %v, want an error that asks for a newer program", err)
	}
}

func TestUnavailable(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	if _, err := catalog.Open(ctx, "postgresql://u:hunter2@127.0.0.1:1/db?connect_timeout=5"); !errors.Is(err, catalog.ErrUnavailable) || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("Open where nothing listens = %v, want ErrUnavailable and no password", err)
	}
	if _, err := catalog.Open(ctx, "postgresql://u:hunter2@[::1/db"); err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("Open of a bad connection string = %v, want an error without the password", err)
	}
	s, dsn := open(t)
	r := openReader(t, dsn)
	conn := connect(t, pgtest.New(t))
	// The server ends the connections and refuses new ones, as it does when it stops.
	for _, q := range []string{
		`alter database ` + databaseOf(t, dsn) + ` allow_connections false`,
		`select pg_terminate_backend(pid) from pg_stat_activity where datname = '` + databaseOf(t, dsn) + `'`,
	} {
		if _, err := conn.Exec(ctx, q); err != nil {
			t.Fatal(err)
		}
	}
	for name, call := range map[string]func() error{
		"Apply":        func() error { _, err := s.Apply(ctx, imp("a", 0)); return err },
		"LoadSnapshot": func() error { _, err := s.LoadSnapshot(ctx); return err },
		"History":      func() error { _, err := s.History(ctx, ""); return err },
		"Blobs":        func() error { _, err := s.Blobs(ctx); return err },
		"Lock":         func() error { _, err := s.Lock(ctx, true); return err },
		"Ping":         func() error { return s.Ping(ctx) },
		"Generation":   func() error { _, err := r.Generation(ctx); return err },
		"Wait":         func() error { return r.WaitForChange(ctx) },
	} {
		if err := call(); !errors.Is(err, catalog.ErrUnavailable) {
			t.Errorf("%s without a database = %v, want ErrUnavailable", name, err)
		}
	}
	if _, err := conn.Exec(ctx, `alter database `+databaseOf(t, dsn)+` allow_connections true`); err != nil {
		t.Fatal(err)
	}
	apply(t, s, imp("a", 0)) // and it recovers
}

func TestCanceled(t *testing.T) {
	t.Parallel()
	s, _ := open(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Apply(ctx, imp("a", 0)); !errors.Is(err, context.Canceled) || errors.Is(err, catalog.ErrUnavailable) {
		t.Errorf("Apply after Ctrl-C = %v, want Canceled", err)
	}
}

func TestLock(t *testing.T) {
	t.Parallel()
	s, dsn := open(t)
	other := reopen(t, dsn)
	lock := func(s *catalog.DB, exclusive bool) func() {
		t.Helper()
		release, err := s.Lock(t.Context(), exclusive)
		if err != nil {
			t.Fatalf("Lock(%t) = %v", exclusive, err)
		}
		return release
	}
	busy := func(exclusive bool) {
		t.Helper()
		if _, err := other.Lock(t.Context(), exclusive); !errors.Is(err, catalog.ErrBusy) {
			t.Errorf("Lock(%t) = %v, want ErrBusy", exclusive, err)
		}
	}
	push := lock(s, false)
	lock(other, false)() // imports share the lock
	busy(true)
	push()
	gc := lock(s, true)
	busy(false)
	busy(true)
	gc()
	lock(other, true)()
}

// TestLockLost shows that an import fails if its lock was lost: gc may have run in between.
func TestLockLost(t *testing.T) {
	t.Parallel()
	s, dsn := open(t)
	release, err := s.Lock(t.Context(), false)
	if err != nil {
		t.Fatal(err)
	}
	apply(t, s, imp("a", 0))
	exec(t, dsn, `select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory' and pid <> pg_backend_pid()
		and database = (select oid from pg_database where datname = current_database())`)
	if _, err := s.Apply(t.Context(), imp("b", 1)); !errors.Is(err, catalog.ErrUnavailable) {
		t.Errorf("Apply after the lock was lost = %v, want ErrUnavailable", err)
	}
	release()
	if release, err = s.Lock(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	defer release()
	apply(t, s, imp("b", 1))
}

func TestServerRole(t *testing.T) {
	t.Parallel()
	s, dsn := open(t)
	apply(t, s, with(imp("a", 0), "jq", []int{6}, "latest/stable/amd64=6"))
	role := "srv_" + databaseOf(t, dsn)
	for range 2 {
		if err := s.CreateServerRole(t.Context(), role); err != nil {
			t.Fatal(err)
		}
	}
	dropRole(t, dsn, role)
	exec(t, dsn, `create table of_a_later_migration (x int)`)

	conn := connect(t, dsn)
	if _, err := conn.Exec(t.Context(), `set session authorization `+role); err != nil {
		t.Fatal(err)
	}
	tables := []string{"import", "blob", "assertion", "snap", "snap_revision", "channel_map", "channel_history", "generation",
		"charm", "charm_revision", "charm_resource", "charm_channel_map", "charm_channel_history", "image", "store", "store_snap", "snap_home", "of_a_later_migration"}
	refused := []string{`create table mine (x int)`, `create temporary table mine (x int)`, `create schema mine`, `create role mine`, `drop table snap`,
		`alter table snap add x int`, `set role ` + `pg_write_all_data`, `copy snap from program 'true'`}
	for _, table := range tables {
		if _, err := conn.Exec(t.Context(), `select * from `+table); err != nil {
			t.Errorf("select from %s = %v", table, err)
		}
		for _, q := range []string{`insert into %s default values`, `delete from %s`, `truncate %s`, `lock table %s in exclusive mode`} {
			refused = append(refused, fmt.Sprintf(q, table))
		}
	}
	refused = append(refused, `update generation set number = 7`, `update snap set name = 'x'`, `update channel_map set revision = 1`, `update session_nonce set expires_at = now()`, `truncate session_nonce`, `select * from login_attempt`, `select * from admin`)
	for _, q := range refused {
		if _, err := conn.Exec(t.Context(), q); err == nil {
			t.Errorf("the server's role may run %q", q)
		}
	}
}

// TestReaderCannotWrite shows that a Reader can't write, no matter which rights its role has.
func TestReaderCannotWrite(t *testing.T) {
	t.Parallel()
	_, dsn := open(t)
	r := openReader(t, dsn)
	if got, err := catalog.ReaderCanWrite(t.Context(), r); err != nil || got {
		t.Errorf("a reader's connection can write: %t, %v", got, err)
	}
}

func TestWaitForChange(t *testing.T) {
	t.Parallel()
	s, dsn := open(t)
	r := openReader(t, dsn)
	wait := func() chan error {
		done := make(chan error, 1)
		go func() { done <- r.WaitForChange(t.Context()) }()
		listening(t, dsn)
		return done
	}
	done := wait()
	if _, err := planOne(t.Context(), s, imp("plan", 0)); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-done:
		t.Fatalf("WaitForChange = %v after a plan", err)
	case <-time.After(50 * time.Millisecond):
	}
	apply(t, s, imp("a", 0))
	if err := receive(t, done); err != nil {
		t.Fatalf("WaitForChange = %v after an import", err)
	}
	apply(t, s, imp("b", 0)) // while nobody waits
	if err := receive(t, wait()); err != nil {
		t.Fatalf("WaitForChange = %v after an import between two calls", err)
	}

	done = wait()
	exec(t, dsn, `select pg_terminate_backend(pid) from pg_stat_activity where query ilike 'listen %' and datname = current_database()`)
	if err := receive(t, done); !errors.Is(err, catalog.ErrUnavailable) {
		t.Fatalf("WaitForChange on a broken connection = %v, want ErrUnavailable", err)
	}
	done = wait()
	apply(t, s, imp("c", 0))
	if err := receive(t, done); err != nil {
		t.Fatalf("WaitForChange after a broken connection = %v", err)
	}
	if n, err := r.Generation(t.Context()); err != nil || n != 4 {
		t.Errorf("Generation = %d, %v; want 4", n, err)
	}
}

func TestWaitForChangeEndsWithContext(t *testing.T) {
	t.Parallel()
	_, dsn := open(t)
	r := openReader(t, dsn)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- r.WaitForChange(ctx) }()
	listening(t, dsn)
	cancel()
	if err := receive(t, done); !errors.Is(err, context.Canceled) {
		t.Errorf("WaitForChange = %v, want Canceled", err)
	}
}

// TestLoadCatalogAtOneMoment shows that a snapshot is consistent while imports run.
func TestLoadCatalogAtOneMoment(t *testing.T) {
	t.Parallel()
	s, dsn := open(t)
	r := openReader(t, dsn)
	const imports = 40
	var g errgroup.Group
	g.Go(func() error {
		for i := range imports {
			n := i + 1
			in := with(imp(fmt.Sprint(n), n), "jq", []int{n}, fmt.Sprintf("latest/stable/amd64=%d", n))
			if _, err := s.Apply(t.Context(), in); err != nil {
				return err
			}
		}
		return nil
	})
	for last := int64(0); last <= imports; {
		c := load(t, r)
		last = c.Generation
		if last == 1 {
			continue
		}
		jq, want := c.Snaps[0], int(last-1)
		if len(jq.Revisions) != want || jq.ChannelMap[0].Revision != want || len(jq.History) != want {
			t.Errorf("generation %d has %d revisions, %v and %d releases; want those of import %d", last, len(jq.Revisions), rows(jq.ChannelMap), len(jq.History), want)
		}
		if t.Failed() {
			break
		}
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
}
