package instance

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"filippo.io/age"

	"offlinestore/blob"
	"offlinestore/catalog"
	"offlinestore/instance/backup"
	"offlinestore/instance/pgcluster"
	"offlinestore/instance/settings"
)

var (
	// ErrOccupied means that the data folder already has a store in it.
	ErrOccupied = errors.New("the data folder is not empty")
	// ErrClusterInUse means that another process uses the private cluster.
	ErrClusterInUse = errors.New("the private cluster is in use")
)

// RestoreSpaceError means that the disk is too small for a backup. Nothing was changed.
type RestoreSpaceError struct{ Err *blob.NoSpaceError }

func (e *RestoreSpaceError) Error() string { return e.Err.Error() }

func (e *RestoreSpaceError) Unwrap() error { return e.Err }

// RestoreRequest is a request for a restore.
type RestoreRequest struct {
	// Identities are the keys that may open the backup.
	Identities []age.Identity
	// Force puts aside the content of the data folder.
	Force bool
	// Private restores into a private cluster, even if the saved settings name another database.
	Private bool
	// DSN is the connection to another database than the one that the saved settings name.
	DSN      string
	Options  Options
	Progress Progress
	// Confirm may refuse the verified backup before anything is changed. It may be nil.
	Confirm func(*BackupSummary) error
}

// RestoreResult is a restored backup, and its consequences.
type RestoreResult struct {
	BackupSummary
	// Aside is the folder that the former content of the data folder was moved to.
	Aside string `json:"put-aside,omitempty"`
	// Absent is the number of blobs that the catalogue has and the store lacks.
	Absent int      `json:"absent-blobs"`
	Notes  []string `json:"notes"`
}

// Restore turns the data folder into the store of a backup. It first reads and verifies the whole backup with the rights of the
// caller, then enters the data folder. Errors are ErrOccupied, ErrClusterInUse, a RestoreSpaceError, and the errors of package
// backup.
func (d Dir) Restore(ctx context.Context, path string, request RestoreRequest) (*RestoreResult, error) {
	f, err := blob.OpenRegular(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	key, err := backup.Unlock(f, request.Identities...)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	contents, summary, err := verifyBackup(ctx, f, key, request.Progress)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	known, err := catalog.KnownSchema()
	if err == nil && request.Confirm != nil {
		err = request.Confirm(summary)
	}
	if err != nil {
		return nil, err
	}
	if v := contents.Header.Schema; v > known {
		return nil, fmt.Errorf("%s: %w (%.40q): its tables are of version %d, this program knows %d", path, backup.ErrTooNew, contents.Header.Program, v, known)
	}
	if err := d.enter(true); err != nil {
		return nil, err
	}
	r := &restoration{ctx: ctx, dir: d, request: request, file: f, key: key, contents: contents, out: &RestoreResult{BackupSummary: *summary, Notes: []string{}}}
	for _, step := range []func() error{r.prepareDir, r.unpackFiles, r.load, r.commit, r.countMissing} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	return r.out, nil
}

// restoration is a restore in progress.
type restoration struct {
	ctx      context.Context
	dir      Dir
	request  RestoreRequest
	file     *os.File
	key      age.Identity
	contents *backup.Contents
	out      *RestoreResult
}

// prepareDir moves away files that a restore would overwrite, and makes the folder for unfinished files. It refuses a full disk, an
// occupied folder and an occupied database before it changes anything.
func (r *restoration) prepareDir() error {
	entries, err := os.ReadDir(string(r.dir))
	if err != nil {
		return err
	}
	var old []string
	again := false
	for _, e := range entries {
		switch name := e.Name(); {
		case name == restoringFolder:
			again = true
		case name == lostFound, name == blobsFolder, strings.HasPrefix(name, backup.Aside):
			// Blobs have the names of their content: the blobs of another store do no harm.
		default:
			old = append(old, name)
		}
	}
	// After an interrupted restore, the content comes from the backup. It is put aside all the same: a program does not decide to
	// delete a database.
	if len(old) > 0 && !r.request.Force && !again {
		return fmt.Errorf("%w: %s has %s in it", ErrOccupied, r.dir, old[0])
	}
	if err := r.requireSpace(); err != nil {
		return err
	}
	if err := r.requireEmptyDatabase(); err != nil {
		return err
	}
	if len(old) > 0 {
		if err := r.stopCluster(); err != nil {
			return err
		}
	}
	if err := r.mark(); err != nil {
		return err
	}
	return r.putAside(old)
}

// stopCluster refuses a private cluster that another process uses. It stops one that a killed command left running.
func (r *restoration) stopCluster() error {
	dir := r.dir.path(clusterFolder)
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	used, err := pgcluster.InUse(dir)
	if used && err == nil {
		// The last user stops the cluster, so become that user.
		c, serr := pgcluster.Start(r.ctx, pgcluster.Options{Dir: dir})
		if serr == nil {
			serr = c.Close()
		}
		if used, err = pgcluster.InUse(dir); err == nil && !used {
			err = serr
		}
	}
	if err != nil {
		return err
	}
	if used {
		return ErrClusterInUse
	}
	return nil
}

// requireSpace compares the needed space with the free one. A database takes about three times as much as its dump.
func (r *restoration) requireSpace() error {
	free, err := blob.Free(string(r.dir))
	if err != nil {
		return err
	}
	backend, err := r.saved(settings.StorageBackend)
	if err != nil {
		return err
	}
	need := 3 * r.contents.Manifest.Database.Size
	if backend != settings.BackendS3 { // blobs for S3 need space only on their way
		need += r.contents.Manifest.Blobs.Size
	}
	if free < need {
		return &RestoreSpaceError{&blob.NoSpaceError{Path: string(r.dir), Need: need, Have: free}}
	}
	return nil
}

// requireEmptyDatabase refuses a database elsewhere that has something in it. A private cluster is put aside with the other files.
func (r *restoration) requireEmptyDatabase() error {
	if r.request.Private {
		return nil
	}
	dsn := r.request.DSN
	if dsn == "" {
		var err error
		if dsn, err = r.saved(settings.DBConnection); err != nil || dsn == "" {
			return err
		}
	}
	_, err := catalog.CheckEmpty(r.ctx, dsn)
	return err
}

// saved returns the value of a setting in the backup, or "" for its default.
func (r *restoration) saved(key string) (string, error) {
	for _, f := range r.contents.Files {
		if f.Path != settingsFile {
			continue
		}
		saved, _, err := settings.ParseYAML(f.Data)
		if err != nil {
			return "", fmt.Errorf("%s of the backup: %w", settingsFile, err)
		}
		return saved[key], nil
	}
	return "", nil
}

// countMissing opens the store, which upgrades the tables of an older one, and counts the blobs that it lacks.
func (r *restoration) countMissing() error {
	in, err := r.dir.Open(r.ctx, r.request.Options)
	if err != nil {
		return err
	}
	blobs, err := in.Catalog.Blobs(r.ctx)
	if err == nil {
		r.out.Absent, err = in.countMissing(r.ctx, blobs)
	}
	return errors.Join(err, in.Close())
}
