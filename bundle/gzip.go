package bundle

import (
	"bufio"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
)

// The gzip framing of bundles (RFC 1952) has only stored blocks (RFC 1951, 3.2.4). Snaps and charms are compressed already. A
// framing with one possible encoding can be compared to the last bit, including the padding of a deflate block.

// maxStored is the size of every stored block but the last, in bytes.
const maxStored = 65535

// gzipHeader is the one header that is written and accepted: deflate, no flags, no time, no hint, unknown system.
var gzipHeader = [10]byte{0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255}

// gzipSize returns the size of n bytes in this framing.
func gzipSize(n int64) int64 {
	blocks := max((n+maxStored-1)/maxStored, 1)
	return int64(len(gzipHeader)) + 5*blocks + n + 8
}

// gzipWriter knows the total size in advance. It therefore knows which block is the last one, and holds no block back.
type gzipWriter struct {
	w     *bufio.Writer
	left  int64 // bytes still to come
	block int64 // of these, in the current block
	crc   uint32
	size  uint32
}

func newGzipWriter(w *bufio.Writer, size int64) (*gzipWriter, error) {
	_, err := w.Write(gzipHeader[:])
	return &gzipWriter{w: w, left: size}, err
}

func (g *gzipWriter) Write(p []byte) (int, error) {
	total := len(p)
	if int64(total) > g.left {
		return 0, errGzipSize
	}
	g.crc = crc32.Update(g.crc, crc32.IEEETable, p)
	g.size += uint32(total)
	for len(p) > 0 {
		if g.block == 0 {
			if err := g.begin(); err != nil {
				return 0, err
			}
		}
		n, err := g.w.Write(p[:min(int64(len(p)), g.block)])
		if err != nil {
			return 0, err
		}
		p, g.block, g.left = p[n:], g.block-int64(n), g.left-int64(n)
	}
	return total, nil
}

// begin writes the header of the next block.
func (g *gzipWriter) begin() error {
	g.block = min(g.left, maxStored)
	final := byte(0)
	if g.block == g.left {
		final = 1
	}
	h := blockHeader(final, int(g.block))
	_, err := g.w.Write(h[:])
	return err
}

// Close writes the trailer.
func (g *gzipWriter) Close() error {
	if g.left != 0 {
		return errGzipSize
	}
	trailer := binary.LittleEndian.AppendUint32(nil, g.crc)
	_, err := g.w.Write(binary.LittleEndian.AppendUint32(trailer, g.size))
	return err
}

var errGzipSize = errors.New("the bundle has another size than was worked out")

func blockHeader(final byte, n int) [5]byte {
	return [5]byte{final, byte(n), byte(n >> 8), ^byte(n), ^byte(n >> 8)}
}

type gzipReader struct {
	r     *bufio.Reader
	left  int
	final bool
	done  bool
	crc   uint32
	size  uint32
}

func newGzipReader(r *bufio.Reader) (*gzipReader, error) {
	var h [len(gzipHeader)]byte
	if _, err := io.ReadFull(r, h[:]); err != nil {
		return nil, readError("gzip header", err)
	}
	if h != gzipHeader {
		return nil, corrupt("gzip header: %w", ErrRepacked)
	}
	return &gzipReader{r: r}, nil
}

func (g *gzipReader) Read(p []byte) (int, error) {
	for g.left == 0 {
		if g.done {
			return 0, io.EOF
		}
		if err := g.next(); err != nil {
			return 0, err
		}
	}
	n, err := g.r.Read(p[:min(len(p), g.left)])
	g.left -= n
	g.crc = crc32.Update(g.crc, crc32.IEEETable, p[:n])
	g.size += uint32(n)
	if err != nil {
		return n, readError("gzip", err)
	}
	return n, nil
}

// next reads the header of a block, or the trailer after the last one.
func (g *gzipReader) next() error {
	if g.final {
		return g.finishMember()
	}
	var h [5]byte
	if _, err := io.ReadFull(g.r, h[:]); err != nil {
		return readError("gzip block", err)
	}
	n := int(binary.LittleEndian.Uint16(h[1:]))
	if h[0] > 1 || h != blockHeader(h[0], n) || n == 0 || h[0] == 0 && n != maxStored {
		return corrupt("gzip block: %w", ErrRepacked)
	}
	g.left, g.final = n, h[0] == 1
	return nil
}

func (g *gzipReader) finishMember() error {
	var t [8]byte
	if _, err := io.ReadFull(g.r, t[:]); err != nil {
		return readError("gzip trailer", err)
	}
	if binary.LittleEndian.Uint32(t[:]) != g.crc || binary.LittleEndian.Uint32(t[4:]) != g.size {
		return corrupt("gzip trailer: checksum or length differ")
	}
	g.done = true
	return nil
}
