package blob

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Quarantine moves a damaged blob out of the store, durably, and returns its new path for inspection.
func (d *Dir) Quarantine(dg Digest) (string, error) {
	from, err := d.Path(dg)
	if err != nil {
		return "", err
	}
	folder := d.folder(quarantineFolder)
	to := filepath.Join(folder, dg.Encoded())
	if err := makeDir(folder, 0o700); err != nil {
		return "", fmt.Errorf("quarantine blob %s: %w", dg, err)
	}
	if err := rename(from, to); err != nil {
		return "", blobError(dg, err)
	}
	if err := errors.Join(SyncDir(folder), SyncDir(filepath.Dir(from))); err != nil {
		return "", fmt.Errorf("quarantine blob %s: %w", dg, err)
	}
	return to, nil
}

// Quarantined returns the number of damaged blobs that are kept for inspection, and their total size in bytes.
func (d *Dir) Quarantined() (blobs int, size int64, err error) {
	err = d.eachQuarantined(func(_ string, n int64) error {
		blobs++
		size += n
		return nil
	})
	return blobs, size, err
}

// EmptyQuarantine removes all damaged blobs.
func (d *Dir) EmptyQuarantine() error {
	return d.eachQuarantined(func(path string, _ int64) error { return remove(path) })
}

func (d *Dir) eachQuarantined(fn func(path string, size int64) error) error {
	folder := d.folder(quarantineFolder)
	entries, err := os.ReadDir(folder)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("read the quarantine: %w", err)
	}
	for _, e := range entries {
		info, err := e.Info()
		if err == nil {
			err = fn(filepath.Join(folder, e.Name()), info.Size())
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("read the quarantine: %w", err)
		}
	}
	return nil
}
