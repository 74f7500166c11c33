package cache

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"offlinestore/blob"
)

// clean removes everything that a crash or a fault of the disk has left: records without their blobs, blobs without records, and beginnings of
// files that nobody continues. Then it removes files until the cache has its size.
func (c *Cache) clean() error {
	c.room.Lock()
	defer c.room.Unlock()
	err := c.cleanLocked()
	return errors.Join(err, c.trim())
}

func (c *Cache) cleanLocked() error {
	unlock, err := c.lock()
	if err != nil {
		return fmt.Errorf("clean the cache: %w", err)
	}
	defer unlock()
	blob.RemoveAbandoned(c.records.folder)
	l, err := c.content()
	if err != nil {
		return err
	}
	var errs []error
	for _, name := range l.damaged {
		errs = append(errs, os.RemoveAll(filepath.Join(c.records.folder, name)))
	}
	whole := make(map[Digest]bool)
	kept := make(map[blob.Digest]bool)
	for _, r := range l.records {
		if size, err := c.dir.Stat(r.SHA256); err != nil || size != r.Size {
			errs = append(errs, c.records.remove(r.Digest))
			continue
		}
		whole[r.Digest], kept[r.SHA256] = true, true
	}
	errs = append(errs, c.cleanBlobs(kept), c.dir.CleanPartial(time.Now().Add(-partialLife)))
	for _, p := range l.partials {
		name, _, _ := strings.Cut(p.Key, ".")
		if d, ok := parseKey(name); !ok || whole[d] {
			_, err := c.removePartial(p.Key)
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// cleanBlobs removes the blobs that no record names.
func (c *Cache) cleanBlobs(kept map[blob.Digest]bool) error {
	var orphans []blob.Digest
	err := c.dir.List(func(i blob.Info) error {
		if !kept[i.Digest] {
			orphans = append(orphans, i.Digest)
		}
		return nil
	})
	for _, dg := range orphans {
		if rerr := c.dir.Remove(dg); rerr != nil && !errors.Is(rerr, blob.ErrNotFound) {
			err = errors.Join(err, rerr)
		}
	}
	return err
}

// discard removes a damaged blob with all its records.
func (c *Cache) discard(r storedRecord) error {
	c.room.Lock()
	defer c.room.Unlock()
	unlock, err := c.lock()
	if err != nil {
		return err
	}
	defer unlock()
	l, err := c.content()
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.removeBlob(r.SHA256, l.names(r.SHA256)...)
}

// names returns the digests whose records lead to a blob.
func (l *content) names(of blob.Digest) (all []Digest) {
	for _, r := range l.records {
		if r.SHA256 == of {
			all = append(all, r.Digest)
		}
	}
	return all
}
