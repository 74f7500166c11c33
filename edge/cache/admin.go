package cache

import (
	"errors"
	"fmt"
	"time"

	"offlinestore/blob"
)

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
