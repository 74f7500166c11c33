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
	"slices"
	"strings"
	"syscall"
	"time"

	"filippo.io/age"
	"github.com/spf13/cobra"

	"offlinestore/backup"
	"offlinestore/blob"
	"offlinestore/cmd/internal/ui"
	"offlinestore/settings"
	"offlinestore/store"
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

func newBackup(g *globals) *cobra.Command {
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
			r, err := g.backup(c.Context(), args[0], to, &o)
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

func (g *globals) backup(ctx context.Context, to string, recipients []age.Recipient, o *backupOptions) (*backupReport, error) {
	if _, err := os.Stat(g.dataDir); err != nil {
		return nil, fmt.Errorf("there is no store to save: %w", err)
	}
	if err := g.makeBackupDir(to); err != nil {
		return nil, err
	}
	var out *backupReport
	err := g.withHost(ctx, func(h *host) (err error) {
		// gc, which removes blobs, waits for us.
		release, err := h.store.Lock(ctx, false)
		if err != nil {
			return err
		}
		defer release()
		b := &saving{host: h, ctx: ctx, withBlobs: o.blobs}
		if b.path, err = h.backupPath(to, time.Now()); err == nil {
			out, err = b.run(g.dataDir, recipients)
		}
		return err
	})
	return out, err
}

// makeBackupDir makes the folder for backups, and gives it to the owner of the data folder, as whom it is written to.
func (g *globals) makeBackupDir(to string) error {
	if strings.HasSuffix(to, backup.Ext) {
		return nil
	}
	err := os.Mkdir(to, 0o700)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("make the folder of the backup: %w", err)
	}
	info, err := os.Stat(g.dataDir)
	if err != nil || os.Geteuid() != 0 {
		return err
	}
	uid, gid := ownerOf(info)
	return os.Chown(to, uid, gid)
}

// backupTime is how the time stands in the name of a backup.
const backupTime = "20060102T150405Z"

var notInName = regexp.MustCompile(`[^A-Za-z0-9.-]+`)

// backupPath is the file itself where its name says so, and else a new one in that folder.
func (h *host) backupPath(to string, now time.Time) (string, error) {
	if strings.HasSuffix(to, backup.Ext) {
		return to, nil
	}
	domain, err := h.settings.Get(settings.Domain)
	if err != nil {
		return "", err
	}
	if domain = notInName.ReplaceAllString(domain, "-"); domain != "" {
		domain += "-"
	}
	return filepath.Join(to, "snap-store-proxy-"+domain+now.UTC().Format(backupTime)+backup.Ext), nil
}

// saving is a backup in the making.
type saving struct {
	*host
	ctx       context.Context
	withBlobs bool
	path      string
	facts     store.Facts
	progress  *ui.Progress
}

func (b *saving) run(dataDir string, recipients []age.Recipient) (*backupReport, error) {
	var err error
	if b.facts, err = b.store.Facts(b.ctx); err != nil {
		return nil, err
	}
	files, err := backup.Files(dataDir)
	if err != nil {
		return nil, err
	}
	size, err := b.blobSize()
	if err != nil {
		return nil, err
	}
	f, err := blob.CreateFile(b.path, size, 0o600)
	if err != nil {
		return nil, b.explain(err)
	}
	defer f.Discard()
	sealed, key, err := backup.Seal(f, recipients...)
	if err != nil {
		return nil, err
	}
	b.progress = ui.NewProgress("Saving", max(size, 1))
	defer b.progress.Done()
	err = b.write(sealed, files)
	if err == nil {
		err = sealed.Close()
	}
	if err == nil {
		err = f.Commit()
	}
	if err != nil {
		return nil, b.explain(err)
	}
	r, err := readBack(b.ctx, b.path, key)
	if err != nil {
		// A backup that can't be read is worse than none.
		return nil, errors.Join(fmt.Errorf("read the backup back: %w", err), os.Remove(b.path))
	}
	return r, nil
}

// explain says what to do where a backup can't be written.
func (b *saving) explain(err error) error {
	switch {
	case errors.Is(err, fs.ErrExist):
		return ui.Hint(err, "give another name, or a folder; a backup is never written over another one")
	case errors.Is(err, syscall.ENOSPC):
		return ui.Hint(err, "free space there, or save to another disk; nothing was left behind")
	case errors.Is(err, fs.ErrPermission):
		return ui.Hint(err, "the owner of the data folder (user %d) must be able to write there; a folder that isn't there yet is made for that user", os.Geteuid())
	}
	return err
}

// blobSize is how large the blobs are that will be saved, by the catalogue.
func (b *saving) blobSize() (size int64, err error) {
	if !b.withBlobs {
		return 0, nil
	}
	blobs, err := b.store.Blobs(b.ctx)
	for _, i := range blobs {
		size += i.Size
	}
	return size, err
}

func (b *saving) write(sealed io.Writer, files []backup.File) error {
	domain, err := b.settings.Get(settings.Domain)
	if err != nil {
		return err
	}
	w, err := backup.NewWriter(sealed, backup.Head{Program: ui.Version(), Created: time.Now(), Domain: domain,
		PostgreSQL: b.facts.PostgreSQL, Schema: b.facts.Schema, Generation: b.facts.Generation, Blobs: b.withBlobs})
	if err != nil {
		return err
	}
	for _, f := range files {
		if err := w.AddFile(f); err != nil {
			return err
		}
	}
	db, err := b.database(b.facts.PostgreSQL)
	if err != nil {
		return err
	}
	dump := w.Database()
	if err := errors.Join(db.Dump(b.ctx, dump), dump.Close()); err != nil {
		return err
	}
	if b.withBlobs {
		if err := b.writeBlobs(w); err != nil {
			return err
		}
	}
	_, err = w.Close()
	return err
}

// database is where the dump comes from, or goes to.
func (h *host) database(version int) (backup.Database, error) {
	if h.cluster != nil {
		return backup.Database{Cluster: h.cluster, Name: privateDatabase, Version: version}, nil
	}
	dsn, err := h.settings.Get(settings.DBConnection)
	return backup.Database{DSN: dsn, Version: version}, err
}

// writeBlobs saves all that the catalogue refers to. It is asked after the dump, so that nothing which a push brings meanwhile, and
// the dump has, is missed.
func (b *saving) writeBlobs(w *backup.Writer) error {
	blobs, err := b.store.Blobs(b.ctx)
	if err != nil {
		return err
	}
	slices.SortFunc(blobs, func(x, y store.Blob) int { return strings.Compare(x.Digest.String(), y.Digest.String()) })
	for _, i := range blobs {
		if err := b.writeBlob(w, i.Digest); err != nil {
			return err
		}
	}
	return nil
}

func (b *saving) writeBlob(w *backup.Writer, dg blob.Digest) error {
	f, err := b.blobs.OpenBlob(dg)
	if errors.Is(err, blob.ErrNotFound) {
		w.AddMissing(dg)
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	err = w.AddBlob(dg, info.Size(), &counted{b.ctx, f, b.progress})
	var corrupt *blob.CorruptError
	if errors.As(err, &corrupt) {
		return ui.Hint(err, "'snap-store-proxy check --blobs' puts damaged blobs into quarantine; push their bundle again, then save")
	}
	return err
}
