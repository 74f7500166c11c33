package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"filippo.io/age"

	"offlinestore/blob"
	"offlinestore/catalog"
	"offlinestore/cmd/internal/cli"
	"offlinestore/instance"
	"offlinestore/instance/backup"
	"offlinestore/instance/pgcluster"
	"offlinestore/instance/settings"
)

// unfinished is the folder, in the data folder, in which a restore keeps the settings until the rest is in its place. While it is
// there, what is beside it is of a restore that was broken off.
const unfinished = instance.RestoringFolder

// errOccupied says that there is a store where one is to be restored.
var errOccupied = errors.New("the data folder is not empty")

// restoring is a restore on its way.
type restoring struct {
	ctx      context.Context
	dir      *instance.Dir
	o        *restoreOptions
	file     *os.File
	key      age.Identity
	contents *backup.Contents
	dsn      string // empty for that of the settings
	out      *restored
}

func (r *restoring) run() (*restored, error) {
	for _, step := range []func() error{r.makeRoom, r.stage, r.fill, r.settle, r.look} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	return r.out, nil
}

func (r *restoring) path(names ...string) string {
	return filepath.Join(append([]string{string(*r.dir)}, names...)...)
}

// makeRoom sees that nothing is overwritten, and that there is space.
func (r *restoring) makeRoom() error {
	entries, err := os.ReadDir(string(*r.dir))
	if err != nil {
		return err
	}
	var old []string
	again := false
	for _, e := range entries {
		switch name := e.Name(); {
		case name == unfinished:
			again = true
		case name == "lost+found", name == "blobs", strings.HasPrefix(name, backup.Aside):
			// Blobs are named by what they hold: those of another store do no harm.
		default:
			old = append(old, name)
		}
	}
	// After a restore that was broken off, what is there is of the backup. It is put aside all the same: deleting a database is not
	// for a program to decide.
	if len(old) > 0 && !r.o.force && !again {
		return cli.Hint(fmt.Errorf("%w: %s has %s in it", errOccupied, string(*r.dir), old[0]), "restore with another --data-dir, or with --force, which puts what is there aside")
	}
	if err := r.checkSpace(); err != nil {
		return err
	}
	if err := r.checkDatabase(); err != nil {
		return err
	}
	if err := r.putAside(old); err != nil {
		return err
	}
	return os.MkdirAll(r.path(unfinished), 0o700)
}

func (r *restoring) putAside(names []string) error {
	if len(names) == 0 {
		return nil
	}
	if err := r.checkCluster(); err != nil {
		return err
	}
	aside := r.path(backup.Aside + time.Now().UTC().Format(backupTime))
	if err := os.Mkdir(aside, 0o700); err != nil {
		return fmt.Errorf("put aside what is there: %w", err)
	}
	for _, name := range names {
		if err := os.Rename(r.path(name), filepath.Join(aside, name)); err != nil {
			return fmt.Errorf("put aside what is there: %w", err)
		}
	}
	r.out.Aside = aside
	return nil
}

// checkCluster sees that nobody uses the private cluster that is there.
func (r *restoring) checkCluster() error {
	dir := r.path("postgresql")
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	used, err := pgcluster.InUse(dir)
	if used && err == nil {
		// One that a killed command left behind is stopped by whoever uses it last, so let that be us.
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
		return cli.Hint(errors.New("the private cluster is in use"), "stop 'snap-store-proxy serve' and the other commands, then restore")
	}
	return nil
}

// checkSpace compares what is needed with what there is. A database takes some three times as much as its dump.
func (r *restoring) checkSpace() error {
	free, err := blob.Free(string(*r.dir))
	if err != nil {
		return err
	}
	if need := r.contents.Manifest.Blobs.Size + 3*r.contents.Manifest.Database.Size; free < need {
		return cli.Hint(&blob.NoSpaceError{Path: string(*r.dir), Need: need, Have: free}, "free space there, or choose another --data-dir; nothing was changed")
	}
	return nil
}

// checkDatabase sees that a database elsewhere can take the backup. The private cluster is put aside with the rest.
func (r *restoring) checkDatabase() error {
	if r.o.private {
		return nil
	}
	dsn := r.dsn
	for _, f := range r.contents.Files {
		if f.Path != settingsFile || dsn != "" {
			continue
		}
		saved, _, err := settings.ParseYAML(f.Data)
		if err != nil {
			return fmt.Errorf("%s of the backup: %w", settingsFile, err)
		}
		dsn = saved[settings.DBConnection]
	}
	if dsn == "" {
		return nil
	}
	_, err := catalog.CheckEmpty(r.ctx, dsn)
	return err
}

// settingsFile is the name of the file of settings in the data folder.
const settingsFile = "settings.yaml"

// stage writes the files of the backup where nobody looks for them yet, and changes the settings there.
func (r *restoring) stage() error {
	if err := os.RemoveAll(r.path(unfinished, "files")); err != nil {
		return err
	}
	if err := os.Mkdir(r.path(unfinished, "files"), 0o700); err != nil {
		return err
	}
	for _, f := range r.contents.Files {
		path := r.path(unfinished, "files", filepath.FromSlash(f.Path))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := blob.WriteFile(path, f.Data, blob.WriteOptions{Mode: f.Mode & 0o755}); err != nil {
			return err
		}
	}
	if r.dsn == "" && !r.o.private {
		return nil
	}
	s, err := r.settings()
	if err != nil {
		return err
	}
	if s.Values().DBServerConnection != "" {
		r.out.Notes = append(r.out.Notes, settings.DBServerConnection+" was unset: it led to the database that was saved.")
	}
	return s.Set(map[string]string{settings.DBConnection: r.dsn, settings.DBServerConnection: ""})
}

func (r *restoring) settings() (*settings.Settings, error) {
	return settings.Open(r.path(unfinished, "files", settingsFile))
}

// settle puts the files into their places, the settings last: before that, there is no store here.
func (r *restoring) settle() error {
	entries, err := os.ReadDir(r.path(unfinished, "files"))
	if err != nil {
		return err
	}
	move := func(name string) error { return os.Rename(r.path(unfinished, "files", name), r.path(name)) }
	for _, e := range entries {
		if e.Name() == settingsFile || strings.HasSuffix(e.Name(), ".lock") {
			continue
		}
		if err := move(e.Name()); err != nil {
			return err
		}
	}
	if err := move(settingsFile); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return os.RemoveAll(r.path(unfinished))
}

// look opens the store, which upgrades the tables of an older one, and counts what it lacks.
func (r *restoring) look() error {
	return withInstance(r.ctx, r.dir, func(in *instance.Instance) error {
		blobs, err := in.Catalog.Blobs(r.ctx)
		if err != nil {
			return err
		}
		for _, b := range blobs {
			if !in.Blobs.Has(b.Digest) {
				r.out.Absent++
			}
		}
		return nil
	})
}
