package cache

import (
	"context"
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

// Entry describes a file of the cache.
type Entry struct {
	Digest  Digest
	SHA256  blob.Digest
	Size    int64 // in bytes
	Name    string
	Private bool
	Pinned  bool
	Added   time.Time
	// Used is the time of the last use, within a minute.
	Used time.Time
}

func (r storedRecord) entry() Entry {
	return Entry{r.Digest, r.SHA256, r.Size, r.Name, r.Private, r.Pinned, r.Added, r.info.ModTime()}
}

// List returns the files of the cache in the order of their digests.
func (c *Cache) List() ([]Entry, error) {
	if c.dir == nil {
		return nil, nil
	}
	all, _, err := c.records.list()
	if err != nil {
		return nil, err
	}
	entries := make([]Entry, 0, len(all))
	for _, r := range all {
		entries = append(entries, r.entry())
	}
	return entries, nil
}

// ErrNotFound reports a file that the cache does not hold. Errors about this wrap it.
var ErrNotFound = errors.New("it is not in the cache")

// Pin keeps a file from being removed to make room, or no longer. The error wraps [ErrNotFound] if the file is not here.
func (c *Cache) Pin(d Digest, pinned bool) error {
	return c.change(d, func(r storedRecord) error {
		if r.Pinned == pinned {
			return nil
		}
		r.Pinned = pinned
		return c.records.store(r.record)
	})
}

// Drop removes a file. Clients that read it go on. The error wraps [ErrNotFound] if the file is not here.
func (c *Cache) Drop(d Digest) error {
	return c.change(d, func(r storedRecord) error {
		l, err := c.content()
		if err != nil {
			return err
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		if len(l.names(r.SHA256)) > 1 {
			delete(c.verified, d)
			return c.records.remove(d)
		}
		return c.removeBlob(r.SHA256, d)
	})
}

// change calls fn with the record of a file while nobody else changes the folder.
func (c *Cache) change(d Digest, fn func(storedRecord) error) error {
	if err := d.Validate(); err != nil {
		return err
	}
	if c.dir == nil {
		return fmt.Errorf("%s: %w", d, ErrNotFound)
	}
	c.room.Lock()
	defer c.room.Unlock()
	unlock, err := c.lock()
	if err != nil {
		return err
	}
	defer unlock()
	r, ok := c.records.load(d)
	if !ok {
		return fmt.Errorf("%s: %w", d, ErrNotFound)
	}
	return fn(r)
}

// Usage tells how full a cache is, in bytes.
type Usage struct {
	Files int
	// Bytes counts the whole files, and Partial the beginnings of others.
	Bytes, Partial, Max int64
	// Filling is the number of downloads in progress.
	Filling int
	// Problem is the reason why the last file was not kept; nil if it was.
	Problem error
}

// Usage returns how full the cache is.
func (c *Cache) Usage() (Usage, error) {
	c.mu.Lock()
	u := Usage{Max: c.max.Load(), Problem: c.problem}
	for _, f := range c.flows {
		if f.fills {
			u.Filling++
		}
	}
	c.mu.Unlock()
	if c.dir == nil {
		return u, nil
	}
	l, err := c.content()
	if err != nil {
		return u, err
	}
	u.Files, u.Bytes = len(l.records), l.bytes
	for _, p := range l.partials {
		u.Partial += p.Size
	}
	return u, nil
}

// Scrub reads all files, and removes the ones that do not have their digests. It calls damaged for each of them.
func (c *Cache) Scrub(ctx context.Context, damaged func(Entry, error)) error {
	if c.dir == nil {
		return nil
	}
	all, _, err := c.records.list()
	if err != nil {
		return err
	}
	for _, r := range all {
		err := c.scrub(ctx, r)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if errors.Is(err, blob.ErrNotFound) {
			continue // removed meanwhile
		}
		if err == nil {
			continue
		}
		damaged(r.entry(), err)
		if err := c.discard(r); err != nil {
			return err
		}
	}
	return nil
}

// scrub verifies both digests of a file.
func (c *Cache) scrub(ctx context.Context, r storedRecord) error {
	content, err := c.dir.OpenSized(r.SHA256, r.Size)
	if err != nil {
		return err
	}
	defer content.Close()
	info, err := content.Stat()
	if err != nil {
		return err
	}
	all := blob.NewFollowers()
	all.Tell(r.Size)
	all.End()
	h := hash(ctx, content, all, algorithmsOf(r.Digest)...)
	if err := h.wait(); err != nil {
		return err
	}
	if err := h.sums[0].Verify(blob.SHA256, r.SHA256.Encoded()); err != nil {
		return &DigestError{r.Name, err}
	}
	if err := h.verify(File{Digest: r.Digest, Name: r.Name}); err != nil {
		return err
	}
	c.setVerified(r.Digest, info)
	return nil
}
