// Package squashfs reads single files from a squashfs image, such as the meta/snap.yaml of a snap. The image may be hostile: every read,
// every table and every loop has a bound.
package squashfs

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
)

// Magic is the beginning of every image.
const Magic = "hsqs"

// ErrFormat means that an image is damaged, or of a form that no snap has.
var ErrFormat = errors.New("not a valid squashfs image")

const (
	superblockSize = 96
	metadataSize   = 8 << 10 // bytes of an unpacked block of metadata
	maxBlockSize   = 1 << 20 // bytes of an unpacked block of data
	minBlockSize   = 4 << 10
	maxDir         = 1 << 20 // bytes of the list of a folder
	noFragment     = 0xFFFFFFFF
	uncompressed   = 1 << 24 // in the size of a block of data
	maxDepth       = 8
)

// image is an opened image.
type image struct {
	r          io.ReaderAt
	size       int64
	blockSize  int64
	decompress decompressor
	root       uint64
	inodes     int64
	dirs       int64
	fragments  int64
	nFragments int64
}

// ReadFile returns the content of a regular file in an image of size bytes. It refuses a file larger than max. The error is
// [fs.ErrNotExist] for a file that is not there, and [ErrFormat] for a bad image.
func ReadFile(r io.ReaderAt, size int64, path string, max int64) ([]byte, error) {
	img, err := open(r, size)
	if err != nil {
		return nil, err
	}
	ref := img.root
	names := strings.Split(path, "/")
	if len(names) > maxDepth {
		return nil, fmt.Errorf("%s: %w", path, fs.ErrInvalid)
	}
	for _, name := range names {
		node, err := img.inode(ref)
		if err == nil {
			ref, err = img.lookup(node, name)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
	}
	node, err := img.inode(ref)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	b, err := img.content(node, max)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return b, nil
}

// open reads the superblock.
func open(r io.ReaderAt, size int64) (*image, error) {
	var sb [superblockSize]byte
	if size < superblockSize {
		return nil, formatErrorf("%d bytes are too few", size)
	}
	if _, err := r.ReadAt(sb[:], 0); err != nil {
		return nil, readError(err)
	}
	u32, u64 := binary.LittleEndian.Uint32, binary.LittleEndian.Uint64
	img := &image{
		r: r, size: size, blockSize: int64(u32(sb[12:])), nFragments: int64(u32(sb[16:])), root: u64(sb[32:]),
		inodes: int64(u64(sb[64:])), dirs: int64(u64(sb[72:])), fragments: int64(u64(sb[80:])),
	}
	major, used := binary.LittleEndian.Uint16(sb[28:]), int64(u64(sb[40:]))
	switch {
	case string(sb[:4]) != Magic || major != 4:
		return nil, formatErrorf("no squashfs of version 4")
	case used < superblockSize || used > size:
		return nil, formatErrorf("it has %d bytes and should have %d", size, used)
	case img.blockSize < minBlockSize || img.blockSize > maxBlockSize || img.blockSize&(img.blockSize-1) != 0:
		return nil, formatErrorf("block size %d", img.blockSize)
	}
	var err error
	img.decompress, err = newDecompressor(binary.LittleEndian.Uint16(sb[20:]))
	return img, err
}

// lookup returns the reference to the inode of a name in a folder.
func (img *image) lookup(dir *inode, name string) (uint64, error) {
	if !dir.isDir {
		return 0, fs.ErrNotExist
	}
	// The size counts three bytes more than the list has.
	left := dir.size - 3
	if left <= 0 {
		return 0, fs.ErrNotExist
	}
	if left > maxDir {
		return 0, formatErrorf("a folder has a list of %d bytes", left)
	}
	m := img.metadata(img.dirs, int64(dir.start), int(dir.offset))
	for left > 0 {
		var h [12]byte
		if err := m.readFull(h[:]); err != nil {
			return 0, err
		}
		left -= int64(len(h))
		start := binary.LittleEndian.Uint32(h[4:])
		for range int64(binary.LittleEndian.Uint32(h[:])) + 1 {
			var e [8]byte
			if left <= 0 {
				return 0, formatErrorf("a folder has more entries than its size allows")
			}
			if err := m.readFull(e[:]); err != nil {
				return 0, err
			}
			found := make([]byte, int(binary.LittleEndian.Uint16(e[6:]))+1)
			if err := m.readFull(found); err != nil {
				return 0, err
			}
			left -= int64(len(e) + len(found))
			if string(found) == name {
				return uint64(start)<<16 | uint64(binary.LittleEndian.Uint16(e[:])), nil
			}
		}
	}
	return 0, fs.ErrNotExist
}

func formatErrorf(format string, args ...any) error {
	return fmt.Errorf("%w: %w", ErrFormat, fmt.Errorf(format, args...))
}

// readError returns the error of reading the image. An image that ends too early is damaged.
func readError(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return formatErrorf("it was cut off")
	}
	return err
}
