package instance

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"filippo.io/age"

	"offlinestore/blob"
	"offlinestore/instance/backup"
)

// SaveRequest is a request for a backup.
type SaveRequest struct {
	// To is a file that ends in backup.Ext, or a folder that gets a new file.
	To         string
	Recipients []age.Recipient
	Blobs      bool
	// WriteContent writes what WriteBackupContent writes, perhaps from another process with the rights of the folder's owner.
	WriteContent func(ctx context.Context, w io.Writer, blobs bool) error
	Progress     Progress
}

// WriteError means that a backup could not be written. Nothing is left of it.
type WriteError struct{ Err error }

func (e *WriteError) Error() string { return e.Err.Error() }

func (e *WriteError) Unwrap() error { return e.Err }

// Save writes a backup, with the rights of the caller, and reads it back. The error may be a WriteError.
func (d Dir) Save(ctx context.Context, r SaveRequest) (*BackupSummary, error) {
	path, err := d.newBackupPath(r.To, time.Now())
	if err != nil {
		return nil, err
	}
	var size int64
	if r.Blobs {
		size = d.blobSize()
	}
	blob.RemoveAbandoned(filepath.Dir(path))
	key, err := r.write(ctx, path, size)
	if err != nil {
		return nil, err
	}
	s, err := r.readBack(ctx, path, key)
	if err != nil {
		// An unreadable backup is worse than none.
		return nil, errors.Join(fmt.Errorf("read the backup back: %w", err), os.Remove(path))
	}
	return s, nil
}

// write writes the file and returns the key that opens it.
func (r *SaveRequest) write(ctx context.Context, path string, size int64) (age.Identity, error) {
	f, err := blob.CreateFile(path, size, 0o600)
	if err != nil {
		return nil, &WriteError{err}
	}
	defer f.Discard()
	sealed, key, err := backup.Seal(f, r.Recipients...)
	if err != nil {
		return nil, err
	}
	add, done := r.Progress("Saving", size)
	err = r.WriteContent(ctx, io.MultiWriter(sealed, byteCounter(add)), r.Blobs)
	done()
	if err == nil {
		err = sealed.Close()
	}
	if err == nil {
		err = f.Commit()
	}
	if err != nil {
		return nil, &WriteError{err}
	}
	return key, nil
}

func (r *SaveRequest) readBack(ctx context.Context, path string, key age.Identity) (*BackupSummary, error) {
	f, err := blob.OpenRegular(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	_, s, err := verifyBackup(ctx, f, key, r.Progress)
	return s, err
}

// byteCounter is a writer that passes the size of each write on.
type byteCounter func(int64)

// Write implements [io.Writer].
func (c byteCounter) Write(p []byte) (int, error) {
	c(int64(len(p)))
	return len(p), nil
}

// blobSize returns about how large the blobs are, to reserve space before anything is written.
func (d Dir) blobSize() (size int64) {
	filepath.WalkDir(d.path(blobsFolder, "sha256"), func(_ string, e fs.DirEntry, err error) error {
		if err != nil {
			return nil // then the disk may turn out to be too small later
		}
		if info, err := e.Info(); err == nil && info.Mode().IsRegular() {
			size += info.Size()
		}
		return nil
	})
	return size
}

var notInName = regexp.MustCompile(`[^A-Za-z0-9.-]+`)

// newBackupPath returns to itself if that is the name of a backup. Otherwise it returns the path of a new file in the folder to,
// which it makes if there is none.
func (d Dir) newBackupPath(to string, now time.Time) (string, error) {
	if _, err := os.Stat(string(d)); err != nil {
		return "", fmt.Errorf("there is no store to save: %w", err)
	}
	if strings.HasSuffix(to, backup.Ext) {
		return to, nil
	}
	s, err := d.Settings()
	if err != nil {
		return "", err
	}
	if err := os.Mkdir(to, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return "", fmt.Errorf("make the folder of the backup: %w", err)
	}
	domain := notInName.ReplaceAllString(s.Values().Domain, "-")
	if domain != "" {
		domain += "-"
	}
	return filepath.Join(to, "snap-store-proxy-"+domain+now.UTC().Format(backupTime)+backup.Ext), nil
}
