package bundle

import (
	"bufio"
	"errors"
	"io"

	"github.com/klauspost/compress/zstd"
)

// The zstd framing of bundles (RFC 8878) is one frame with this magic and header: a checksum, no content size, no dictionary, a
// window of 1 MiB.
var zstdHeader = [6]byte{0x28, 0xb5, 0x2f, 0xfd, 0x04, 0x50}

const zstdWindow = 1 << 20

func newZstdWriter(w io.Writer) (io.WriteCloser, error) {
	z, err := zstd.NewWriter(w, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1),
		zstd.WithWindowSize(zstdWindow), zstd.WithEncoderCRC(true), zstd.WithSingleSegment(false))
	return zstdWriter{z}, err
}

type zstdWriter struct{ *zstd.Encoder }

// Close flushes first, because the encoder writes another header for a frame that fits into one block.
func (z zstdWriter) Close() error { return errors.Join(z.Flush(), z.Encoder.Close()) }

// newZstdReader returns a decoder of the one frame of a bundle. A frameReader makes sure that nothing else is in the file.
func newZstdReader(r *bufio.Reader) (io.ReadCloser, error) {
	f := &frameReader{r: r}
	d, err := zstd.NewReader(f, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(zstdWindow),
		zstd.WithDecoderLowmem(true))
	if err != nil {
		return nil, corrupt("zstd: %w", err)
	}
	return zstdReader{d, f}, nil
}

type zstdReader struct {
	*zstd.Decoder
	frame *frameReader
}

func (z zstdReader) Read(p []byte) (int, error) {
	n, err := z.Decoder.Read(p)
	switch {
	case err == nil || err == io.EOF:
		return n, err
	case z.frame.err != nil: // its error is more precise than the decoder's
		return n, z.frame.err
	}
	return n, corrupt("zstd: %w", err)
}

func (z zstdReader) Close() error {
	z.Decoder.Close()
	return nil
}

// frameReader passes one zstd frame through and ends at its end, so that the decoder can neither skip a frame of another kind nor
// start a second one.
type frameReader struct {
	r       *bufio.Reader
	pending []byte // a validated header that is not delivered yet
	body    int64  // bytes of the current block still to come
	started bool
	last    bool // the current block is the last one
	ended   bool
	err     error
}

func (f *frameReader) Read(p []byte) (int, error) {
	if len(f.pending) == 0 && f.body == 0 {
		if f.ended {
			return 0, io.EOF
		}
		if f.err = f.next(); f.err != nil {
			return 0, f.err
		}
	}
	if len(f.pending) > 0 {
		n := copy(p, f.pending)
		f.pending = f.pending[n:]
		return n, nil
	}
	n, err := f.r.Read(p[:min(int64(len(p)), f.body)])
	f.body -= int64(n)
	if err != nil {
		f.err = readError("zstd", err)
	}
	return n, f.err
}

// next reads the header of the frame or of a block, or prepares to read the checksum.
func (f *frameReader) next() error {
	if f.last {
		f.ended, f.body = true, 4
		return nil
	}
	head := make([]byte, 3)
	if !f.started {
		head = make([]byte, len(zstdHeader))
	}
	if _, err := io.ReadFull(f.r, head); err != nil {
		return readError("zstd", err)
	}
	f.pending = head
	if !f.started {
		f.started = true
		if [len(zstdHeader)]byte(head) != zstdHeader {
			return corrupt("zstd frame: %w", ErrRepacked)
		}
		return nil
	}
	h := uint32(head[0]) | uint32(head[1])<<8 | uint32(head[2])<<16
	f.last = h&1 == 1
	f.body = int64(h >> 3)
	if h>>1&3 == 1 { // one byte, repeated
		f.body = 1
	}
	return nil
}
