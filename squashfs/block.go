package squashfs

import (
	"encoding/binary"
	"io"
)

// readAt fills p from the image.
func (img *image) readAt(p []byte, off int64) error {
	if off < 0 || off > img.size-int64(len(p)) {
		return formatErrorf("it points beyond its end")
	}
	if _, err := img.r.ReadAt(p, off); err != nil && err != io.EOF {
		return err
	}
	return nil
}

// block returns an unpacked block of data. size is its packed size, with a bit for a block that is not packed.
func (img *image) block(at int64, size uint32) ([]byte, error) {
	n := size &^ uncompressed
	if int64(n) > img.blockSize {
		return nil, formatErrorf("a block of %d bytes", n)
	}
	b := make([]byte, n)
	if err := img.readAt(b, at); err != nil || size&uncompressed != 0 {
		return b, err
	}
	return img.unpack(b, int(img.blockSize))
}

// unpack decompresses a block to at most max bytes.
func (img *image) unpack(b []byte, max int) ([]byte, error) {
	out, err := img.decompress(b, max)
	if err != nil {
		return nil, formatErrorf("unpack a block: %w", err)
	}
	return out, nil
}

// metadata reads the blocks of a table one after the other.
type metadata struct {
	img  *image
	next int64 // the position of the next block
	skip int   // bytes to skip in it
	data []byte
	err  error
}

// metadata returns a reader that starts at an offset in the unpacked block at start, which is relative to table.
func (img *image) metadata(table, start int64, offset int) *metadata {
	m := &metadata{img: img, next: table + start, skip: offset}
	if table < 0 || start < 0 || table > img.size || start > img.size {
		m.err = formatErrorf("it points beyond its end")
	}
	return m
}

// readFull fills p.
func (m *metadata) readFull(p []byte) error {
	for len(p) > 0 && m.err == nil {
		if len(m.data) == 0 {
			m.err = m.readBlock()
			continue
		}
		n := copy(p, m.data)
		p, m.data = p[n:], m.data[n:]
	}
	return m.err
}

// readBlock unpacks the next block. An empty one would let a reader go on without end.
func (m *metadata) readBlock() error {
	const stored = 1 << 15
	var h [2]byte
	if err := m.img.readAt(h[:], m.next); err != nil {
		return err
	}
	n := binary.LittleEndian.Uint16(h[:])
	b := make([]byte, n&^stored)
	if len(b) == 0 || len(b) > metadataSize {
		return formatErrorf("a block of metadata of %d bytes", len(b))
	}
	if err := m.img.readAt(b, m.next+int64(len(h))); err != nil {
		return err
	}
	m.next += int64(len(h) + len(b))
	if n&stored == 0 {
		var err error
		if b, err = m.img.unpack(b, metadataSize); err != nil {
			return err
		}
	}
	if len(b) <= m.skip {
		return formatErrorf("an offset goes beyond its block")
	}
	m.data, m.skip = b[m.skip:], 0
	return nil
}
