package cache

import (
	"context"
	"errors"
	"io"
	"strconv"
	"syscall"

	"offlinestore/blob"
)

// partials is the number of processes that can fill one file at once.
const partials = 4

// growth is the number of bytes that are reserved at once for a file whose size is not known.
const growth = 16 << 20

// keepError reports a file that cannot be kept. Its readers get it from upstream.
type keepError struct{ err error }

func (e *keepError) Error() string { return "cannot be kept: " + e.err.Error() }

func (e *keepError) Unwrap() error { return e.err }

var (
	errClosed    = errors.New("the cache is closed")
	errDisplaced = errors.New("another download needs the place of one that nobody waits for")
	errNoPlace   = errors.New("too many downloads at once")
)

// fill downloads a file, verifies it and keeps it.
func (f *flow) fill(from Source) error {
	p, err := f.openPartial()
	if err != nil {
		return &keepError{err}
	}
	sum, err := f.receive(p, from)
	var digest *DigestError
	if f.isLocal(err) && !f.hasStarted() && p.Truncate(0) == nil { // no reader got a byte, and upstream may have the right ones
		f.arrived = blob.NewFollowers()
		sum, err = f.receive(p, from)
	}
	var keep *keepError
	switch {
	case err == nil:
		f.publish(p, sum)
	case errors.As(err, &digest), errors.As(err, &keep), errors.Is(err, errChanged), p.Size() == 0, !f.resumed && !f.confirmed:
		_ = p.Discard() // the first error tells more
		f.c.note(err)
	default:
		_ = p.Close() // another fill continues it
	}
	return err
}

// openPartial opens the partial download, or another one if another process is filling it.
func (f *flow) openPartial() (p *blob.Partial, err error) {
	key := f.file.Digest.key()
	for i := range partials {
		name := key
		if i > 0 {
			name += "." + strconv.Itoa(i)
		}
		if p, err = f.c.dir.Partial(name); !errors.Is(err, blob.ErrBusy) {
			f.c.mu.Lock()
			f.key = name
			f.c.mu.Unlock()
			break
		}
	}
	if err != nil {
		return nil, err
	}
	if f.file.Size >= 0 && p.Size() > f.file.Size {
		err = p.Truncate(0)
	}
	if err == nil && f.content == nil {
		f.content, err = p.Reopen()
	}
	if err != nil {
		p.Close()
		return nil, err
	}
	return p, nil
}

// isLocal reports whether the bytes of an earlier fill may be the reason of an error.
func (f *flow) isLocal(err error) bool {
	var digest *DigestError
	return f.resumed && (errors.As(err, &digest) || errors.Is(err, errChanged))
}

// receive downloads the rest of a file while it is hashed, and returns the digest of the blob once it is verified.
func (f *flow) receive(p *blob.Partial, from Source) (blob.Digest, error) {
	f.resumed = p.Size() > 0
	f.arrive(p.Size())
	ctx, cancel := context.WithCancel(f.ctx)
	defer cancel()
	h := hash(ctx, f.content, f.arrived, algorithmsOf(f.file.Digest)...)
	err := f.download(p, from)
	if err != nil {
		cancel()
		_ = h.wait() // ends with ctx
		return "", err
	}
	f.arrived.End()
	if err := h.wait(); err != nil {
		if f.ctx.Err() != nil {
			return "", context.Cause(f.ctx)
		}
		return "", &keepError{err}
	}
	if err := h.verify(f.file); err != nil {
		return "", err
	}
	return h.sums[0].Digest(), nil
}

// download writes the rest of a file.
func (f *flow) download(p *blob.Partial, from Source) error {
	in := &feed{o: &f.c.o, ctx: f.ctx, from: from, size: f.file.Size, offset: p.Size(), before: p, best: p.Size()}
	defer in.close()
	if most := f.c.max.Load(); in.size > most {
		return &keepError{&blob.NoSpaceError{Path: f.c.dir.Root(), Need: in.size, Have: most}}
	}
	err := in.connect()
	f.confirmed = in.confirmed
	if err != nil {
		return err
	}
	// Other files make room only for one that upstream has.
	if err := f.reserve(in.size, p.Size()); err != nil {
		return err
	}
	if in.size >= 0 && in.body != nil {
		f.start(in.size) // a complete file from an earlier fill is verified first
	}
	buf := make([]byte, copyBlock)
	for {
		n, err := in.Read(buf)
		if n > 0 {
			if err := f.write(p, buf[:n], in.size); err != nil {
				return err
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// reserve makes room for the file if its size is known.
func (f *flow) reserve(size, written int64) error {
	if size < 0 {
		return nil
	}
	if err := f.c.reserve(f, size, written); err != nil {
		return &keepError{err}
	}
	return nil
}

// write appends to a file, whose size may be unknown.
func (f *flow) write(p *blob.Partial, b []byte, size int64) error {
	if need := p.Size() + int64(len(b)); size < 0 && need > f.reserved {
		if err := f.reserve(max(need, min(need+growth, f.c.max.Load())), p.Size()); err != nil {
			return err
		}
	}
	n, err := p.Write(b)
	if errors.Is(err, syscall.ENOSPC) && f.c.reserve(f, max(size, p.Size()), p.Size()) == nil {
		_, err = p.Write(b[n:])
	}
	if err != nil {
		return &keepError{err}
	}
	f.arrive(p.Size())
	return nil
}

// publish gives readers the end of a file, and keeps it.
func (f *flow) publish(p *blob.Partial, sum blob.Digest) {
	size := p.Size()
	f.c.mu.Lock()
	f.c.use(sum)
	f.held = sum
	f.c.mu.Unlock()
	f.verified(size)
	f.c.keep(f, p, record{Digest: f.file.Digest, SHA256: sum, Size: size, Name: f.file.Name, Private: f.file.Private})
}
