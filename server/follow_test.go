package server_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"offlinestore/blob"
	"offlinestore/catalog"
	"offlinestore/server"
)

// database is a source of catalogues in the place of package catalog.
type database struct {
	mu       sync.Mutex
	catalog  *catalog.Snapshot
	down     bool
	loads    int
	looks    int // at the generation
	notified chan struct{}
}

var errDown = errors.New("connection refused")

func (d *database) Load(_ context.Context, _ catalog.Position, sink catalog.Sink) (*catalog.Changes, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.down {
		return nil, errDown
	}
	d.loads++
	return loadInto(d.catalog, sink)
}

func (d *database) Generation(context.Context) (int64, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.looks++
	if d.down {
		return 0, errDown
	}
	return d.catalog.Generation, nil
}

func (d *database) WaitForChange(ctx context.Context) error {
	d.mu.Lock()
	down := d.down
	d.mu.Unlock()
	if down {
		return errDown
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-d.notified:
		return nil
	}
}

func (d *database) set(change func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	change()
}

func TestFollow(t *testing.T) {
	b := newBlobs(t)
	catalog := catalogue(b)
	dir, err := blob.Open(b.dir)
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		s := server.New(server.Config{Blobs: dir.Storage()})
		h := s.Handler()
		ctx, stop := context.WithCancel(t.Context())
		db := &database{catalog: catalog, down: true, notified: make(chan struct{})}
		var wg sync.WaitGroup
		wg.Go(func() { s.Follow(ctx, db) })
		check := func(want ...string) {
			t.Helper()
			body := bodyOf(t, call(t, h, "GET", "/_status/check", ""))
			for _, part := range want {
				if !strings.Contains(body, part) {
					t.Errorf("status = %s, want %s", body, part)
				}
			}
		}
		time.Sleep(time.Second)
		check(`"unavailable"`, "can't be loaded")
		db.set(func() { db.down = false })
		time.Sleep(11 * time.Second)
		check(`"ok"`, `"generation":7`)

		// A notification takes effect at once.
		next := *catalog
		next.Generation = 8
		db.set(func() { db.catalog = &next })
		db.notified <- struct{}{}
		synctest.Wait()
		check(`"generation":8`)

		// The poll makes up for a lost notification, also after a restored backup with a lower generation.
		db.set(func() { db.catalog = catalog })
		time.Sleep(6 * time.Second)
		check(`"generation":7`)

		// The server keeps serving during an outage.
		db.set(func() { db.down = true })
		time.Sleep(time.Minute)
		check(`"degraded"`, `"generation":7`, "last reached")
		if body := bodyOf(t, call(t, h, "GET", "/_status/check", "")); strings.Contains(body, errDown.Error()) {
			t.Errorf("status = %s, want no details for everyone", body)
		}
		if r := call(t, h, "GET", "/v2/snaps/info/jq", ""); r.StatusCode != 200 {
			t.Errorf("info during the outage = %d, want 200", r.StatusCode)
		}
		if text := bodyOf(t, call(t, h, "GET", "/metrics", "")); !strings.Contains(text, "offlinestore_catalog_source_up 0") {
			t.Error("metrics do not say that the source is down")
		}
		db.set(func() { db.down, db.catalog = false, &next })
		time.Sleep(11 * time.Second)
		check(`"ok"`, `"generation":8`)

		// A catalogue that contradicts itself changes nothing.
		bad := next
		bad.Generation = 9
		bad.Snaps = append(bad.Snaps[:1:1], bad.Snaps[0])
		db.set(func() { db.catalog = &bad })
		time.Sleep(6 * time.Second)
		check(`"degraded"`, `"generation":8`)

		// A catalogue that is loaded already is not loaded again. A poll of this very moment must not be half done.
		synctest.Wait()
		db.set(func() { db.catalog, db.loads = &next, 0 })
		time.Sleep(time.Minute)
		check(`"ok"`)
		if db.loads != 0 {
			t.Errorf("%d loads of an unchanged catalogue, want 0", db.loads)
		}

		// When a hold ends, the catalogue is loaded again without a new generation.
		held := next
		held.Generation, held.HoldEnds = 10, time.Hour
		db.set(func() { db.catalog, db.loads = &held, 0 })
		time.Sleep(59 * time.Minute)
		ended := held
		ended.HoldEnds = 0
		db.set(func() { db.catalog = &ended })
		if db.loads != 1 {
			t.Errorf("%d loads while the hold lasts, want 1", db.loads)
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		if db.loads != 2 {
			t.Errorf("%d loads after the hold, want 2", db.loads)
		}
		stop()
		wg.Wait()
	})
}
