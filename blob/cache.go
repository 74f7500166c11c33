package blob

import (
	"cmp"
	"context"
	"errors"
	"os"
	"slices"
	"sync"
	"time"
)

const (
	// fillsAtOnce bounds the blobs that a Cache copies at once. Readers of others get them from the backend.
	fillsAtOnce = 4
	// cacheWait is the distance in bytes from which a reader waits for the copy. A reader of a place further on asks the backend.
	cacheWait = 4 << 20
	// touchInterval is the time after which a use of a blob is recorded again.
	touchInterval = time.Minute
)

// Cache keeps copies of blobs from a slow [Backend] in a folder of bounded size. A copy is verified before it has its name, and the last bytes of a
// blob are withheld from readers until then. It is safe for concurrent use, and several processes may share the folder.
type Cache struct {
	dir *Dir
	max int64
	ctx context.Context
	end context.CancelFunc

	mu    sync.Mutex
	fills map[Digest]*cacheFill
	wg    sync.WaitGroup
}

// NewCache returns a Cache of max bytes in a directory. It removes copies that a larger Cache has left.
func NewCache(dir *Dir, max int64) (*Cache, error) {
	ctx, end := context.WithCancel(context.Background())
	c := &Cache{dir: dir, max: max, ctx: ctx, end: end, fills: make(map[Digest]*cacheFill)}
	return c, errors.Join(dir.CleanStaging(), c.makeRoom(0))
}

// Close ends the copies in progress.
func (c *Cache) Close() error {
	c.end()
	c.wg.Wait()
	return c.dir.Close()
}

// Open opens a blob of that size, and copies it from the backend when it is read first. It returns the size that the blob has.
func (c *Cache) Open(ctx context.Context, from Backend, dg Digest, size int64) (Reader, int64, error) {
	if f, err := c.dir.OpenBlob(dg); err == nil {
		info, err := f.Stat()
		if err == nil && info.Size() == size {
			c.touch(f.Name(), info.ModTime())
			return f, size, nil
		}
		f.Close()
		c.Forget(dg)
	}
	info, err := from.Stat(ctx, dg)
	if err != nil {
		return nil, 0, err
	}
	if info.Size > c.max {
		return from.Open(ctx, dg)
	}
	return NewReader(&cachedReader{c: c, ctx: ctx, from: from, digest: dg, size: info.Size}, info.Size), info.Size, nil
}

// Forget removes the copy of a blob.
func (c *Cache) Forget(dg Digest) {
	_ = c.dir.Remove(dg) // others may have removed it
}

// touch records the use of a copy: the oldest ones make room for others.
func (c *Cache) touch(path string, before time.Time) {
	if now := time.Now(); now.Sub(before) > touchInterval {
		_ = os.Chtimes(path, now, now) // only the order of removal suffers
	}
}

// makeRoom removes the copies whose last use is the longest ago until size more bytes fit. c.mu is held, or nobody has the Cache yet.
func (c *Cache) makeRoom(size int64) error {
	var all []Info
	total := size
	for _, f := range c.fills {
		total += f.size
	}
	err := c.dir.List(func(i Info) error {
		all, total = append(all, i), total+i.Size
		return nil
	})
	slices.SortFunc(all, func(a, b Info) int { return cmp.Compare(a.Time.UnixNano(), b.Time.UnixNano()) })
	for _, i := range all {
		if err != nil || total <= c.max {
			break
		}
		if err = c.dir.Remove(i.Digest); errors.Is(err, ErrNotFound) {
			err = nil
		}
		total -= i.Size
	}
	if err == nil && total > c.max {
		err = &NoSpaceError{c.dir.root, size, c.max}
	}
	return err
}

// cacheFill is a copy in progress.
type cacheFill struct {
	size    int64
	staged  *StagedBlob
	readers *Followers
	// damage is the reason why the content is not the blob. It is set before readers end.
	damage error
}

// join returns the copy of a blob in progress, with its file. It begins one if there is room, and returns nil if there is none.
func (c *Cache) join(from Backend, dg Digest, size int64) (*cacheFill, *os.File) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f := c.fills[dg]
	if f == nil {
		if f = c.begin(from, dg, size); f == nil {
			return nil, nil
		}
	}
	file, err := os.Open(f.staged.f.Name())
	if err != nil {
		return nil, nil
	}
	return f, file
}

// begin begins a copy. c.mu is held.
func (c *Cache) begin(from Backend, dg Digest, size int64) *cacheFill {
	if len(c.fills) >= fillsAtOnce || c.ctx.Err() != nil || c.makeRoom(size) != nil {
		return nil
	}
	staged, err := c.dir.Stage(size)
	if err != nil {
		return nil // the disk is full, which must not stop a download
	}
	f := &cacheFill{size: size, staged: staged, readers: NewFollowers()}
	c.fills[dg] = f
	c.wg.Go(func() {
		c.copy(from, dg, f)
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.fills, dg)
	})
	return f
}

// copy copies a blob, and gives it its name once it was verified.
func (c *Cache) copy(from Backend, dg Digest, f *cacheFill) {
	defer f.readers.End()
	defer f.staged.Discard() // does nothing after a commit
	r, _, err := from.Open(c.ctx, dg)
	if err != nil {
		return // the readers ask the backend, and get its error
	}
	defer r.Close()
	if err := Copy(&fillWriter{f}, r, dg, f.size); err != nil {
		var corrupt *CorruptError
		if errors.As(err, &corrupt) {
			f.damage = err
		}
		return
	}
	f.readers.Tell(f.size)
	_ = f.staged.Commit(dg) // the next reader copies it again
}

// fillWriter writes a copy, and tells readers about all but its last bytes.
type fillWriter struct{ f *cacheFill }

// Write implements [io.Writer].
func (w *fillWriter) Write(p []byte) (int, error) {
	n, err := w.f.staged.Write(p)
	w.f.readers.Tell(max(0, min(w.f.staged.written, w.f.size-blockSize)))
	return n, err
}
