package cache

import (
	"cmp"
	"errors"
	"slices"
	"time"

	"offlinestore/blob"
)

// candidate is a blob with its records, or the beginning of a file, that may be removed.
type candidate struct {
	used    time.Time
	size    int64
	blob    blob.Digest
	records []Digest
	partial string
}

// makeRoom removes the files whose last use is the longest ago until size more bytes fit, of which some are written. Without a flow, it removes as
// many as it can. c.room is held.
func (c *Cache) makeRoom(f *flow, size, written int64) error {
	most := c.max.Load()
	if size > most {
		return &blob.NoSpaceError{Path: c.dir.Root(), Need: size, Have: most}
	}
	l, err := c.content()
	if err != nil {
		return err
	}
	c.prune(l.records)
	old, total, unwritten := c.candidates(l, f)
	need := total + size - most
	if free, _, err := c.dir.Space(); err == nil && f != nil {
		need = max(need, unwritten+size-written-free)
	}
	if need <= 0 {
		return nil
	}
	have := int64(0)
	for _, k := range old {
		have += k.size
	}
	if have < need && f != nil {
		return &blob.NoSpaceError{Path: c.dir.Root(), Need: size, Have: size - need + have}
	}
	return c.removeOldest(old, need)
}

// candidates returns what may be removed, the bytes of all other files than the one of a flow, and the ones that other flows will write.
func (c *Cache) candidates(l *content, but *flow) (old []candidate, total, unwritten int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	filled := make(map[string]bool)
	for _, f := range c.flows {
		if filled[f.key] = true; f != but && !f.kept {
			total += max(f.reserved, f.written.Load())
			unwritten += max(0, f.reserved-f.written.Load())
		}
	}
	for _, p := range l.partials {
		if !filled[p.Key] {
			total += p.Size
			old = append(old, candidate{used: p.Time, size: p.Size, partial: p.Key})
		}
	}
	total += l.bytes
	blobs := make(map[blob.Digest]*candidate)
	for _, r := range l.records {
		k := blobs[r.SHA256]
		if k == nil {
			k = &candidate{size: r.Size, blob: r.SHA256}
			blobs[r.SHA256] = k
		}
		k.records = append(k.records, r.Digest)
		if r.info.ModTime().After(k.used) {
			k.used = r.info.ModTime()
		}
		if r.Pinned || c.inUse[r.SHA256] > 0 {
			k.size = 0
		}
	}
	for _, k := range blobs {
		if k.size > 0 {
			old = append(old, *k)
		}
	}
	return old, total, unwritten
}

// removeOldest removes candidates until need bytes are free. c.room is held.
func (c *Cache) removeOldest(old []candidate, need int64) error {
	unlock, err := c.lock()
	if err != nil {
		return err
	}
	defer unlock()
	slices.SortFunc(old, func(a, b candidate) int {
		return cmp.Or(a.used.Compare(b.used), cmp.Compare(a.blob, b.blob), cmp.Compare(a.partial, b.partial))
	})
	for _, k := range old {
		if need <= 0 {
			return nil
		}
		removed, err := c.removeCandidate(k)
		if err != nil {
			return err
		}
		if removed {
			need -= k.size
		}
	}
	if need > 0 {
		return &blob.NoSpaceError{Path: c.dir.Root(), Need: need, Have: 0}
	}
	return nil
}

// removeCandidate reports whether it has removed a candidate, which may be in use by now.
func (c *Cache) removeCandidate(k candidate) (bool, error) {
	if k.partial != "" {
		return c.removePartial(k.partial)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.inUse[k.blob] > 0 {
		return false, nil
	}
	return true, c.removeBlob(k.blob, k.records...)
}

// removePartial removes the beginning of a file unless somebody writes to it.
func (c *Cache) removePartial(key string) (bool, error) {
	p, err := c.dir.Partial(key)
	if errors.Is(err, blob.ErrBusy) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return true, p.Discard()
}

// removeBlob removes records, then their blob: a record without a blob would look like damage. c.mu and the lock are held.
func (c *Cache) removeBlob(dg blob.Digest, of ...Digest) error {
	for _, d := range of {
		delete(c.verified, d)
		if err := c.records.remove(d); err != nil {
			return err
		}
	}
	if err := c.dir.Remove(dg); err != nil && !errors.Is(err, blob.ErrNotFound) {
		return err
	}
	return nil
}
