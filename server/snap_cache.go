package server

import (
	"log/slog"
	"sync"

	"offlinestore/catalog"
)

// cacheSize bounds the bytes of the snaps in memory that clients ask for.
const cacheSize = 192 << 20

// snapCache keeps the snaps in memory that clients ask for. Of too many, it removes ones that nobody has asked for again.
type snapCache struct {
	log       *slog.Logger
	max       int64
	outliners sync.Pool // of *catalog.Outliner

	mu sync.Mutex
	// ring has the snaps in the order in which the hand looks at them, and nil at the places that are free.
	ring []*indexedSnap
	free []int
	hand int
	size int64
}

func newSnapCache(log *slog.Logger) *snapCache {
	return &snapCache{log: log, max: cacheSize, outliners: sync.Pool{New: func() any { return new(catalog.Outliner) }}}
}

// open returns the snap of an entry. It returns nil if the snap can't be read, which is the operator's trouble: the client is told that the snap
// is not here.
func (c *snapCache) open(e *snapEntry) *indexedSnap {
	if sn := e.inMemory(); sn != nil {
		return sn
	}
	sn, err := c.load(e)
	if c.report(e, err); err != nil {
		return nil
	}
	if e.live.CompareAndSwap(nil, sn) {
		c.add(sn)
	}
	return sn
}

// peek returns the snap of an entry as open does, and does not keep it.
func (c *snapCache) peek(e *snapEntry) *indexedSnap {
	if sn := e.inMemory(); sn != nil {
		return sn
	}
	sn, err := c.load(e)
	c.report(e, err)
	return sn
}

// inMemory returns the snap of an entry, or nil if it is on disk alone.
func (e *snapEntry) inMemory() *indexedSnap {
	if e.fixed != nil {
		return e.fixed
	}
	sn := e.live.Load()
	if sn != nil && !e.used.Load() {
		e.used.Store(true)
	}
	return sn
}

// report logs an error about the texts of a snap, if there is one.
func (c *snapCache) report(e *snapEntry, err error) {
	if err != nil {
		c.log.Error("a snap of the catalogue can't be read", "snap", e.name, "err", err)
	}
}

// add adds a snap, and makes room for it. The hand comes to its place after it has been at all others.
func (c *snapCache) add(sn *indexedSnap) {
	c.mu.Lock()
	defer c.mu.Unlock()
	sn.isCached = true
	c.size += sn.size
	c.shrink()
	if n := len(c.free); n > 0 {
		c.ring[c.free[n-1]] = sn
		c.free = c.free[:n-1]
		return
	}
	c.ring = append(c.ring, sn)
}

// grow notes that a snap takes more bytes.
func (c *snapCache) grow(sn *indexedSnap, bytes int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if sn.size += bytes; sn.isCached {
		c.size += bytes
		c.shrink()
	}
}

// shrink removes snaps until the others fit. The caller has the lock.
func (c *snapCache) shrink() {
	for c.size > c.max && len(c.free) < len(c.ring) {
		if c.hand >= len(c.ring) {
			c.hand = 0
		}
		old := c.ring[c.hand]
		if old != nil && !old.entry.used.Swap(false) {
			old.entry.live.Store(nil)
			old.isCached = false
			c.size -= old.size
			c.ring[c.hand] = nil
			c.free = append(c.free, c.hand)
		}
		c.hand++
	}
}

// The bytes of a snap in memory without its texts, and of parts of it.
const (
	snapBytes     = 1200
	revisionBytes = 180
	releaseBytes  = 350
)

// sizeOf returns about the number of bytes that a snap takes, without the texts about its revisions.
func sizeOf(sn *indexedSnap, releases int) int64 {
	return sn.object.size() + snapBytes + int64(len(sn.revisions))*revisionBytes + int64(releases)*releaseBytes
}
