package blob

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
)

// writeBackSize is how much is written before the disk is told to start. Without that the kernel waits for half a minute,
// and the sync at the end does all the work.
const writeBackSize = 8 << 20

// StagedBlob is a blob while it is written: invisible until it is committed. Its methods may not be used at the same time, but
// for ReadAt on what is written.
type StagedBlob struct {
	d          *Dir
	f          *os.File
	size       int64
	written    int64
	writtenOff int64 // up to where the disk was told to write
	closed     bool
}

// Stage makes room for a blob of that size. The error is a *[NoSpaceError] when there is none.
func (d *Dir) Stage(size int64) (*StagedBlob, error) {
	if size < 0 {
		return nil, fmt.Errorf("stage blob: negative size %d", size)
	}
	dir, err := d.stagingDir()
	if err != nil {
		return nil, d.writeError("stage blob", size, err)
	}
	if free, err := Free(dir); err == nil && free < size {
		return nil, fmt.Errorf("stage blob: %w", &NoSpaceError{d.root, size, free})
	}
	d.mu.Lock()
	name := strconv.Itoa(d.staged)
	d.staged++
	d.mu.Unlock()
	f, err := os.OpenFile(filepath.Join(dir, name), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, d.writeError("stage blob", size, err)
	}
	s := &StagedBlob{d: d, f: f, size: size}
	if err = setMode(f, d.modes.FileMode); err == nil && size > blockSize { // a block has nothing to be kept together with
		err = preallocate(f, size)
	}
	if err != nil {
		s.Discard()
		return nil, d.writeError("stage blob", size, err)
	}
	return s, nil
}

// writeError says what was done, and makes a lack of space a NoSpaceError whichever way it shows.
func (d *Dir) writeError(doing string, size int64, err error) error {
	if isNoSpace(err) {
		free, freeErr := Free(d.root)
		if freeErr != nil {
			free = -1
		}
		err = &NoSpaceError{d.root, size, free}
	}
	return fmt.Errorf("%s: %w", doing, err)
}

// Write implements [io.Writer]. More than the size that was staged is refused with [ErrTrailingData].
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
		if err != nil {
			return done, s.d.writeError("write staged blob", s.size, err)
		}
		if s.written-s.writtenOff >= writeBackSize || s.written == s.size {
			startWriteBack(s.f, s.writtenOff, s.written-s.writtenOff)
			s.writtenOff = s.written
		}
	}
	return done, nil
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

// fill is io.ReadFull, but that it returns the reader's own error: a stream that was cut off is not one that ended.
func fill(r io.Reader, p []byte) (n int, err error) {
	for n < len(p) && err == nil {
		var m int
		m, err = r.Read(p[n:])
		n += m
	}
	return n, err
}

// ReadAt implements [io.ReaderAt] for what is written: to hash it in another way than was done in flight.
func (s *StagedBlob) ReadAt(p []byte, off int64) (int, error) { return s.f.ReadAt(p, off) }

// Size is the size that the blob will have.
func (s *StagedBlob) Size() int64 { return s.size }

// Commit makes the blob visible under its digest, durably. The caller has verified that the content is that of the digest.
// To commit several blobs, a [Batch] is faster.
func (s *StagedBlob) Commit(dg Digest) error {
	b := s.d.NewBatch()
	b.AddBlob(s, dg)
	return b.Sync()
}

// Discard removes what is staged. It does nothing after a commit.
func (s *StagedBlob) Discard() error {
	if s.closed {
		return nil
	}
	s.closed = true
	err := errors.Join(s.f.Close(), os.Remove(s.f.Name()))
	if err != nil {
		return fmt.Errorf("discard staged blob: %w", err)
	}
	return nil
}

// isENOSPC is the part of isNoSpace that all systems share.
func isENOSPC(err error) bool { return errors.Is(err, syscall.ENOSPC) }
