package main

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
	"syscall"
	"time"

	"filippo.io/age"
	"github.com/spf13/cobra"

	"offlinestore/blob"
	"offlinestore/cmd/internal/cli"
	"offlinestore/instance"
	"offlinestore/instance/backup"
)

// backupOptions are the flags of backup.
type backupOptions struct {
	backupSecrets
	blobs, asJSON bool
}

// backupReport is what backup and restore say of a backup.
type backupReport struct {
	File     string        `json:"file"`
	Bytes    int64         `json:"bytes"`
	Head     backup.Head   `json:"head"`
	Files    int           `json:"files"`
	Database int64         `json:"database-bytes"`
	Blobs    backup.Count  `json:"blobs"`
	Missing  []blob.Digest `json:"missing-blobs"`
	manifest *backup.Manifest
}

func newBackup(dir *instance.Dir) *cobra.Command {
	var o backupOptions
	c := &cobra.Command{
		Use:   "backup FOLDER | FILE.age",
		Short: "Save settings, secrets, database and, by choice, blobs, encrypted",
		Long: `Save all of the store in one file, encrypted with a passphrase or to public keys
of age: settings and secrets, what is trusted, the store assertion, the database
and, with --blobs, the blobs. Without them, the bundles can be pushed again.
A folder gets a new file with the time in its name. The store may serve and
be pushed to meanwhile. What was written is read back and compared.`,
		Example: `  snap-store-proxy backup /var/backups/store
  snap-store-proxy backup --blobs --passphrase-file /root/passphrase /mnt/usb/store.age
  snap-store-proxy backup --recipient age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p /mnt/usb`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			to, err := o.seal()
			if err != nil {
				return err
			}
			r, err := saveBackup(c.Context(), dir, args[0], to, &o)
			if err != nil {
				return err
			}
			return r.print(c.OutOrStdout(), o.asJSON)
		},
	}
	f := c.Flags()
	o.addPassphrase(f)
	f.StringArrayVar(&o.recipients, "recipient", nil, "public `key` of age, whose owner can restore it without a passphrase (repeatable)")
	f.BoolVar(&o.blobs, "blobs", false, "save the blobs, too: it takes as much room as they do")
	f.BoolVar(&o.asJSON, "json", false, "print JSON")
	return c
}

// backup writes the file with the rights of who calls the program, who may have a disk of their own for it.
func saveBackup(ctx context.Context, dir *instance.Dir, to string, recipients []age.Recipient, o *backupOptions) (*backupReport, error) {
	path, err := backupPath(dir, to, time.Now())
	if err != nil {
		return nil, err
	}
	var size int64
	if o.blobs {
		size = blobSize(dir)
	}
	removePartial(filepath.Dir(path), time.Now())
	f, err := blob.CreateFile(path, size, 0o600)
	if err != nil {
		return nil, explainBackup(err)
	}
	defer f.Discard()
	sealed, key, err := backup.Seal(f, recipients...)
	if err != nil {
		return nil, err
	}
	p := cli.NewProgress("Saving", size)
	err = backupContent(ctx, dir, io.MultiWriter(sealed, p), o.blobs)
	p.Done()
	if err == nil {
		err = sealed.Close()
	}
	if err == nil {
		err = f.Commit()
	}
	if err != nil {
		return nil, explainBackup(err)
	}
	r, err := readBack(ctx, path, key)
	if err != nil {
		// A backup that can't be read is worse than none.
		return nil, errors.Join(fmt.Errorf("read the backup back: %w", err), os.Remove(path))
	}
	return r, nil
}

// removePartial removes what backups to a folder have left that were killed: each may be as large as the store. One that still goes on
// was written to a moment ago.
func removePartial(dir string, now time.Time) {
	entries, _ := os.ReadDir(dir) // where nothing can be read, nothing can be written
	for _, e := range entries {
		if ok, _ := filepath.Match(".*"+backup.Ext+".*.partial", e.Name()); !ok || !e.Type().IsRegular() {
			continue
		}
		if info, err := e.Info(); err == nil && now.Sub(info.ModTime()) > 12*time.Hour {
			os.Remove(filepath.Join(dir, e.Name())) // what can't be removed takes no more than room
		}
	}
}

// explainBackup says what to do where a backup can't be written.
func explainBackup(err error) error {
	switch {
	case errors.Is(err, fs.ErrExist):
		return cli.Hint(err, "give another name, or a folder; a backup is never written over another one")
	case errors.Is(err, syscall.ENOSPC):
		return cli.Hint(err, "free space there, or save to another disk; nothing was left behind")
	}
	return err
}

// blobSize is about how large the blobs are: what they need is looked for before anything is written.
func blobSize(dir *instance.Dir) (size int64) {
	filepath.WalkDir(filepath.Join(string(*dir), "blobs", "sha256"), func(_ string, e fs.DirEntry, err error) error {
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

// backupTime is how the time stands in the name of a backup.
const backupTime = "20060102T150405Z"

var notInName = regexp.MustCompile(`[^A-Za-z0-9.-]+`)

// backupPath is the file itself where its name says so, and else a new one in that folder, which is made if need be.
func backupPath(dir *instance.Dir, to string, now time.Time) (string, error) {
	if _, err := os.Stat(string(*dir)); err != nil {
		return "", fmt.Errorf("there is no store to save: %w", err)
	}
	if strings.HasSuffix(to, backup.Ext) {
		return to, nil
	}
	s, err := dir.Settings()
	if err != nil {
		return "", err
	}
	domain := s.Values().Domain
	if err := os.Mkdir(to, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return "", fmt.Errorf("make the folder of the backup: %w", err)
	}
	if domain = notInName.ReplaceAllString(domain, "-"); domain != "" {
		domain += "-"
	}
	return filepath.Join(to, "snap-store-proxy-"+domain+now.UTC().Format(backupTime)+backup.Ext), nil
}
