package blob

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/opencontainers/go-digest"
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

// listQuarantine calls fn for every damaged blob.
func (d *Dir) listQuarantine(fn func(Info) error) error {
	entries, err := os.ReadDir(d.folder(quarantineFolder))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("read the quarantine: %w", err)
	}
	for _, e := range entries {
		dg := digest.NewDigestFromEncoded(digest.SHA256, e.Name())
		info, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) || CheckDigest(dg) != nil {
			continue
		}
		if err == nil {
			err = fn(Info{dg, info.Size(), info.ModTime()})
		}
		if err != nil {
			return fmt.Errorf("read the quarantine: %w", err)
		}
	}
	return nil
}

func (d *Dir) removeQuarantined(dg Digest) error {
	if err := CheckDigest(dg); err != nil {
		return err
	}
	return blobError(dg, remove(filepath.Join(d.folder(quarantineFolder), dg.Encoded())))
}
