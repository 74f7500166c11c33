package server

import (
	"log/slog"
	"sync"

	"offlinestore/catalog"
)

// cacheSize bounds the bytes of the snaps in memory that clients ask for.
const cacheSize = 192 << 20

// snapCache keeps the snaps in memory that clients ask for. Of too many, it removes ones that nobody has asked for lately.
type snapCache struct {
	log *slog.Logger
	max int64

	mu   sync.Mutex
	ring []cachedSnap
	hand int
	size int64
}

// cachedSnap is a snap of the cache, with about the bytes that it takes.
type cachedSnap struct {
	*snapEntry
	size int64
}

func newSnapCache(log *slog.Logger) *snapCache { return &snapCache{log: log, max: cacheSize} }

// open returns the snap of an entry. It returns nil if the snap can't be read, which is the operator's trouble: the client is told that the snap
// is not here.
func (c *snapCache) open(e *snapEntry) *indexedSnap {
	if e.fixed != nil {
		return e.fixed
	}
	if sn := e.live.Load(); sn != nil {
		if !e.used.Load() {
			e.used.Store(true)
		}
		return sn
	}
	sn, err := e.load()
	if err != nil {
		c.log.Error("a snap of the catalogue can't be read", "snap", e.name, "err", err)
		return nil
	}
	if e.live.CompareAndSwap(nil, sn) {
		e.used.Store(true)
		c.add(e)
	}
	return sn
}

// add adds an entry, and makes room for it.
func (c *snapCache) add(e *snapEntry) {
	const perByte = 2 // of the packed snap: its texts are decoded and prepared
	c.mu.Lock()
	defer c.mu.Unlock()
	one := cachedSnap{e, int64(e.packed.size)*perByte + 4096}
	c.size += one.size
	for c.size > c.max && len(c.ring) > 0 {
		if c.hand >= len(c.ring) {
			c.hand = 0
		}
		old := c.ring[c.hand]
		if old.used.Swap(false) {
			c.hand++
			continue
		}
		old.live.Store(nil)
		c.size -= old.size
		last := len(c.ring) - 1
		c.ring[c.hand], c.ring[last] = c.ring[last], cachedSnap{}
		c.ring = c.ring[:last]
	}
	c.ring = append(c.ring, one)
}

// raw reads the packed snap of an entry.
func (e *snapEntry) raw() (*catalog.RawSnap, error) {
	text, err := e.packed.read(nil)
	if err != nil {
		return nil, err
	}
	return catalog.UnpackSnap(text)
}

func (e *snapEntry) load() (*indexedSnap, error) {
	raw, err := e.raw()
	if err != nil {
		return nil, err
	}
	st, err := raw.Decode()
	if err != nil {
		return nil, err
	}
	return newIndexedSnap(st)
}
