package instance

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"offlinestore/blob"
	"offlinestore/instance/backup"
)

// asideFile names the folder that content is being put aside to. It is in the folder for unfinished files, and only as long as
// something remains to be moved.
const asideFile = "aside"

// mark makes the folder for unfinished files, durably. While it is there, no command takes the data folder for a store: a restore that
// is killed between two renames must not leave an empty one.
func (r *restoration) mark() error {
	if err := os.MkdirAll(r.dir.path(restoringFolder), 0o700); err != nil {
		return err
	}
	return blob.SyncDir(string(r.dir))
}

// putAside moves files of the data folder into a new folder, or into the one of a restore that was killed while it did that.
func (r *restoration) putAside(names []string) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("put aside what is there: %w", err)
		}
	}()
	note := r.dir.path(restoringFolder, asideFile)
	text, err := os.ReadFile(note)
	name := string(text)
	if errors.Is(err, fs.ErrNotExist) && len(names) == 0 {
		return nil
	}
	resumed := err == nil && strings.HasPrefix(name, backup.Aside) && filepath.IsLocal(name)
	if !resumed {
		name = r.unusedAside()
		if err := blob.WriteFile(note, []byte(name), blob.WriteOptions{Mode: 0o600}); err != nil {
			return err
		}
	}
	aside := r.dir.path(name)
	if err := os.Mkdir(aside, 0o700); err != nil && !(resumed && errors.Is(err, fs.ErrExist)) {
		return err
	}
	for _, name := range names {
		if err := os.Rename(r.dir.path(name), filepath.Join(aside, name)); err != nil {
			return err
		}
	}
	r.out.Aside = aside
	if err := errors.Join(blob.SyncDir(aside), blob.SyncDir(string(r.dir))); err != nil {
		return err
	}
	return os.Remove(note)
}

// unusedAside returns a name for a new folder.
func (r *restoration) unusedAside() string {
	first := backup.Aside + time.Now().UTC().Format(backupTime)
	name := first
	for n := 2; exists(r.dir.path(name)); n++ {
		name = fmt.Sprintf("%s-%d", first, n)
	}
	return name
}
