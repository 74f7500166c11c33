package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"offlinestore/blob"
	"offlinestore/catalog"
	"offlinestore/cmd/internal/cli"
	"offlinestore/instance"
	"offlinestore/instance/backup"
	"offlinestore/instance/pgcluster"
)

// fill restores the database and the blobs.
func (r *restoring) fill() (err error) {
	db, done, err := r.emptyDatabase()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, done()) }()
	blobs, err := blob.Open(r.path("blobs"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, blobs.Close()) }()
	in := &blobSink{dir: blobs, batch: blobs.NewBatch()}
	defer func() { err = errors.Join(err, in.batch.Discard()) }()

	pr, pw := io.Pipe()
	loaded := make(chan error, 1)
	go func() {
		err := db.Restore(r.ctx, pr)
		pr.CloseWithError(errors.Join(errStopped, err))
		loaded <- err
	}()
	p := cli.NewProgress("Restoring", max(r.out.Bytes, 1))
	defer p.Done()
	dump := &withheld{w: pw}
	_, err = readBackup(r.ctx, r.file, r.key, p, backup.Sinks{Database: dump, Blob: in.take})
	if err == nil {
		err = in.batch.Sync()
	}
	if err == nil {
		err = dump.release()
	}
	pw.CloseWithError(err) // io.EOF if that is nil
	if lerr := <-loaded; lerr != nil && (err == nil || errors.Is(err, errStopped)) {
		return lerr
	}
	return err
}

// withheld keeps back the last piece of a dump, and with it the end of the transaction that pg_restore makes of it, until the blobs
// are in their place: a restore that fails over one of them leaves an empty database.
type withheld struct {
	w    io.Writer
	last []byte
}

// Write implements [io.Writer].
func (h *withheld) Write(p []byte) (int, error) {
	if err := h.release(); err != nil {
		return 0, err
	}
	h.last = bytes.Clone(p)
	return len(p), nil
}

func (h *withheld) release() error {
	_, err := h.w.Write(h.last)
	h.last = nil
	return err
}

// errStopped says that pg_restore takes no more of the dump; its own error says why.
var errStopped = errors.New("pg_restore has ended")

// emptyDatabase is where the database goes to. What it returns is called when that is done.
func (r *restoring) emptyDatabase() (db backup.Database, done func() error, err error) {
	s, err := r.settings()
	if err != nil {
		return db, nil, err
	}
	dsn := s.Values().DBConnection
	done = func() error { return nil }
	if dsn == "" {
		cluster, err := r.dir.StartCluster(r.ctx, options())
		if err != nil {
			return db, nil, err
		}
		dsn = cluster.DSN(instance.PrivateDatabase, pgcluster.Superuser)
		db.Cluster, db.Name, done = cluster, instance.PrivateDatabase, cluster.Close
	}
	db.DSN = dsn
	db.Version, err = catalog.CheckEmpty(r.ctx, dsn)
	if err == nil && db.Version < r.contents.Head.PostgreSQL {
		r.out.Notes = append(r.out.Notes, fmt.Sprintf("The database was PostgreSQL %d and is %d now.", r.contents.Head.PostgreSQL, db.Version))
	}
	if err != nil {
		return db, nil, errors.Join(err, done())
	}
	return db, done, nil
}
