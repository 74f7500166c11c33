package blob

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
)

// writeBackSize is the number of bytes after which the disk is told to write. Otherwise the kernel waits for half a minute, and
// the sync at the end does all the work.
const writeBackSize = 8 << 20

// cacheAhead is the number of bytes that a blob written with SkipCache keeps in memory. The disk writes them meanwhile.
const cacheAhead = 4 * writeBackSize

// StagedBlob is a blob while it is written. It is invisible until it is committed. Its methods are not safe for concurrent use,
// except ReadAt on content that is already written, and the readers of Follow.
type StagedBlob struct {
	d          *Dir
	f          *os.File
	size       int64
	written    int64
	writtenOff int64 // up to here, the disk was told to write
	released   int64 // up to here, the memory was released
	skipCache  bool
	closed     bool
	readers    *Followers
	// writeBackErr is the disk's error that a Follower found.
	writeBackErr error
}

// Stage reserves space for a blob of that size. The error is a *[NoSpaceError] if there is not enough.
func (d *Dir) Stage(size int64) (*StagedBlob, error) {
	if size < 0 {
		return nil, fmt.Errorf("stage blob: negative size %d", size)
	}
	dir, err := d.stagingDir()
	if err != nil {
		return nil, d.writeError("stage blob", size, err)
	}
	if err := CheckFileSize(dir, "a blob", size); err != nil {
		return nil, fmt.Errorf("stage blob: %w", err)
	}
	if free, err := Free(dir); err == nil && free < size {
		return nil, fmt.Errorf("stage blob: %w", &NoSpaceError{d.root, size, free})
	}
	d.mu.Lock()
	name := strconv.Itoa(d.staged)
	d.staged++
	d.mu.Unlock()
	f, err := createFile(filepath.Join(dir, name), d.modes.FileMode)
	if err != nil {
		return nil, d.writeError("stage blob", size, err)
	}
	s := &StagedBlob{d: d, f: f, size: size, readers: NewFollowers()}
	if err = setMode(f, d.modes.FileMode); err == nil && size > blockSize { // a single block needs no preallocation
		err = preallocate(f, size)
	}
	if err != nil {
		s.Discard()
		return nil, d.writeError("stage blob", size, err)
	}
	return s, nil
}

// writeError adds the operation to an error, and turns every form of a lack of space into a NoSpaceError.
func (d *Dir) writeError(doing string, size int64, err error) error {
	if isNoSpace(err) {
		free, freeErr := Free(d.root)
		if freeErr != nil {
			free = -1
		}
		err = &NoSpaceError{d.root, size, free}
	}
	if errors.Is(err, syscall.EFBIG) {
		err = &FileSizeError{Name: "a blob", Dir: d.root, Size: size}
	}
	return fmt.Errorf("%s: %w", doing, err)
}

// Write implements [io.Writer]. It refuses more bytes than the staged size with [ErrTrailingData].
func (s *StagedBlob) Write(p []byte) (int, error) {
	if s.closed {
		return 0, fmt.Errorf("write staged blob: %w", os.ErrClosed)
	}
	if int64(len(p)) > s.size-s.written {
		return 0, fmt.Errorf("write staged blob of %d bytes: %w", s.size, ErrTrailingData)
	}
	done := 0
	for done < len(p) {
		n, err := s.f.WriteAt(p[done:min(done+blockSize, len(p))], s.written)
		done += n
		s.written += int64(n)
		s.readers.Tell(s.written)
		if err != nil {
			return done, s.d.writeError("write staged blob", s.size, err)
		}
		if s.written-s.writtenOff >= writeBackSize || s.written == s.size {
			startWriteBack(s.f, s.writtenOff, s.written-s.writtenOff)
			s.writtenOff = s.written
			if err := s.release(s.written - cacheAhead); err != nil {
				return done, s.d.writeError("write staged blob", s.size, err)
			}
		}
	}
	return done, nil
}

// SkipCache keeps the memory free that would cache the blob. Large blobs that are not read back would take all of it. The caller calls
// SkipCache before the first Write.
func (s *StagedBlob) SkipCache() { s.skipCache = true }

// release releases the memory of the content up to an offset, if the blob skips the cache.
func (s *StagedBlob) release(end int64) error {
	if !s.skipCache || end <= s.released {
		return nil
	}
	begin := s.released
	s.released = end
	return finishWriteBack(s.f, begin, end-begin)
}

// ReadFrom implements [io.ReaderFrom], so that io.Copy writes in blocks of the right size.
func (s *StagedBlob) ReadFrom(r io.Reader) (int64, error) {
	buf := s.d.bufs.Get().(*[]byte)
	defer s.d.bufs.Put(buf)
	var total int64
	for {
		n, err := fill(r, *buf)
		w, werr := s.Write((*buf)[:n])
		total += int64(w)
		switch {
		case werr != nil:
			return total, werr
		case err == io.EOF:
			return total, nil
		case err != nil:
			return total, err
		}
	}
}

// fill fills p like io.ReadFull, but returns the reader's own error, so that a broken stream does not look like one that ended.
func fill(r io.Reader, p []byte) (n int, err error) {
	for n < len(p) && err == nil {
		var m int
		m, err = r.Read(p[n:])
		n += m
	}
	return n, err
}

// ReadAt implements [io.ReaderAt] for the content written so far. Callers use it to compute a further digest.
func (s *StagedBlob) ReadAt(p []byte, off int64) (int, error) { return s.f.ReadAt(p, off) }

// Size returns the final size of the blob.
func (s *StagedBlob) Size() int64 { return s.size }

// Commit makes the blob visible under its digest, durably. The caller has verified that the content matches the digest. A [Batch]
// commits several blobs faster.
func (s *StagedBlob) Commit(dg Digest) error {
	b := s.d.NewBatch()
	b.AddBlob(s, dg)
	return b.Sync(context.Background())
}

// Discard removes the staged blob. It does nothing after a commit.
func (s *StagedBlob) Discard() error {
	if s.closed {
		return nil
	}
	s.closed = true
	err := removeOpen(s.f)
	if err != nil {
		return fmt.Errorf("discard staged blob: %w", err)
	}
	return nil
}

// isENOSPC reports whether err is ENOSPC. isNoSpace uses it on all systems.
func isENOSPC(err error) bool { return errors.Is(err, syscall.ENOSPC) }
