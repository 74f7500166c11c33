package server_test

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"offlinestore/catalog"
	"offlinestore/instance/pgcluster"
)

// outage is a store whose database stops, and a server that follows it.
type outage struct {
	*changingStore
	dir     string
	cluster *pgcluster.Cluster
	// parts and wholes count the loads of changes, and of the whole catalogue.
	parts, wholes atomic.Int32
	// away is locked while the server can't know of changes.
	away sync.RWMutex
}

// countingReader is a Reader that counts its loads, and that an outage keeps away from the database.
type countingReader struct {
	*catalog.Reader
	o *outage
}

func (r countingReader) Load(ctx context.Context, since catalog.Position, sink catalog.Sink) (*catalog.Changes, error) {
	c, err := r.Reader.Load(ctx, since, sink)
	if err == nil && c.IsWhole {
		r.o.wholes.Add(1)
	} else if err == nil {
		r.o.parts.Add(1)
	}
	return c, err
}

// Generation waits as long as the database is away.
func (r countingReader) Generation(ctx context.Context) (int64, error) {
	r.o.away.RLock()
	defer r.o.away.RUnlock()
	return r.Reader.Generation(ctx)
}

func newOutage(t *testing.T) *outage {
	dir, err := os.MkdirTemp("", "outage-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o711); err != nil { // PostgreSQL runs as another user if we are root
		t.Fatal(err)
	}
	o := &outage{dir: dir}
	o.cluster = o.start(t)
	t.Cleanup(func() { o.cluster.Close() })
	o.changingStore = changingStoreIn(t, uint64(time.Now().UnixNano()), o.dsn())
	return o
}

func (o *outage) start(t *testing.T) *pgcluster.Cluster {
	t.Helper()
	c, err := pgcluster.Start(t.Context(), pgcluster.Options{Dir: o.dir + "/pg"})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func (o *outage) dsn() string { return o.cluster.DSN("postgres", pgcluster.Superuser) }

// stop stops the database, as a failed machine does.
func (o *outage) stop() {
	o.t.Helper()
	if err := o.cluster.Close(); err != nil {
		o.t.Fatal(err)
	}
}

// comeBack starts the database, and changes the store before the server can know.
func (o *outage) comeBack(statements ...string) {
	o.t.Helper()
	o.away.Lock()
	defer o.away.Unlock()
	o.cluster = o.start(o.t)
	db, err := catalog.Open(o.t.Context(), o.dsn())
	if err != nil {
		o.t.Fatal(err)
	}
	defer db.Close()
	before := o.db
	o.db = db
	for range 4 {
		o.done = append(o.done, o.push(), o.pushAssertions())
	}
	o.db = before
	for _, sql := range statements {
		conn, err := pgx.Connect(o.t.Context(), o.dsn())
		if err != nil {
			o.t.Fatal(err)
		}
		if _, err := conn.Exec(o.t.Context(), sql); err != nil {
			o.t.Fatalf("%s: %v", sql, err)
		}
		conn.Close(o.t.Context())
	}
}

// await waits until the status of the follower has a text.
func (o *outage) await(text string) {
	o.t.Helper()
	var body string
	for range 600 {
		if body = bodyOf(o.t, call(o.t, o.follower.Handler(), "GET", "/_status/check", "")); strings.Contains(body, text) {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	o.t.Fatalf("the status stays %s, want %s", body, text)
}

// awaitPresent waits until the follower serves the present generation.
func (o *outage) awaitPresent() {
	o.t.Helper()
	r, err := catalog.OpenReader(o.t.Context(), o.dsn())
	if err != nil {
		o.t.Fatal(err)
	}
	defer r.Close()
	n, err := r.Generation(o.t.Context())
	if err != nil {
		o.t.Fatal(err)
	}
	o.await(fmt.Sprintf(`"generation":%d,`, n))
	whole := o.newServer("")
	if _, err := whole.Load(o.t.Context(), r); err != nil {
		o.t.Fatal(err)
	}
	o.same("the whole catalogue", o.content(o.answers(whole)))
}

// content returns the answers that show the catalogue alone.
func (o *outage) content(answers map[string]string) map[string]string {
	for q := range answers {
		if strings.Contains(q, "/_status/check") || strings.HasPrefix(q, "offlinestore_") {
			delete(answers, q)
		}
	}
	return answers
}

// same compares the answers of the follower with others.
func (o *outage) same(as string, want map[string]string) {
	o.t.Helper()
	o.compare(as, want, o.content(o.answers(o.follower)))
}

// sameOrUnknown compares the answers with the ones before. Only the database knows that the whole store lacks something.
func (o *outage) sameOrUnknown(as string, want map[string]string) {
	o.t.Helper()
	got := o.content(o.answers(o.follower))
	for q, text := range got {
		if strings.HasPrefix(text, "503\n") && strings.HasPrefix(want[q], "404\n") {
			got[q] = want[q]
		}
	}
	o.compare(as, want, got)
}

func (o *outage) compare(as string, want, got map[string]string) {
	o.t.Helper()
	if diff := gocmp.Diff(want, got); diff != "" {
		o.t.Errorf("the follower answers otherwise than %s (-want +got)\n%s\nafter\n%s", as, diff, strings.Join(o.done, "\n"))
	}
}

// TestOutage stops the database under a server that follows it. The server answers as before, and then serves the changes: from
// the noted changes, or from the whole catalogue if they are gone.
func TestOutage(t *testing.T) {
	t.Parallel()
	o := newOutage(t)
	for range 10 {
		o.done = append(o.done, o.push(), o.pushAssertions())
	}
	ctx, end := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() { o.follower.Follow(ctx, countingReader{o.reader, o}) })
	defer wg.Wait()
	defer end()
	o.await(`"ok"`)
	o.awaitPresent()
	cases := []struct {
		name       string
		statements []string
		isWhole    bool
	}{
		{"with the noted changes", nil, false},
		{"without the noted changes", []string{`truncate generation_change, changed_item`}, true},
		{"after too many changes", []string{`do $$ begin for i in 1..120 loop update generation set number = number + 1; end loop; end $$`}, true},
	}
	if testing.Short() {
		cases = cases[1:2]
	}
	for _, c := range cases {
		before := o.content(o.answers(o.follower))
		parts, wholes := o.parts.Load(), o.wholes.Load()
		o.stop()
		o.await(`"degraded"`)
		o.sameOrUnknown("before the outage", before)
		o.comeBack(c.statements...)
		o.await(`"ok"`)
		o.awaitPresent()
		if got := o.wholes.Load() > wholes; got != c.isWhole || o.parts.Load() == parts && !got {
			t.Errorf("%s: %d loads of changes and %d of the whole catalogue, want a whole one %v", c.name, o.parts.Load()-parts, o.wholes.Load()-wholes, c.isWhole)
		}
		if t.Failed() {
			t.Fatal(c.name)
		}
	}
}
