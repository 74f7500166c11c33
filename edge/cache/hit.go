package cache

import (
	"context"
	"errors"
	"os"
	"sync"

	"offlinestore/blob"
)

// openFile is a file of the cache. A server sends it with the sendfile system call.
type openFile struct {
	*os.File
	c    *Cache
	blob blob.Digest
	once sync.Once
}

// Close implements [io.Closer].
func (f *openFile) Close() (err error) {
	f.once.Do(func() {
		err = f.File.Close()
		f.c.mu.Lock()
		defer f.c.mu.Unlock()
		f.c.unuse(f.blob)
	})
	return err
}

// use keeps a blob from being removed. c.mu is held.
func (c *Cache) use(dg blob.Digest) { c.inUse[dg]++ }

// unuse ends a use. c.mu is held.
func (c *Cache) unuse(dg blob.Digest) {
	if c.inUse[dg]--; c.inUse[dg] <= 0 {
		delete(c.inUse, dg)
	}
}

// hit opens a file if the cache holds it. c.mu is held.
func (c *Cache) hit(f File) (*openFile, storedRecord) {
	r, ok := c.records.load(f.Digest)
	if !ok || f.Size >= 0 && r.Size != f.Size {
		return nil, r
	}
	file, err := c.dir.OpenSized(r.SHA256, r.Size)
	if err != nil {
		return nil, r
	}
	c.records.touch(r)
	c.use(r.SHA256)
	return &openFile{File: file, c: c, blob: r.SHA256}, r
}

// isVerified reports whether a file had its digest, and nobody has written to it since. c.mu is held.
func (c *Cache) isVerified(r storedRecord, file *openFile) bool {
	before, ok := c.verified[r.Digest]
	if !ok {
		return false
	}
	now, err := file.Stat()
	return err == nil && sameFile(before, now)
}

// setVerified remembers that a file has its digest.
func (c *Cache) setVerified(d Digest, info os.FileInfo) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.verified[d] = info
}

// verifyFile hashes a file of the cache while clients read it. An earlier process has written it, and nobody knows who else had the disk.
func (f *flow) verifyFile(r storedRecord) error {
	f.arrive(r.Size)
	f.arrived.End()
	f.start(r.Size)
	select {
	case f.c.hashers <- struct{}{}:
	case <-f.ctx.Done():
		return context.Cause(f.ctx)
	}
	defer func() { <-f.c.hashers }()
	info, err := f.content.Stat()
	if err != nil {
		return err
	}
	h := hash(f.ctx, f.content, f.arrived, f.file.Digest.algorithm())
	if err := h.wait(); err != nil {
		return err
	}
	if err := h.verify(File{Digest: r.Digest, Name: r.Name}); err != nil {
		return errors.Join(err, f.c.discard(r))
	}
	f.c.setVerified(r.Digest, info)
	f.verified(r.Size)
	return nil
}
