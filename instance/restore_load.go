package instance

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"offlinestore/blob"
	"offlinestore/catalog"
	"offlinestore/instance/backup"
	"offlinestore/instance/pgcluster"
)

// load restores the database and the blobs.
func (r *restoration) load() (err error) {
	db, done, err := r.emptyDatabase()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, done()) }()
	blobs, err := r.openStorage()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, blobs.Close()) }()
	if err := blobs.Prepare(r.ctx); err != nil {
		return err
	}
	sink := &blobSink{ctx: r.ctx, blobs: blobs, batch: blobs.NewBatch()}
	defer func() { err = errors.Join(err, sink.batch.Discard()) }()

	pr, pw := io.Pipe()
	loaded := make(chan error, 1)
	go func() {
		err := db.Restore(r.ctx, pr)
		pr.CloseWithError(errors.Join(errStopped, err))
		loaded <- err
	}()
	add, ended := r.request.Progress("Restoring", max(r.out.Bytes, 1))
	defer ended()
	dump := &delayedWriter{w: pw}
	_, err = readBackup(r.ctx, r.file, r.key, add, backup.Sinks{Database: dump, Blob: sink.addBlob})
	if err == nil {
		err = sink.batch.Sync(r.ctx)
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

// delayedWriter keeps back the last piece of a dump, and with it the end of pg_restore's transaction, until the blobs are in their
// place. A restore that fails over a blob leaves an empty database.
type delayedWriter struct {
	w    io.Writer
	last []byte
}

// Write implements [io.Writer].
func (d *delayedWriter) Write(p []byte) (int, error) {
	if err := d.release(); err != nil {
		return 0, err
	}
	d.last = bytes.Clone(p)
	return len(p), nil
}

func (d *delayedWriter) release() error {
	_, err := d.w.Write(d.last)
	d.last = nil
	return err
}

// errStopped means that pg_restore takes no more of the dump. Its own error tells the reason.
var errStopped = errors.New("pg_restore has ended")

// emptyDatabase returns the database to restore into. The caller calls done after the restore.
func (r *restoration) emptyDatabase() (db backup.Database, done func() error, err error) {
	s, err := r.settings()
	if err != nil {
		return db, nil, err
	}
	dsn := s.Values().DBConnection
	done = func() error { return nil }
	if dsn == "" {
		cluster, err := r.dir.startCluster(r.ctx, r.request.Options)
		if err != nil {
			return db, nil, err
		}
		dsn = cluster.DSN(privateDatabase, pgcluster.Superuser)
		db.Cluster, db.Name, done = cluster, privateDatabase, cluster.Close
	}
	db.DSN = dsn
	db.Version, err = catalog.CheckEmpty(r.ctx, dsn)
	if err == nil && db.Version < r.contents.Header.PostgreSQL {
		r.out.Notes = append(r.out.Notes, fmt.Sprintf("The database was PostgreSQL %d and is %d now.", r.contents.Header.PostgreSQL, db.Version))
	}
	if err != nil {
		return db, nil, errors.Join(err, done())
	}
	return db, done, nil
}

// openStorage opens the place for the blobs that the saved settings name.
func (r *restoration) openStorage() (*blob.Storage, error) {
	s, err := r.settings()
	if err != nil {
		return nil, err
	}
	blobs, _, err := r.dir.openStorage(s, Dir(r.dir.path(restoringFolder, "files")), Options{})
	return blobs, err
}
