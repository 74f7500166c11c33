package squashfs

import (
	"bytes"
	"fmt"
	"io"

	"github.com/klauspost/compress/zlib"
	"github.com/klauspost/compress/zstd"
	"github.com/xi2/xz"
)

// The compressions of snaps. The store accepts xz and lzo. Old snaps, and snaps that were made by hand, use the others.
const (
	compressionGzip = 1
	compressionLZO  = 3
	compressionXZ   = 4
	compressionZstd = 6
)

// decompressor unpacks a block, to at most max bytes.
type decompressor func(b []byte, max int) ([]byte, error)

func newDecompressor(compression uint16) (decompressor, error) {
	switch compression {
	case compressionGzip:
		return readerDecompressor(func(r io.Reader) (io.Reader, error) { return zlib.NewReader(r) }), nil
	case compressionLZO:
		return decompressLZO, nil
	case compressionXZ:
		// The dictionary of an honest block is not larger than a block.
		return readerDecompressor(func(r io.Reader) (io.Reader, error) { return xz.NewReader(r, maxBlockSize) }), nil
	case compressionZstd:
		return decompressZstd, nil
	}
	return nil, formatErrorf("unknown compression %d", compression)
}

func readerDecompressor(open func(io.Reader) (io.Reader, error)) decompressor {
	return func(b []byte, max int) ([]byte, error) {
		r, err := open(bytes.NewReader(b))
		if err != nil {
			return nil, err
		}
		return readBounded(r, max)
	}
}

func decompressZstd(b []byte, max int) ([]byte, error) {
	r, err := zstd.NewReader(bytes.NewReader(b), zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(8*maxBlockSize), zstd.WithDecoderMaxWindow(8*maxBlockSize))
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return readBounded(r, max)
}

func readBounded(r io.Reader, max int) ([]byte, error) {
	out, err := io.ReadAll(io.LimitReader(r, int64(max)+1))
	if err == nil && len(out) > max {
		err = fmt.Errorf("more than %d bytes", max)
	}
	return out, err
}
