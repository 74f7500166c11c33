package instance_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"offlinestore/blob"
	"offlinestore/bundle"
	"offlinestore/catalog"
	"offlinestore/importer"
	"offlinestore/instance"
	"offlinestore/internal/assertiontest"
	"offlinestore/internal/bundletest"
	"offlinestore/internal/pgtest"
)

// weeklySite is a store with backups, which are copies of its database and its blobs.
type weeklySite struct {
	t    *testing.T
	dsn  string
	path string
	in   *instance.Instance
	im   *importer.Importer
}

func newWeeklySite(t *testing.T) *weeklySite {
	t.Helper()
	s := &weeklySite{t: t, dsn: pgtest.NewFrom(t, bundletest.Migrate), path: t.TempDir()}
	d := instance.Dir(filepath.Join(s.path, "data"))
	if err := os.Mkdir(string(d), 0o700); err != nil {
		t.Fatal(err)
	}
	settings, err := d.Settings()
	if err != nil {
		t.Fatal(err)
	}
	hasher := blob.NewHasher(1)
	t.Cleanup(hasher.Close)
	s.in = &instance.Instance{Dir: d, Settings: settings, Trust: d.Trust()}
	s.im = &importer.Importer{
		Hasher: hasher, Now: func() time.Time { return assertiontest.Time().Add(5000 * 24 * time.Hour) },
		Signers: []bundle.PublicKey{bundletest.Public(t, bundletest.Key("exporter"))}, Trust: assertiontest.NewStack(t).Trust(),
	}
	s.open()
	t.Cleanup(func() {
		s.close()
		s.administer(fmt.Sprintf("drop database if exists %s", pgx.Identifier{s.database() + "_backup"}.Sanitize()))
	})
	return s
}

func (s *weeklySite) blobs() string { return filepath.Join(s.path, "blobs") }

func (s *weeklySite) open() {
	s.t.Helper()
	db, err := catalog.Open(s.t.Context(), s.dsn)
	if err != nil {
		s.t.Fatal(err)
	}
	dir, err := blob.Open(s.blobs())
	if err != nil {
		s.t.Fatal(err)
	}
	s.in.Catalog, s.in.Blobs, s.im.Store, s.im.Blobs = db, dir.Storage(), db, dir.Storage()
}

func (s *weeklySite) close() {
	s.in.Catalog.Close()
	if err := s.in.Blobs.Close(); err != nil {
		s.t.Error(err)
	}
}

// push imports a packed bundle as push-snap does.
func (s *weeklySite) push(packed []byte) error {
	path := filepath.Join(s.path, "pushed.tar")
	if err := os.WriteFile(path, packed, 0o600); err != nil {
		return err
	}
	in, err := bundle.OpenInput(path)
	if err != nil {
		return err
	}
	b := &importer.Batch{Importer: s.im, Files: []*importer.File{{Name: "pushed.tar", Input: in}}, Report: func(*importer.File) {}, Warn: func(*importer.File, string) {}}
	err = b.Plan(s.t.Context())
	if err == nil && b.Files[0].Err == nil {
		b.Run(s.t.Context())
	}
	return errors.Join(err, b.Files[0].Err, b.Close())
}

// seen returns what devices find in the channel of each snap. Its blob must be there.
func (s *weeklySite) seen() map[string]int {
	s.t.Helper()
	c, err := s.in.Catalog.LoadSnapshot(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	out := map[string]int{}
	for i := range c.Snaps {
		for _, row := range c.Snaps[i].Served() {
			out[c.Snaps[i].Name] = row.Revision
		}
	}
	blobs, err := s.in.Catalog.Blobs(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	for _, b := range blobs {
		if held, err := s.in.Blobs.Has(context.Background(), b.Digest, b.Size); err != nil || !held {
			s.t.Errorf("blob %s of the catalogue: held: %t, %v", b.Digest, held, err)
		}
	}
	return out
}

// history returns the number of lines in the history.
func (s *weeklySite) history() int {
	s.t.Helper()
	list, err := s.in.Catalog.History(s.t.Context(), "")
	if err != nil {
		s.t.Fatal(err)
	}
	return len(list)
}

// administer runs statements about whole databases.
func (s *weeklySite) administer(statements ...string) {
	s.t.Helper()
	ctx := context.WithoutCancel(s.t.Context())
	conf, err := pgx.ParseConfig(s.dsn)
	if err != nil {
		s.t.Fatal(err)
	}
	conf.Database = "postgres"
	c, err := pgx.ConnectConfig(ctx, conf)
	if err != nil {
		s.t.Fatal(err)
	}
	defer c.Close(ctx)
	for _, sql := range statements {
		if _, err := c.Exec(ctx, sql); err != nil {
			s.t.Fatalf("%s: %v", sql, err)
		}
	}
}

// database returns the name of the store's database.
func (s *weeklySite) database() string {
	conf, err := pgx.ParseConfig(s.dsn)
	if err != nil {
		s.t.Fatal(err)
	}
	return conf.Database
}

func (s *weeklySite) backUp() {
	s.replace(s.database(), s.database()+"_backup", s.blobs(), s.blobs()+".backup")
}

func (s *weeklySite) restore() {
	s.replace(s.database()+"_backup", s.database(), s.blobs()+".backup", s.blobs())
}

// replace copies a database and a folder of blobs.
func (s *weeklySite) replace(fromDatabase, toDatabase, fromBlobs, toBlobs string) {
	s.t.Helper()
	s.close()
	from, to := pgx.Identifier{fromDatabase}.Sanitize(), pgx.Identifier{toDatabase}.Sanitize()
	s.administer("drop database if exists "+to+" with (force)", "create database "+to+" template "+from)
	if err := os.RemoveAll(toBlobs); err != nil {
		s.t.Fatal(err)
	}
	if err := os.CopyFS(toBlobs, os.DirFS(fromBlobs)); err != nil {
		s.t.Fatal(err)
	}
	s.open()
}
