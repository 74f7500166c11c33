package s3

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/minio/minio-go/v7"

	"offlinestore/blob"
)

// Open implements [blob.Backend]. The content is streamed: a reader holds one answer of the object store, and no content.
func (b *Bucket) Open(ctx context.Context, dg blob.Digest) (blob.Reader, int64, error) {
	name, err := key(blob.Served, dg)
	if err != nil {
		return nil, 0, err
	}
	info, err := b.Stat(ctx, dg)
	if err != nil {
		return nil, 0, err
	}
	return blob.NewReader(&object{b: b, ctx: ctx, key: name, digest: dg, size: info.Size}, info.Size), info.Size, nil
}

// A reader asks for firstPart bytes, and for twice as many each time that it goes on where it was, up to lastPart. A client that asks for a few
// bytes of a large blob costs the object store little more.
const (
	firstPart = 1 << 20
	lastPart  = 64 << 20
)

// object reads a blob in parts. If an answer ends early, it asks for the rest.
type object struct {
	b      *Bucket
	ctx    context.Context
	key    string
	digest blob.Digest
	size   int64

	mu     sync.Mutex
	body   io.ReadCloser // nil before the first answer, and after one that ended
	pos    int64         // of body
	end    int64         // of the part that was asked for last
	part   int64         // the size of that part
	closed bool
}

// errClosed reports a reader that was closed.
var errClosed = errors.New("the reader is closed")

// ReadAt implements [io.ReaderAt]. Calls that follow each other without a gap share an answer of the object store.
func (o *object) ReadAt(p []byte, off int64) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	done := 0
	for done < len(p) {
		if off+int64(done) >= o.size {
			return done, io.EOF
		}
		n, err := o.read(p[done:], off+int64(done))
		done += n
		if err != nil {
			return done, err
		}
	}
	return done, nil
}

// Close implements [io.Closer].
func (o *object) Close() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.closed = true
	o.drop()
	return nil
}

// drop ends the answer that is being read. o.mu is held.
func (o *object) drop() {
	if o.body != nil {
		o.body.Close() // nothing is left to do with it
		o.body = nil
	}
}

// read reads some bytes from off on, which is inside of the blob. o.mu is held.
func (o *object) read(p []byte, off int64) (int, error) {
	if o.closed {
		return 0, errClosed
	}
	if len(p) == 0 {
		return 0, nil
	}
	var err error
	for attempt := range attempts {
		if err = pause(o.ctx, attempt); err != nil {
			return 0, err
		}
		if err := o.ask(off); err != nil {
			return 0, err // it was asked several times
		}
		var n int
		n, err = o.body.Read(p[:min(int64(len(p)), o.end-off)])
		o.pos += int64(n)
		if err != nil || o.pos == o.end {
			o.drop()
		}
		if n > 0 {
			return n, nil
		}
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
	}
	return 0, o.b.objectError(o.digest, err)
}

// ask asks for the next part of the blob, from off on, unless the present answer is there. o.mu is held.
func (o *object) ask(off int64) error {
	if o.body != nil && o.pos == off {
		return nil
	}
	o.drop()
	if o.part = min(2*o.part, lastPart); off != o.end || o.part == 0 {
		o.part = firstPart
	}
	end := min(off+o.part, o.size)
	var options minio.GetObjectOptions
	if err := options.SetRange(off, end-1); err != nil {
		return err
	}
	body, info, header, err := o.b.core.GetObject(o.ctx, o.b.name, o.key, options)
	if err != nil {
		return o.b.objectError(o.digest, err)
	}
	// An answer with another part of the object would be taken for this one.
	want := fmt.Sprintf("bytes %d-%d/%d", off, end-1, o.size)
	if got := header.Get("Content-Range"); info.Size != end-off || got != want {
		body.Close()
		return o.b.objectError(o.digest, fmt.Errorf("it answers %d bytes (%q), want %q", info.Size, got, want))
	}
	o.body, o.pos, o.end = body, off, end
	return nil
}

// pause waits before another attempt: not at all before the first, and longer each time.
func pause(ctx context.Context, attempt int) error {
	if attempt == 0 {
		return context.Cause(ctx)
	}
	select {
	case <-time.After(50 * time.Millisecond << attempt):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
