package catalog_test

import (
	"context"
	"errors"
	"maps"
	"reflect"
	"sync"
	"testing"
	"time"

	"offlinestore/assertion"
	"offlinestore/audit"
	"offlinestore/catalog"
	"offlinestore/internal/pgtest"
)

// TestHangingDatabase stops the answers of a database under each method of the catalogue. Each of them ends soon, with ErrUnavailable.
func TestHangingDatabase(t *testing.T) {
	t.Parallel()
	dsn := pgtest.NewFrom(t, migrated)
	proxy := pgtest.NewProxy(t, dsn)
	through := withQuery(t, proxy.DSN(dsn), "connect_timeout", "1")
	db, r := reopen(t, through), openReader(t, through)
	if _, err := db.LoadSnapshot(t.Context()); err != nil {
		t.Fatal(err)
	}
	catalog.BoundStatements(db, 500*time.Millisecond)
	catalog.BoundReader(r, 500*time.Millisecond)
	proxy.Hang()
	ctx := t.Context()
	calls := map[string]func() error{
		"DB.AddPart":           func() error { return db.AddPart(ctx, &catalog.PartSet{}, &catalog.ArrivedPart{Number: 1}) },
		"DB.EndPartSet":        func() error { return db.EndPartSet(ctx, "a") },
		"DB.PartSets":          func() error { _, err := db.PartSets(ctx); return err },
		"DB.RemovePartSet":     func() error { _, _, err := db.RemovePartSet(ctx, &catalog.PartSet{}); return err },
		"DB.Admin":             func() error { _, err := db.Admin(ctx, "a@b"); return err },
		"DB.Admins":            func() error { _, err := db.Admins(ctx); return err },
		"DB.Apply":             func() error { _, err := db.Apply(ctx, imp("a", 0)); return err },
		"DB.ApplyAll":          func() error { _, err := db.ApplyAll(ctx, []*catalog.Import{imp("a", 0)}); return err },
		"DB.ChannelActs":       func() error { _, err := db.ChannelActs(ctx); return err },
		"DB.Hold":              func() error { _, err := db.Hold(ctx, catalog.Holding{}); return err },
		"DB.Holds":             func() error { _, err := db.Holds(ctx); return err },
		"DB.Release":           func() error { _, err := db.Release(ctx, catalog.Holding{}); return err },
		"DB.Rollback":          func() error { _, err := db.Rollback(ctx, catalog.Rollback{}); return err },
		"DB.RollbackRevisions": func() error { _, err := db.RollbackRevisions(ctx, time.Now()); return err },
		"DB.Rollbacks":         func() error { _, err := db.Rollbacks(ctx); return err },
		"DB.State":             func() error { _, _, err := db.State(ctx); return err },
		"DB.Assertion":         func() error { _, err := db.Assertion(ctx, assertion.Ref{Type: "model"}); return err },
		"DB.BlobSums":          func() error { _, err := db.BlobSums(ctx, []catalog.Blob{blobOf("a", 1)}); return err },
		"DB.Blobs":             func() error { _, err := db.Blobs(ctx); return err },
		"DB.CharmIDs":          func() error { _, err := db.CharmIDs(ctx, "a"); return err },
		"DB.CreateAdminRole":   func() error { return db.CreateAdminRole(ctx, "a", "b") },
		"DB.CreateServerRole":  func() error { return db.CreateServerRole(ctx, "a") },
		"DB.DatabaseInfo":      func() error { _, err := db.DatabaseInfo(ctx); return err },
		"DB.ForgetBlobs":       func() error { return db.ForgetBlobs(ctx) },
		"DB.ForgetWanted":      func() error { return db.ForgetWanted(ctx) },
		"DB.History":           func() error { _, err := db.History(ctx, ""); return err },
		"DB.KnownSnap":         func() error { _, err := db.KnownSnap(ctx, "a"); return err },
		"DB.LastImports":       func() error { _, err := db.LastImports(ctx); return err },
		"DB.LoadSnapshot":      func() error { _, err := db.LoadSnapshot(ctx); return err },
		"DB.Lock":              func() error { _, err := db.Lock(ctx, true); return err },
		"DB.Overrides":         func() error { _, err := db.Overrides(ctx, ""); return err },
		"DB.Ping":              func() error { return db.Ping(ctx) },
		"DB.PlanAll":           func() error { _, _, err := db.PlanAll(ctx, []*catalog.Import{imp("a", 0)}); return err },
		"DB.PutAdmin":          func() error { return db.PutAdmin(ctx, catalog.Admin{}) },
		"DB.RefreshSession":    func() error { return db.RefreshSession(ctx, "a", 1) },
		"DB.Removals":          func() error { _, err := db.Removals(ctx); return err },
		"DB.Remove":            func() error { _, err := db.Remove(ctx, &catalog.Removal{}); return err },
		"DB.RemoveAdmin":       func() error { return db.RemoveAdmin(ctx, "a@b") },
		"DB.Session":           func() error { _, err := db.Session(ctx, "a"); return err },
		"DB.SetOverrides": func() error {
			_, err := db.SetOverrides(ctx, "a", []catalog.OverrideChange{{}})
			return err
		},
		"DB.SnapRevision": func() error { _, _, err := db.SnapRevision(ctx, "a", 1); return err },
		"DB.StartSession": func() error { return db.StartSession(ctx, &catalog.Admin{}, "a", time.Now()) },
		"DB.UnusedBlobs":  func() error { _, err := db.UnusedBlobs(ctx); return err },
		"DB.Wanted":       func() error { _, err := db.Wanted(ctx); return err },

		"Reader.AddWanted":    func() error { return r.AddWanted(ctx, []catalog.Wanted{{}}) },
		"Reader.ForgetNonces": func() error { return r.ForgetNonces(ctx, time.Now()) },
		"Reader.UseNonce":     func() error { _, err := r.UseNonce(ctx, []byte("a"), time.Now()); return err },
		"Reader.Generation":   func() error { _, err := r.Generation(ctx); return err },
		"Reader.Load":         func() error { _, err := r.Load(ctx, catalog.Position{}, catalog.Sink{}); return err },
		"Reader.LoadSnapshot": func() error { _, err := r.LoadSnapshot(ctx); return err },
		"Reader.Ping":         func() error { return r.Ping(ctx) },
	}
	maps.Copy(calls, serialCalls(ctx, db, r))
	maps.Copy(calls, modelCalls(ctx, db))
	maps.Copy(calls, serverCalls(ctx, db, r))
	maps.Copy(calls, edgeCalls(ctx, db, r))
	addTrail(ctx, calls, db.Trail(), auditKey(t))
	requireAllMethods(t, calls, "DB", reflect.TypeOf(db), "Close", "Trail")
	requireAllMethods(t, calls, "Reader", reflect.TypeOf(r), "Close", "WaitForChange", "Trail")
	requireAllMethods(t, calls, "Trail", reflect.TypeOf(db.Trail()))
	var wg sync.WaitGroup
	for name, call := range calls {
		wg.Go(func() {
			began := time.Now()
			if err := call(); !errors.Is(err, catalog.ErrUnavailable) {
				t.Errorf("%s = %v, want ErrUnavailable", name, err)
			}
			if took := time.Since(began); took > 15*time.Second {
				t.Errorf("%s took %v", name, took)
			}
		})
	}
	wg.Wait()
	began := time.Now()
	db.Close()
	if took := time.Since(began); took > 3*time.Second {
		t.Errorf("Close took %v", took)
	}
	proxy.Resume()
	if _, err := r.LoadSnapshot(ctx); err != nil {
		t.Errorf("LoadSnapshot after the database answers again: %v", err)
	}
}

func serverCalls(ctx context.Context, db *catalog.DB, r *catalog.Reader) map[string]func() error {
	return map[string]func() error{
		"DB.CountAttempt": func() error {
			_, err := db.CountAttempt(ctx, catalog.Attempts{Kind: "a", Burst: 1, Pause: time.Second}, 1, time.Now())
			return err
		},
		"DB.Servers":            func() error { _, err := db.Servers(ctx); return err },
		"Reader.AnnounceServer": func() error { return r.AnnounceServer(ctx, &catalog.Server{ID: "a"}) },
		"Reader.RemoveServer":   func() error { return r.RemoveServer(ctx, "a") },
	}
}

func addTrail(ctx context.Context, calls map[string]func() error, trail catalog.Trail, key audit.Key) {
	calls["Trail.Add"] = func() error { return trail.Add(ctx, event("1", "a")) }
	calls["Trail.Before"] = func() error { _, err := trail.Before(ctx, time.Now()); return err }
	calls["Trail.Contradictions"] = func() error { _, err := trail.Contradictions(ctx); return err }
	calls["Trail.Has"] = func() error { _, err := trail.Has(ctx, "a"); return err }
	calls["Trail.Hash"] = func() error { _, err := trail.Hash(ctx, 1); return err }
	calls["Trail.NewestHead"] = func() error { _, err := trail.NewestHead(ctx); return err }
	calls["Trail.Read"] = func() error { return trail.Read(ctx, 0, 1, catalog.Visitor{}) }
	calls["Trail.Sign"] = func() error { _, err := trail.Sign(ctx, key); return err }
	calls["Trail.Size"] = func() error { _, _, err := trail.Size(ctx); return err }
	calls["Trail.Tip"] = func() error { _, err := trail.Tip(ctx); return err }
}

// requireAllMethods checks that each method of a type is called, but the given ones.
func requireAllMethods(t *testing.T, calls map[string]func() error, name string, typ reflect.Type, but ...string) {
	t.Helper()
	exempt := map[string]bool{}
	for _, m := range but {
		exempt[m] = true
	}
	for i := range typ.NumMethod() {
		m := typ.Method(i).Name
		if calls[name+"."+m] == nil && !exempt[m] {
			t.Errorf("%s.%s is not tried", name, m)
		}
	}
}

// TestCancelHangingDatabase presses Ctrl-C while a database hangs.
func TestCancelHangingDatabase(t *testing.T) {
	t.Parallel()
	dsn := pgtest.NewFrom(t, migrated)
	proxy := pgtest.NewProxy(t, dsn)
	db := reopen(t, proxy.DSN(dsn))
	if err := db.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	release, err := db.Lock(t.Context(), false)
	if err != nil {
		t.Fatal(err)
	}
	proxy.Hang()
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(100*time.Millisecond, cancel)
	began := time.Now()
	_, err = db.Apply(ctx, imp("a", 0))
	release()
	db.Close()
	if took := time.Since(began); took > 4*time.Second || !errors.Is(err, context.Canceled) {
		t.Errorf("Apply, release and Close after Ctrl-C took %v: %v", took, err)
	}
}

func edgeCalls(ctx context.Context, db *catalog.DB, r *catalog.Reader) map[string]func() error {
	return map[string]func() error{
		"DB.AdoptEdgeOverrides": func() error { _, _, err := db.AdoptEdgeOverrides(ctx, "a"); return err },
		"DB.PlanEdgeOverrides":  func() error { _, _, err := db.PlanEdgeOverrides(ctx); return err },
		"DB.CountEdgeDevices":   func() error { _, err := db.CountEdgeDevices(ctx); return err },
		"DB.EachEdgeRelease": func() error {
			return db.EachEdgeRelease(ctx, time.Time{}, func(catalog.EdgeRelease) bool { return true })
		},
		"DB.EachEdgeCharm": func() error {
			return db.EachEdgeCharm(ctx, time.Time{}, func(catalog.EdgeCharm) bool { return true })
		},
		"Reader.AddEdgeCharms": func() error { return r.AddEdgeCharms(ctx, []catalog.EdgeCharm{{}}) },
		"Reader.EachEdgeCharm": func() error {
			return r.EachEdgeCharm(ctx, time.Time{}, func(catalog.EdgeCharm) bool { return true })
		},
		"DB.EdgeOverrides": func() error { _, err := db.EdgeOverrides(ctx, ""); return err },
		"DB.SetEdgeOverrides": func() error {
			_, err := db.SetEdgeOverrides(ctx, "a", []catalog.EdgeOverrideChange{{Channel: "stable"}})
			return err
		},
		"Reader.AddEdgeDevices":  func() error { return r.AddEdgeDevices(ctx, [][]byte{{1}}) },
		"Reader.AddEdgeReleases": func() error { return r.AddEdgeReleases(ctx, []catalog.EdgeRelease{{}}) },
		"Reader.EachEdgeRelease": func() error {
			return r.EachEdgeRelease(ctx, time.Time{}, func(catalog.EdgeRelease) bool { return true })
		},
		"Reader.EdgeOverrides":        func() error { _, err := r.EdgeOverrides(ctx); return err },
		"Reader.EdgeOverridesVersion": func() error { _, err := r.EdgeOverridesVersion(ctx); return err },
	}
}
