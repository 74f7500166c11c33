package blob

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sync/errgroup"
)

// syncWorkers is how many files a batch syncs at once, so that their commits of the file system's journal are one. One syncfs for
// the batch was measured to be no faster, and it would wait for the data of other programs too.
const syncWorkers = 8

// Batch commits several blobs at the price of one: the disk has been writing them since they were staged, and their
// directory is synced once. Its methods may not be used at the same time.
type Batch struct {
	d     *Dir
	blobs []batchEntry
}

type batchEntry struct {
	*StagedBlob
	digest Digest
}

// NewBatch starts an empty batch.
func (d *Dir) NewBatch() *Batch { return &Batch{d: d} }

// AddBlob takes over a staged blob. The caller has verified that its content is that of the digest, and leaves it alone from now
// on. Every blob holds a file open until the batch is synced, so keep batches to some dozens.
func (b *Batch) AddBlob(s *StagedBlob, dg Digest) { b.blobs = append(b.blobs, batchEntry{s, dg}) }

// Len is the number of blobs that the next Sync will commit.
func (b *Batch) Len() int { return len(b.blobs) }

// Sync makes the blobs visible. When it returns nil they survive a loss of power; when it fails, some may be visible, each of
// them whole, and the others are gone. The batch is empty afterwards, and can be used again.
func (b *Batch) Sync() error {
	blobs := b.blobs
	b.blobs = nil
	if len(blobs) == 0 {
		return nil
	}
	err := b.d.commit(blobs)
	if err != nil {
		for _, s := range blobs {
			s.Discard() // the error at hand says more
		}
	}
	return err
}

// Discard removes what the batch has taken over.
func (b *Batch) Discard() error {
	var errs []error
	for _, s := range b.blobs {
		errs = append(errs, s.Discard())
	}
	b.blobs = nil
	return errors.Join(errs...)
}

// commit syncs the content, then renames, then syncs the names: in any other order a loss of power could leave a digest's name
// on something else.
func (d *Dir) commit(blobs []batchEntry) error {
	var syncs errgroup.Group
	syncs.SetLimit(syncWorkers)
	for _, s := range blobs {
		syncs.Go(func() error { return s.sync() })
	}
	if err := syncs.Wait(); err != nil {
		return err
	}
	for _, s := range blobs {
		if err := s.publish(); err != nil {
			return err
		}
	}
	if err := syncDir(d.folder(blobsFolder)); err != nil {
		return fmt.Errorf("commit blobs: %w", err)
	}
	return nil
}

func (s batchEntry) sync() error {
	switch {
	case s.closed:
		return fmt.Errorf("commit blob %s: %w", s.digest, os.ErrClosed)
	case s.written != s.size:
		return fmt.Errorf("commit blob %s: %d of %d bytes written", s.digest, s.written, s.size)
	}
	if err := CheckDigest(s.digest); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	if err := syncData(s.f); err != nil {
		return s.d.writeError("commit blob "+string(s.digest), s.size, err)
	}
	return nil
}

func (s batchEntry) publish() error {
	s.closed = true
	dropCache(s.f) // the next blobs can have the memory; this one is read when a device wants it
	return s.d.publish(s.f, s.digest)
}

// publish gives a synced file the name of its digest, and closes it. If the blob is there already, the new one, which is the
// same, takes its place: should the old one be damaged, that heals it.
func (d *Dir) publish(f *os.File, dg Digest) error {
	path, err := d.Path(dg)
	if err != nil {
		return errors.Join(err, f.Close(), os.Remove(f.Name()))
	}
	if renameOpenFiles {
		err = errors.Join(os.Rename(f.Name(), path), f.Close())
	} else if err = f.Close(); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err == nil {
		return nil
	}
	if !renameOpenFiles && errors.Is(err, fs.ErrPermission) && d.Has(dg) {
		return os.Remove(f.Name()) // somebody has the blob open, which there keeps it from being replaced
	}
	os.Remove(f.Name()) // the error at hand says more
	return fmt.Errorf("commit blob %s: %w", dg, err)
}

// makeDir makes a folder and those above it, durably, with the mode whatever the umask is.
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
	return syncDir(parent)
}

// setMode sets the mode of a file of our own making, whatever the umask is.
func setMode(f *os.File, mode fs.FileMode) error { return ignoreModes(f.Chmod(mode)) }

// ignoreModes is for setting the mode of a file of our own making. That can only be forbidden where the file system has no
// modes (a USB stick's), and then there is nothing to set.
func ignoreModes(err error) error {
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, errors.ErrUnsupported) {
		return nil
	}
	return err
}
