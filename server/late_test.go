package server_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"offlinestore/blob"
	"offlinestore/server"
)

// TestNewerElsewhere asks a server for a file of a revision that it has not heard of. If the database has it, another server has told the client of
// it, and the client gets it, though no notification has come. Otherwise the answer is quick.
func TestNewerElsewhere(t *testing.T) {
	b := newBlobs(t)
	newer := catalogue(b)
	dir, err := blob.Open(b.dir)
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		s := server.New(server.Config{Blobs: dir.Storage()})
		h := s.Handler()
		ctx, stop := context.WithCancel(t.Context())
		older := *newer
		older.Generation, older.Snaps = 6, older.Snaps[1:]
		db := &database{catalog: &older, notified: make(chan struct{})}
		var wg sync.WaitGroup
		wg.Go(func() { s.Follow(ctx, db) })
		synctest.Wait()
		ask := func(path string, want int) time.Duration {
			t.Helper()
			began := time.Now()
			if r := call(t, h, "GET", path, ""); r.StatusCode != want {
				t.Errorf("GET %s = %d, want %d", path, r.StatusCode, want)
			}
			return time.Since(began)
		}
		const path = "/api/v1/snaps/download/"
		lost := &newer.Snaps[0]
		file, none := fmt.Sprintf("%s%s_%d.snap", path, lost.SnapID, lost.Revisions[0].Number), path+lost.SnapID+"_999.snap"
		if took := ask(file, 404); took > time.Second {
			t.Errorf("the answer about a missing file took %v", took)
		}
		db.set(func() { db.catalog = newer })
		if took := ask(file, 200); took > time.Second {
			t.Errorf("the answer with the newer catalogue took %v", took)
		}

		// Many clients share a look.
		db.set(func() { db.looks = 0 })
		var clients sync.WaitGroup
		for range 100 {
			clients.Go(func() { ask(none, 404) })
		}
		clients.Wait()
		if db.looks > 2 {
			t.Errorf("%d looks at the database for 100 clients", db.looks)
		}

		// Without the database nobody knows that there is no such file. One that is down delays the first clients, and no others.
		db.set(func() { db.down = true })
		if took := ask(none, 503); took > time.Second {
			t.Errorf("without a database, the first answer about a missing file took %v", took)
		}
		time.Sleep(time.Minute)
		if took := ask(none, 503); took > 0 {
			t.Errorf("without a database, the answer about a missing file took %v", took)
		}
		db.set(func() { db.down = false })
		time.Sleep(time.Minute)
		stop()
		wg.Wait()
		ask(none, 404)
	})
}
