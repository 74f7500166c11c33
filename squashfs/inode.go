package squashfs

import (
	"encoding/binary"
	"io/fs"
)

// The types of inodes that matter here.
const (
	typeDir          = 1
	typeFile         = 2
	typeExtendedDir  = 8
	typeExtendedFile = 9
)

// inode is a folder or a regular file.
type inode struct {
	isDir bool
	size  int64
	// start is the position of the list of a folder, relative to its table, or of the first block of a file.
	start uint64
	// offset is the position in the unpacked block: of the list of a folder, or of the end of a file in its fragment.
	offset   uint32
	fragment uint32
	sizes    *metadata // the sizes of the blocks of a file follow here
}

// inode reads the inode at a reference.
func (img *image) inode(ref uint64) (*inode, error) {
	m := img.metadata(img.inodes, int64(ref>>16), int(ref&0xFFFF))
	var h [16]byte
	if err := m.readFull(h[:]); err != nil {
		return nil, err
	}
	u16, u32, u64 := binary.LittleEndian.Uint16, binary.LittleEndian.Uint32, binary.LittleEndian.Uint64
	switch u16(h[:]) {
	case typeDir:
		var b [16]byte
		err := m.readFull(b[:])
		return &inode{isDir: true, start: uint64(u32(b[:])), size: int64(u16(b[8:])), offset: uint32(u16(b[10:]))}, err
	case typeExtendedDir:
		var b [24]byte
		err := m.readFull(b[:])
		return &inode{isDir: true, size: int64(u32(b[4:])), start: uint64(u32(b[8:])), offset: uint32(u16(b[18:]))}, err
	case typeFile:
		var b [16]byte
		err := m.readFull(b[:])
		return &inode{start: uint64(u32(b[:])), fragment: u32(b[4:]), offset: u32(b[8:]), size: int64(u32(b[12:])), sizes: m}, err
	case typeExtendedFile:
		var b [40]byte
		err := m.readFull(b[:])
		return &inode{start: u64(b[:]), size: int64(u64(b[8:])), fragment: u32(b[28:]), offset: u32(b[32:]), sizes: m}, err
	}
	return nil, fs.ErrNotExist // a symbolic link or a special file is no file that a store reads
}

// content returns the content of a file.
func (img *image) content(n *inode, max int64) ([]byte, error) {
	switch {
	case n.isDir:
		return nil, fs.ErrNotExist
	case n.size < 0 || n.size > max:
		return nil, formatErrorf("a file of %d bytes is over the limit of %d", n.size, max)
	}
	blocks, rest := n.size/img.blockSize, n.size%img.blockSize
	if rest > 0 && n.fragment == noFragment {
		blocks++
	}
	out := make([]byte, 0, n.size)
	at := int64(n.start)
	for range blocks {
		var b [4]byte
		if err := n.sizes.readFull(b[:]); err != nil {
			return nil, err
		}
		size := binary.LittleEndian.Uint32(b[:])
		want := min(img.blockSize, n.size-int64(len(out)))
		data, err := img.block(at, size)
		if size == 0 { // a hole
			data, err = make([]byte, want), nil
		}
		if err != nil {
			return nil, err
		}
		if int64(len(data)) != want {
			return nil, formatErrorf("a block has %d bytes in place of %d", len(data), want)
		}
		out = append(out, data...)
		at += int64(size &^ uncompressed)
	}
	if int64(len(out)) == n.size {
		return out, nil
	}
	data, err := img.fragment(n.fragment)
	if err != nil {
		return nil, err
	}
	if from := int64(n.offset); from+rest <= int64(len(data)) {
		return append(out, data[from:from+rest]...), nil
	}
	return nil, formatErrorf("a file goes beyond its fragment")
}

// fragment returns the block that has the ends of several files.
func (img *image) fragment(number uint32) ([]byte, error) {
	const entrySize, entriesPerBlock = 16, metadataSize / 16
	if int64(number) >= img.nFragments {
		return nil, formatErrorf("fragment %d of %d", number, img.nFragments)
	}
	var pointer [8]byte
	if err := img.readAt(pointer[:], img.fragments+int64(number/entriesPerBlock)*int64(len(pointer))); err != nil {
		return nil, err
	}
	m := img.metadata(0, int64(binary.LittleEndian.Uint64(pointer[:])), int(number%entriesPerBlock)*entrySize)
	var e [entrySize]byte
	if err := m.readFull(e[:]); err != nil {
		return nil, err
	}
	return img.block(int64(binary.LittleEndian.Uint64(e[:])), binary.LittleEndian.Uint32(e[8:]))
}
