package blob

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sync/errgroup"
)

// syncWorkers is the number of files that a batch syncs at once, so that the file system commits its journal once for all of
// them. One syncfs for the batch was measured to be no faster, and it would also wait for the data of other programs.
const syncWorkers = 8

// Batch commits several blobs at the price of one. The disk writes them from the moment they are staged, and their directory is
// synced once. The methods of a Batch are not safe for concurrent use.
type Batch struct {
	to    Backend
	blobs []Publication
}

// NewBatch starts an empty batch.
func (d *Dir) NewBatch() *Batch { return &Batch{to: folder{d}} }

// AddBlob takes over a staged blob. The caller has verified that its content matches the digest, and does not use the blob any
// more. Every blob holds a file open until the batch is synced, so keep batches to some dozens.
func (b *Batch) AddBlob(s *StagedBlob, dg Digest) { b.blobs = append(b.blobs, Publication{s, dg}) }

// Take takes over the blobs of another batch for the same backend, so that they are committed together.
func (b *Batch) Take(other *Batch) {
	b.blobs = append(b.blobs, other.blobs...)
	other.blobs = nil
}

// Len returns the number of blobs that the next Sync will commit.
func (b *Batch) Len() int { return len(b.blobs) }

// Sync makes the blobs visible. If it returns nil, they survive a loss of power. If it fails, some may be visible, each of them
// complete, and the others are gone. The batch is empty afterwards, and can be used again. A folder does not end with ctx: its disk has
// written nearly everything before.
func (b *Batch) Sync(ctx context.Context) error {
	blobs := b.blobs
	b.blobs = nil
	if len(blobs) == 0 {
		return nil
	}
	err := b.to.Publish(ctx, blobs)
	if err != nil {
		for _, s := range blobs {
			s.Discard() // the first error tells more
		}
	}
	return err
}

// Discard removes the blobs of the batch.
func (b *Batch) Discard() error {
	var errs []error
	for _, s := range b.blobs {
		errs = append(errs, s.Discard())
	}
	b.blobs = nil
	return errors.Join(errs...)
}

// commit syncs the content, then renames, then syncs the names. In any other order, a loss of power could leave other content
// under a digest's name.
func (d *Dir) commit(blobs []Publication) error {
	var syncs errgroup.Group
	syncs.SetLimit(syncWorkers)
	for _, s := range blobs {
		syncs.Go(func() error { return s.sync() })
	}
	if err := syncs.Wait(); err != nil {
		return err
	}
	for _, s := range blobs {
		if err := s.publish(d); err != nil {
			return err
		}
	}
	return d.SyncNames()
}

// SyncNames writes the names of all blobs to the disk. Blobs that another process has renamed may not have theirs there yet.
func (d *Dir) SyncNames() error {
	if err := SyncDir(d.folder(blobsFolder)); err != nil {
		return fmt.Errorf("sync the names of blobs: %w", err)
	}
	return nil
}

func (s Publication) sync() error {
	switch {
	case s.closed:
		return fmt.Errorf("commit blob %s: %w", s.Digest, os.ErrClosed)
	case s.written != s.size:
		return fmt.Errorf("commit blob %s: %d of %d bytes written", s.Digest, s.written, s.size)
	}
	if err := CheckDigest(s.Digest); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	if err := errors.Join(s.writeBackErr, syncData(s.f)); err != nil {
		return s.d.writeError("commit blob "+string(s.Digest), s.size, err)
	}
	return nil
}

func (s Publication) publish(d *Dir) error {
	s.closed = true
	dropCache(s.f) // leaves the memory to the next blobs; this one is read when a device wants it
	err := d.publish(s.f, s.Digest)
	if err != nil {
		remove(s.f.Name()) // the first error tells more
	}
	return err
}

// publish renames a synced file to its digest, and closes it. If the blob exists already, the new file, which has the same
// content, replaces it. This repairs a damaged blob. If publish fails, the file keeps its old name.
func (d *Dir) publish(f *os.File, dg Digest) error {
	path, err := d.Path(dg)
	if err != nil {
		return errors.Join(err, f.Close())
	}
	err = closeAfter(f, func() error { return os.Rename(f.Name(), path) })
	if err == nil {
		return nil
	}
	if isHeld(err) && d.Has(dg) {
		remove(f.Name()) // if that fails, it only takes space
		return nil       // another process has the blob open, and Windows does not replace open files
	}
	return fmt.Errorf("commit blob %s: %w", dg, err)
}

// makeDir makes a folder and its parents, durably, with a mode that does not depend on the umask.
func makeDir(path string, mode fs.FileMode) error {
	fi, err := os.Stat(path)
	if err == nil {
		if !fi.IsDir() {
			return fmt.Errorf("%s is not a folder", path)
		}
		return nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	parent := filepath.Dir(path)
	if parent == path {
		return err
	}
	if err := makeDir(parent, mode); err != nil {
		return err
	}
	if err := os.Mkdir(path, mode); errors.Is(err, fs.ErrExist) {
		return nil // another process was faster
	} else if err != nil {
		return err
	}
	if err := ignoreModes(os.Chmod(path, mode)); err != nil {
		return err
	}
	return SyncDir(parent)
}

// setMode sets the mode of one of our own files, independent of the umask.
func setMode(f *os.File, mode fs.FileMode) error { return ignoreModes(f.Chmod(mode)) }

// ignoreModes ignores a permission error from setting the mode of one of our own files. The error can only come from a file
// system without modes (a USB stick's), where there is nothing to set.
func ignoreModes(err error) error {
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, errors.ErrUnsupported) {
		return nil
	}
	return err
}
