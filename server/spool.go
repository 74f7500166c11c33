package server

import (
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"sync"
)

// spool holds texts of the catalogue that are too large for memory, in a file without a name, which the system removes with the process.
// Without a file, and once the file takes no more, it holds them in memory. A text that is not needed any more stays in it, so that readers need no lock on its place.
type spool struct {
	file *os.File

	mu sync.Mutex
	// tail has the texts that are not in the file yet. They belong at written.
	tail    []byte
	written int64
	// full is set once the file takes no more.
	full bool
	warn func(error)
	// dead is the number of bytes of texts that are not needed any more.
	dead int64
}

const (
	// spoolTail is the size of the texts that are written at once.
	spoolTail = 1 << 20
	// spoolWaste is the size of the texts that a spool may hold in vain beside as many as are needed.
	spoolWaste = 64 << 20
)

// spooled is a text in a spool.
type spooled struct {
	in     *spool
	offset int64
	size   uint32
	sum    uint32
}

var spoolTable = crc32.MakeTable(crc32.Castagnoli)

// newSpool returns an empty spool with a file in a folder. Without a folder, or if there can be no file in it, the spool is in memory. warn gets the
// reason.
func newSpool(dir string, warn func(error)) *spool {
	if dir == "" {
		return &spool{}
	}
	f, err := os.CreateTemp(dir, ".catalogue-*")
	if err == nil {
		err = os.Remove(f.Name()) // the open file stays until the process ends
	}
	if err != nil {
		warn(fmt.Errorf("make the file for texts of the catalogue: %w", err))
		return &spool{}
	}
	return &spool{file: f, warn: warn}
}

// add adds a text.
func (s *spool) add(text []byte) spooled {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := spooled{s, s.written + int64(len(s.tail)), uint32(len(text)), crc32.Checksum(text, spoolTable)}
	s.tail = append(s.tail, text...)
	if s.file != nil && !s.full && len(s.tail) >= spoolTail {
		s.flush()
	}
	return out
}

// flush writes the tail, which stays in memory if the disk is full. The caller has the lock.
func (s *spool) flush() {
	if _, err := s.file.WriteAt(s.tail, s.written); err != nil {
		s.full = true
		s.warn(fmt.Errorf("write texts of the catalogue: %w", err))
		return
	}
	s.written += int64(len(s.tail))
	s.tail = s.tail[:0]
}

// forget tells that a text is not needed any more.
func (s *spool) forget(t spooled) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dead += int64(t.size)
}

// isWasteful reports whether most of the spool is not needed any more.
func (s *spool) isWasteful() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.dead > (s.written+int64(len(s.tail)))/2+spoolWaste
}

var errSpool = errors.New("a text of the catalogue is damaged on this disk: restart serve")

// read returns the text, in dst if it has room.
func (t spooled) read(dst []byte) ([]byte, error) {
	if cap(dst) < int(t.size) {
		dst = make([]byte, t.size)
	}
	dst = dst[:t.size]
	s := t.in
	s.mu.Lock()
	inTail := t.offset >= s.written
	if inTail {
		copy(dst, s.tail[t.offset-s.written:])
	}
	s.mu.Unlock()
	if !inTail {
		if _, err := s.file.ReadAt(dst, t.offset); err != nil {
			return nil, fmt.Errorf("read a text of the catalogue: %w", err)
		}
	}
	if crc32.Checksum(dst, spoolTable) != t.sum {
		return nil, errSpool
	}
	return dst, nil
}
