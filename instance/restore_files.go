package instance

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"offlinestore/blob"
	"offlinestore/instance/settings"
)

// unpackFiles writes the files of the backup into the folder for unfinished files, and changes the settings there.
func (r *restoration) unpackFiles() error {
	if err := os.RemoveAll(r.dir.path(restoringFolder, "files")); err != nil {
		return err
	}
	if err := os.Mkdir(r.dir.path(restoringFolder, "files"), 0o700); err != nil {
		return err
	}
	for _, f := range r.contents.Files {
		path := r.dir.path(restoringFolder, "files", filepath.FromSlash(f.Path))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := blob.WriteFile(path, f.Data, blob.WriteOptions{Mode: f.Mode & 0o755}); err != nil {
			return err
		}
	}
	if err := r.continueTrail(); err != nil {
		return err
	}
	if r.request.DSN == "" && !r.request.Private {
		return nil
	}
	s, err := r.settings()
	if err != nil {
		return err
	}
	if s.Values().DBServerConnection != "" {
		r.out.Notes = append(r.out.Notes, settings.DBServerConnection+" was unset: it led to the database that was saved.")
	}
	return s.Set(map[string]string{settings.DBConnection: r.request.DSN, settings.DBServerConnection: ""})
}

func (r *restoration) settings() (*settings.Settings, error) {
	return settings.Open(r.dir.path(restoringFolder, "files", settingsFile))
}

// commit moves the files into their places, the settings last: before them, there is no store.
func (r *restoration) commit() error {
	entries, err := os.ReadDir(r.dir.path(restoringFolder, "files"))
	if err != nil {
		return err
	}
	move := func(name string) error {
		return os.Rename(r.dir.path(restoringFolder, "files", name), r.dir.path(name))
	}
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
	if err := blob.SyncDir(string(r.dir)); err != nil {
		return err
	}
	return os.RemoveAll(r.dir.path(restoringFolder))
}
