// Package cache keeps verified copies of files from the stores upstream, in a folder of bounded size.
//
// The folder is a [blob.Dir]: the files lie there under their SHA-256, and one file may have several names. A record beside them leads from
// the digest that a store announces to the blob. A file is downloaded once, no matter how many clients ask for it, and they read it while it
// arrives. They get its last bytes only after its digest was verified. If the folder cannot keep a file, its clients read it from upstream, verified
// in the same way.
//
// Several processes may use the folder.
package cache

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"offlinestore/blob"
)

const (
	// touchInterval is the time after which a use of a file is recorded again.
	touchInterval = time.Minute
	// maxJoins is the number of downloads of other clients that a client waits for.
	maxJoins = 3
)

// File is a file of a store upstream, as an answer of the store or an assertion describes it.
type File struct {
	Digest Digest
	// Size is in bytes, or -1 if it is not known.
	Size int64
	// Name is for people: jq_6.snap.
	Name string
	// Private reports that not everybody may have the file.
	Private bool
}

func (f File) name() string {
	if f.Name == "" {
		return string(f.Digest)
	}
	return f.Name
}

// Options are the options of a Cache. Their zero value keeps nothing.
type Options struct {
	// Max is the number of bytes that the cache may take.
	Max int64
	// Idle makes Open change nothing: for commands that look at the folder of a running store.
	Idle bool
	// Retry reports whether another try may help after an error of a Source or of its body. If it is nil, each error is retried but the one of
	// the first try. A body that stalls or ends early is always resumed.
	Retry func(error) bool
	// Stall is the time after which a silent upstream is given up; 0 is a minute.
	Stall time.Duration
	// Backoff is the pause before the second try. It doubles from one to the next; 0 is half a second.
	Backoff time.Duration
	// Fills bounds the files that are downloaded for the folder at once; 0 is 16.
	Fills int
	// Streams bounds the clients that read from upstream past the folder; 0 is 64. Others wait.
	Streams int
	// DirMode and FileMode are the modes of the records and their folder; 0 is 0755 and 0644.
	DirMode, FileMode fs.FileMode
}

func (o *Options) setDefaults() {
	if o.Stall == 0 {
		o.Stall = time.Minute
	}
	if o.Backoff == 0 {
		o.Backoff = time.Second / 2
	}
	if o.Fills == 0 {
		o.Fills = 16
	}
	if o.Streams == 0 {
		o.Streams = 64
	}
	if o.DirMode == 0 {
		o.DirMode = 0o755
	}
	if o.FileMode == 0 {
		o.FileMode = 0o644
	}
}

// Cache keeps files in a folder. It is safe for concurrent use.
type Cache struct {
	dir     *blob.Dir // nil keeps nothing
	o       Options
	max     atomic.Int64
	records *records
	ctx     context.Context
	cancel  context.CancelCauseFunc
	wg      sync.WaitGroup
	streams chan struct{}
	hashers chan struct{}
	// room is held while the content of the folder is measured or changed.
	room sync.Mutex

	mu       sync.Mutex
	flows    map[Digest]*flow
	inUse    map[blob.Digest]int    // by readers
	verified map[Digest]os.FileInfo // blobs that had their digest, as they lay there
	problem  error                  // the last reason why a file was not kept
}

// Open returns a Cache in a directory, which it takes over. A nil directory keeps nothing. Open removes the remains of processes that were
// killed. The Cache works even after an error, as far as the folder allows.
func Open(dir *blob.Dir, o Options) (*Cache, error) {
	o.setDefaults()
	ctx, cancel := context.WithCancelCause(context.Background())
	c := &Cache{
		dir: dir, o: o, ctx: ctx, cancel: cancel,
		streams: make(chan struct{}, o.Streams), hashers: make(chan struct{}, 4),
		flows: make(map[Digest]*flow), inUse: make(map[blob.Digest]int), verified: make(map[Digest]os.FileInfo),
	}
	c.max.Store(o.Max)
	if dir == nil {
		return c, nil
	}
	c.records = &records{folder: filepath.Join(dir.Root(), "records"), dirMode: o.DirMode, fileMode: o.FileMode, known: make(map[Digest]storedRecord)}
	if o.Idle {
		return c, nil
	}
	return c, c.clean()
}

// SetMax changes the number of bytes that the cache may take. It does not change downloads in progress.
func (c *Cache) SetMax(max int64) error {
	c.max.Store(max)
	return c.shrink()
}

// Close ends the downloads, and keeps their beginnings for the next Open.
func (c *Cache) Close() error {
	c.cancel(errClosed)
	c.wg.Wait()
	if c.dir == nil {
		return nil
	}
	return c.dir.Close()
}

// Get opens a file. A file that is not here is downloaded from its Source, once for all clients that ask for it meanwhile. Get returns once the
// size of the file is known. The reader waits for the bytes, and ends with ctx. It fails before the end of the file unless all bytes match the
// digest. A nil Source asks nobody: the error wraps [ErrNotFound] if the file is not here.
func (c *Cache) Get(ctx context.Context, f File, from Source) (blob.Reader, error) {
	if err := f.Digest.Validate(); err != nil {
		return nil, err
	}
	for joins := 0; ; joins++ {
		if err := context.Cause(ctx); err != nil {
			return nil, err
		}
		file, flow, mine := c.open(f, from)
		if file != nil {
			return file, nil
		}
		if flow == nil {
			break
		}
		r, err := flow.open(ctx, f, from)
		var keep *keepError
		if errors.As(err, &keep) {
			break
		}
		if err == nil || mine || joins == maxJoins || ctx.Err() != nil {
			return r, wrap(f, err)
		}
	}
	s, err := c.stream(ctx, f, from)
	if err != nil {
		return nil, wrap(f, err)
	}
	return blob.NewReader(s, s.in.size), nil
}

// Warm downloads a file unless it is here, and returns once it is kept. It returns the reason if the file cannot be kept.
func (c *Cache) Warm(ctx context.Context, f File, from Source) error {
	if err := f.Digest.Validate(); err != nil {
		return err
	}
	for joins := 0; ; joins++ {
		file, flow, mine := c.open(f, from)
		switch {
		case file != nil:
			return file.Close()
		case flow == nil:
			return wrap(f, &keepError{errNoPlace})
		}
		err := flow.wait(ctx)
		if err == nil && !c.Has(f) {
			u, _ := c.Usage()
			err = &keepError{u.Problem}
		}
		if err == nil || mine || joins == maxJoins || ctx.Err() != nil {
			return wrap(f, err)
		}
	}
}

func wrap(f File, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", f.name(), err)
}

// Has reports whether the cache holds a file.
func (c *Cache) Has(f File) bool {
	if c.dir == nil || f.Digest.Validate() != nil {
		return false
	}
	r, ok := c.records.load(f.Digest)
	if !ok || f.Size >= 0 && f.Size != r.Size {
		return false
	}
	size, err := c.dir.Stat(r.SHA256)
	return err == nil && size == r.Size
}

// open returns a verified file, or else a flow with one more reader. mine reports that the flow was begun. Both are nil if the cache can do
// nothing for the file.
func (c *Cache) open(f File, from Source) (file *openFile, fl *flow, mine bool) {
	if c.dir == nil {
		return nil, nil, false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if fl = c.flows[f.Digest]; fl != nil {
		fl.readers++
		return nil, fl, false
	}
	if c.ctx.Err() != nil {
		return nil, nil, false
	}
	file, r := c.hit(f)
	switch {
	case file == nil:
		if from == nil || !c.hasPlace() {
			return nil, nil, false
		}
		fl = c.newFlow(f)
		fl.fills, fl.readers = true, 1
		c.begin(fl, func() error { return fl.fill(from) })
		return nil, fl, true
	case !c.isVerified(r, file):
		fl = c.newFlow(f)
		fl.readers = 1
		fl.held, fl.content = r.SHA256, file.File
		c.begin(fl, func() error { return fl.verifyFile(r) })
		return nil, fl, false // if it is damaged, a fill follows
	}
	return file, nil, false
}

// hasPlace reports whether one more fill may begin. It ends a fill that nobody reads if there are too many. c.mu is held.
func (c *Cache) hasPlace() bool {
	n := 0
	var unread *flow
	for _, f := range c.flows {
		if !f.fills || f.ctx.Err() != nil {
			continue
		}
		if n++; f.readers == 0 {
			unread = f
		}
	}
	if n < c.o.Fills {
		return true
	}
	if unread != nil {
		unread.cancel(errDisplaced)
	}
	return unread != nil
}
