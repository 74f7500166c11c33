package instance

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"time"

	"offlinestore/audit"
	"offlinestore/blob"
	"offlinestore/catalog"
	"offlinestore/instance/backup"
)

// DamagedContentError means that a blob was found damaged while it was saved.
type DamagedContentError struct{ Err error }

func (e *DamagedContentError) Error() string { return e.Err.Error() }

func (e *DamagedContentError) Unwrap() error { return e.Err }

// WriteBackupContent writes everything that a backup holds, unencrypted: the files of the data folder, the database and, if asked,
// the blobs. Program is the version of the program. gc waits for it. The error may be a DamagedContentError.
func (in *Instance) WriteBackupContent(ctx context.Context, w io.Writer, blobs bool, program string) error {
	release, err := in.Lock(ctx, false)
	if err != nil {
		return err
	}
	defer release()
	created := time.Now()
	in.recordBackup(ctx, created, blobs)
	files, err := backup.Files(string(in.Dir))
	if err != nil {
		return err
	}
	info, err := in.Catalog.DatabaseInfo(ctx)
	if err != nil {
		return err
	}
	out, err := backup.NewWriter(w, backup.Header{Program: program, Created: created, Domain: in.Settings.Values().Domain,
		PostgreSQL: info.PostgreSQL, Schema: info.Schema, Generation: info.Generation, Blobs: blobs})
	if err != nil {
		return err
	}
	for _, f := range files {
		if err := out.AddFile(f); err != nil {
			return err
		}
	}
	dump := out.Database()
	if err := in.backupDatabase(info.PostgreSQL).Dump(ctx, dump); err != nil {
		return err
	}
	if err := dump.Close(); err != nil {
		return err
	}
	if blobs {
		if err := in.writeBlobs(ctx, out); err != nil {
			return err
		}
	}
	_, err = out.Close()
	return err
}

// recordBackup records a backup, which then has its own row. A database that takes no rows must not keep anybody from saving it.
func (in *Instance) recordBackup(ctx context.Context, created time.Time, blobs bool) {
	act := &audit.Act{What: "backup", Subject: in.Settings.Values().Domain, After: map[string]any{"created": audit.Time(created), "blobs": blobs}}
	err := in.Dir.note(act)
	if err == nil {
		err = in.Dir.Seal(ctx, in.Catalog.Trail())
	}
	if err != nil {
		in.logf("The backup has no row in the audit trail yet: %v", err)
	}
}

// backupDatabase returns the database to dump.
func (in *Instance) backupDatabase(version int) backup.Database {
	if in.Cluster != nil {
		return backup.Database{Cluster: in.Cluster, Name: privateDatabase, Version: version}
	}
	return backup.Database{DSN: in.Settings.Values().DBConnection, Version: version}
}

// writeBlobs saves all blobs that the catalogue refers to. It lists them after the dump: a push meanwhile may add blobs to the dump,
// and none of them may be missing.
func (in *Instance) writeBlobs(ctx context.Context, w *backup.Writer) error {
	blobs, err := in.Catalog.Blobs(ctx)
	if err != nil {
		return err
	}
	slices.SortFunc(blobs, func(x, y catalog.Blob) int { return strings.Compare(x.Digest.String(), y.Digest.String()) })
	for _, b := range blobs {
		if err := in.writeBlob(ctx, w, b.Digest); err != nil {
			return err
		}
	}
	return nil
}

func (in *Instance) writeBlob(ctx context.Context, w *backup.Writer, dg blob.Digest) error {
	f, size, err := in.Blobs.Open(ctx, dg)
	if errors.Is(err, blob.ErrNotFound) {
		w.AddMissing(dg)
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	err = w.AddBlob(dg, size, blob.NewMeter(ctx, f, nil))
	var corrupt *blob.CorruptError
	if errors.As(err, &corrupt) {
		return &DamagedContentError{err}
	}
	return err
}
