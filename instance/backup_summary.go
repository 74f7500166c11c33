package instance

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"

	"filippo.io/age"

	"offlinestore/blob"
	"offlinestore/instance/backup"
)

// backupTime is the format of the time in the name of a backup.
const backupTime = "20060102T150405Z"

// Progress begins to show a step of total bytes. It returns a function that adds bytes, and one that ends the step.
type Progress func(step string, total int64) (add func(bytes int64), done func())

// BackupSummary describes the content of a backup.
type BackupSummary struct {
	File string `json:"file"`
	// Bytes is the size of the file.
	Bytes    int64         `json:"bytes"`
	Header   backup.Header `json:"head"`
	Files    int           `json:"files"`
	Database int64         `json:"database-bytes"`
	Blobs    backup.Count  `json:"blobs"`
	Missing  []blob.Digest `json:"missing-blobs"`
}

// verifyBackup reads a whole backup and changes nothing.
func verifyBackup(ctx context.Context, f *os.File, key age.Identity, progress Progress) (*backup.Contents, *BackupSummary, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, nil, err
	}
	add, done := progress("Checking", max(info.Size(), 1))
	defer done()
	c, err := readBackup(ctx, f, key, add, backup.Sinks{})
	if err != nil {
		return nil, nil, err
	}
	m := &c.Manifest
	s := &BackupSummary{File: f.Name(), Bytes: info.Size(), Header: c.Header, Files: len(m.Files), Database: m.Database.Size, Blobs: m.Blobs, Missing: m.Missing}
	if s.Missing == nil {
		s.Missing = []blob.Digest{}
	}
	return c, s, nil
}

func readBackup(ctx context.Context, f *os.File, key age.Identity, progress func(int64), sinks backup.Sinks) (*backup.Contents, error) {
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	plain, err := backup.Decrypt(blob.NewMeter(ctx, f, progress), key)
	if err != nil {
		return nil, err
	}
	c, err := backup.Read(plain, sinks)
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	return c, err
}

var timeInName = regexp.MustCompile(`[0-9]{8}T[0-9]{6}Z`)

// ErrNoBackup means that a folder has no backup in it.
var ErrNoBackup = errors.New("no backup in it")

// FindBackup returns a file itself. In a folder, it finds the newest backup by the time in its name. The error may be an ErrNoBackup.
func FindBackup(from string) (string, error) {
	info, err := os.Stat(from)
	if err != nil || !info.IsDir() {
		return from, err
	}
	entries, err := os.ReadDir(from)
	if err != nil {
		return "", err
	}
	newest, last := "", ""
	for _, e := range entries {
		i, err := e.Info()
		if err != nil || !i.Mode().IsRegular() || filepath.Ext(e.Name()) != backup.Ext || e.Name()[0] == '.' {
			continue
		}
		// Copying changes the time of a file. A file that was named by hand has no other.
		at := timeInName.FindString(e.Name())
		if at == "" {
			at = i.ModTime().UTC().Format(backupTime)
		}
		if at >= last {
			newest, last = e.Name(), at
		}
	}
	if newest == "" {
		return "", fmt.Errorf("%s: %w", from, ErrNoBackup)
	}
	return filepath.Join(from, newest), nil
}
