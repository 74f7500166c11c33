package catalog_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/jackc/pgx/v5"
	"github.com/opencontainers/go-digest"

	"offlinestore/catalog"
	"offlinestore/internal/pgtest"
	"offlinestore/snap"
)

// migrated creates the tables.
func migrated(dsn string) error {
	s, err := catalog.Open(context.Background(), dsn)
	if err != nil {
		return err
	}
	s.Close()
	return nil
}

// open returns an empty catalogue and its connection string.
func open(tb testing.TB) (*catalog.DB, string) {
	tb.Helper()
	dsn := pgtest.NewFrom(tb, migrated)
	return reopen(tb, dsn), dsn
}

func reopen(tb testing.TB, dsn string) *catalog.DB {
	tb.Helper()
	s, err := catalog.Open(tb.Context(), dsn)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(s.Close)
	return s
}

func openReader(tb testing.TB, dsn string) *catalog.Reader {
	tb.Helper()
	r, err := catalog.OpenReader(tb.Context(), dsn)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(r.Close)
	return r
}

// connect returns a plain connection, for operations that the package does not offer.
func connect(tb testing.TB, dsn string) *pgx.Conn {
	tb.Helper()
	conn, err := pgx.Connect(tb.Context(), dsn)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { conn.Close(context.Background()) })
	return conn
}

// monday is the time of the signature of a test's first bundle.
var monday = time.Date(2026, 11, 16, 9, 0, 0, 0, time.UTC)

// imp returns an import without content, signed that many days after monday.
func imp(name string, day int) *catalog.Import {
	return &catalog.Import{
		Bundle: digest.FromString(name), Name: name + ".tar.gz", Signer: "sha256:aa", SignedAt: monday.AddDate(0, 0, day),
		Sequence: uint64(day), Exporter: "op@outside", Program: "store-admin/1",
	}
}

// snapID returns a valid snap-id derived from a name.
func snapID(name string) string {
	return (strings.ReplaceAll(name, "-", "0") + strings.Repeat("0", 32))[:32]
}

// blobOf returns the blob of a revision.
func blobOf(name string, revision int) catalog.Blob {
	d := digest.FromString(fmt.Sprint(name, revision))
	return catalog.Blob{Digest: d, Size: int64(1000 + revision), SHA3384: strings.Repeat(d.Encoded()[:48], 2)}
}

// with adds a snap to an import: its revisions, and rows "channel/arch=revision" of its channel map.
func with(in *catalog.Import, name string, revisions []int, rows ...string) *catalog.Import {
	base := "core24"
	for _, n := range revisions {
		b := blobOf(name, n)
		in.Blobs = append(in.Blobs, b)
		in.SnapRevisions = append(in.SnapRevisions, catalog.ImportedSnapRevision{Blob: b.Digest, Item: snap.Item{Name: name, SnapID: snapID(name), Revision: snap.Revision{
			Number: n, Type: "app", Architectures: []string{"amd64", "arm64"}, Base: &base, Confinement: "strict", Version: fmt.Sprint("v", n),
			Download: snap.Download{SHA3384: b.SHA3384, Size: b.Size}, SnapYAML: "name: " + name,
			Epoch: snap.Epoch{Read: []uint32{0}, Write: []uint32{0}},
		}}})
	}
	l := snap.Listing{Name: name, SnapID: snapID(name), DefaultTrack: "latest", Snap: snap.Details{Title: name, Summary: "of " + in.Name}}
	for _, r := range rows {
		l.ChannelMap = append(l.ChannelMap, row(r))
	}
	in.Snaps = append(in.Snaps, catalog.ImportedSnap{Listing: l})
	return in
}

// row parses "latest/stable/amd64=7".
func row(s string) snap.Release {
	key, number, _ := strings.Cut(s, "=")
	i := strings.LastIndexByte(key, '/')
	r := snap.Release{Architecture: key[i+1:], Channel: key[:i]}
	fmt.Sscan(number, &r.Revision)
	if r.Revision > 0 {
		r.ReleasedAt = "2026-01-02T03:04:05Z"
	}
	return r
}

func rows(list []snap.Release) []string {
	out := []string{}
	for _, r := range list {
		out = append(out, fmt.Sprintf("%s/%s=%d", r.Channel, r.Architecture, r.Revision))
	}
	return out
}

// planOne returns the report or the error of planning one import.
func planOne(ctx context.Context, s *catalog.DB, in *catalog.Import) (*catalog.Report, error) {
	out, _, err := s.PlanAll(ctx, []*catalog.Import{in})
	if err != nil {
		return nil, err
	}
	return out[0].Report, out[0].Err
}

func apply(tb testing.TB, s *catalog.DB, in *catalog.Import) *catalog.Report {
	tb.Helper()
	r, err := s.Apply(tb.Context(), in)
	if err != nil {
		tb.Fatalf("Apply(%s) = %v", in.Name, err)
	}
	return r
}

func load(tb testing.TB, s interface {
	LoadSnapshot(context.Context) (*catalog.Snapshot, error)
}) *catalog.Snapshot {
	tb.Helper()
	c, err := s.LoadSnapshot(tb.Context())
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

func diff(tb testing.TB, what string, got, want any) {
	tb.Helper()
	if d := cmp.Diff(want, got, cmpopts.EquateEmpty()); d != "" {
		tb.Errorf("%s (-want +got):\n%s", what, d)
	}
}

// databaseOf returns the name of a connection's database.
func databaseOf(tb testing.TB, dsn string) string {
	tb.Helper()
	cfg, err := pgx.ParseConfig(dsn)
	if err != nil {
		tb.Fatal(err)
	}
	return cfg.Database
}

func exec(tb testing.TB, dsn, statement string) {
	tb.Helper()
	if _, err := connect(tb, dsn).Exec(tb.Context(), statement); err != nil {
		tb.Fatalf("%s: %v", statement, err)
	}
}

// dropRole drops a role at the end of a test. Roles belong to the cluster, not to the database.
func dropRole(tb testing.TB, dsn, role string) {
	tb.Cleanup(func() {
		conn, err := pgx.Connect(context.Background(), dsn)
		if err != nil {
			tb.Error(err)
			return
		}
		defer conn.Close(context.Background())
		for _, q := range []string{`drop owned by `, `drop role `} {
			if _, err := conn.Exec(context.Background(), q+role); err != nil {
				tb.Error(err)
			}
		}
	})
}

// listening waits until a connection listens for changes.
func listening(tb testing.TB, dsn string) {
	tb.Helper()
	conn := connect(tb, dsn)
	const q = `select exists (select from pg_stat_activity where query ilike 'listen %' and state = 'idle' and datname = current_database())`
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		var yes bool
		if err := conn.QueryRow(tb.Context(), q).Scan(&yes); err != nil {
			tb.Fatal(err)
		}
		if yes {
			return
		}
		if time.Now().After(deadline) {
			tb.Fatal("nobody listens")
		}
	}
}

func receive(tb testing.TB, done chan error) error {
	tb.Helper()
	select {
	case err := <-done:
		return err
	case <-time.After(20 * time.Second):
		tb.Fatal("nothing happened in 20 seconds")
		return nil
	}
}
