package cache

import (
	"context"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"time"

	"offlinestore/blob"
)

const (
	// lockWait is the time for which the cache waits for another process.
	lockWait = 30 * time.Second
	// partialLife is the time for which the beginning of a file is kept.
	partialLife = 7 * 24 * time.Hour
)

// lock makes sure that no other process changes the content of the folder. c.room is held.
func (c *Cache) lock() (unlock func() error, err error) {
	if err := blob.MakeDir(c.records.folder, c.o.DirMode); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeoutCause(context.WithoutCancel(c.ctx), lockWait, errors.New("another process does not release it"))
	defer cancel()
	return blob.Lock(ctx, filepath.Join(c.records.folder, ".lock"))
}

// keep gives a verified file its name and its record.
func (c *Cache) keep(f *flow, p *blob.Partial, r record) {
	_ = p.Sync() // before others have to wait; the commit finds the error again
	c.room.Lock()
	defer c.room.Unlock()
	err := func() error {
		unlock, err := c.lock()
		if err != nil {
			return err
		}
		defer unlock()
		if before, ok := c.records.load(r.Digest); ok {
			r.Pinned = before.Pinned // another process has it, too
		}
		r.Added = time.Now().UTC().Truncate(time.Second)
		if err := p.Commit(r.SHA256); err != nil {
			return err
		}
		return c.records.store(r)
	}()
	if info, serr := f.content.Stat(); err == nil && serr == nil {
		c.setVerified(r.Digest, info)
	}
	if err != nil {
		p.Close() // unless the commit has closed it
	} else {
		c.mu.Lock()
		f.kept = true
		c.mu.Unlock()
		err = c.trim() // another process may have filled the cache meanwhile
	}
	c.note(err)
}

// note remembers why a file was not kept.
func (c *Cache) note(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.problem = err
}

// content is everything that takes space in the folder.
type content struct {
	records  []storedRecord
	damaged  []string
	partials []blob.PartialInfo
	// shared counts the records of a blob.
	shared map[blob.Digest]int
	bytes  int64 // of the blobs
}

func (c *Cache) content() (*content, error) {
	all, damaged, err := c.records.list()
	if err != nil {
		return nil, err
	}
	partials, err := c.dir.Partials()
	if err != nil {
		return nil, err
	}
	l := &content{records: all, damaged: damaged, partials: partials, shared: make(map[blob.Digest]int)}
	for _, r := range all {
		if l.shared[r.SHA256]++; l.shared[r.SHA256] == 1 {
			l.bytes += r.Size
		}
	}
	return l, nil
}

// prune forgets files that other processes have removed. c.room is held since all were listed.
func (c *Cache) prune(all []storedRecord) {
	here := make(map[Digest]bool, len(all))
	for _, r := range all {
		here[r.Digest] = true
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	maps.DeleteFunc(c.verified, func(d Digest, _ os.FileInfo) bool { return !here[d] })
	c.records.prune(here)
}

// reserve makes room for a file of a flow, of which some bytes are written.
func (c *Cache) reserve(f *flow, size, written int64) error {
	c.room.Lock()
	defer c.room.Unlock()
	err := c.makeRoom(f, size, written)
	if err == nil {
		c.mu.Lock()
		f.reserved = size
		c.mu.Unlock()
	} else {
		c.note(err)
	}
	return err
}

// shrink removes files until the cache has its size.
func (c *Cache) shrink() error {
	if c.dir == nil {
		return nil
	}
	c.room.Lock()
	defer c.room.Unlock()
	return c.trim()
}

// trim removes files until the cache has its size, as far as it may. c.room is held.
func (c *Cache) trim() error {
	err := c.makeRoom(nil, 0, 0)
	var space *blob.NoSpaceError
	if errors.As(err, &space) {
		return nil // pinned files stay
	}
	return err
}
