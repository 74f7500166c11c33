package blob

import (
	"errors"
	"os"
	"time"
)

// patience is the time for which an operation waits for another program that holds its file. On Windows, virus scanners open each new
// file, and it can be neither renamed nor removed meanwhile.
const patience = 2 * time.Second

// retry calls do until it succeeds or fails of something else than a held file, or until patience ends.
func retry(do func() error) error {
	end := time.Now().Add(patience)
	for wait := time.Millisecond; ; wait += wait / 2 {
		err := do()
		if err == nil || !isHeld(err) || time.Now().Add(wait).After(end) {
			return err
		}
		time.Sleep(wait)
	}
}

func rename(from, to string) error { return retry(func() error { return os.Rename(from, to) }) }

func remove(path string) error { return retry(func() error { return os.Remove(path) }) }

func removeAll(path string) error { return retry(func() error { return os.RemoveAll(path) }) }

// RemoveEmpty removes a folder unless it has content.
func RemoveEmpty(path string) {
	_ = retry(func() error {
		err := os.Remove(path)
		if err != nil {
			if entries, rerr := os.ReadDir(path); rerr == nil && len(entries) > 0 {
				return nil
			}
		}
		return err
	})
}

func readDir(path string) (entries []os.DirEntry, err error) {
	err = retry(func() error {
		entries, err = os.ReadDir(path)
		return err
	})
	return entries, err
}

// closeAfter renames or removes an open file with do, then closes the file, so that its lock keeps others away until then. If the file is
// held, it is closed first: not every system allows this with open files.
func closeAfter(f *os.File, do func() error) error {
	err := do()
	cerr := f.Close()
	if err != nil && isHeld(err) {
		err = retry(do)
	}
	return errors.Join(err, cerr)
}

// removeOpen removes a file and closes it.
func removeOpen(f *os.File) error { return closeAfter(f, func() error { return os.Remove(f.Name()) }) }
