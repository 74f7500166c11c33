package upstreamtest

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"crypto/sha3"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"

	"offlinestore/internal/assertiontest"
)

// squashfsMagic is the beginning of every snap.
const squashfsMagic = "hsqs"

// Blob opens the content of a snap or component.
type Blob func() (io.ReadSeekCloser, error)

// Bytes returns a Blob in memory.
func Bytes(b []byte) Blob {
	return func() (io.ReadSeekCloser, error) { return nopCloser{bytes.NewReader(b)}, nil }
}

// File returns a Blob with the content of a file.
func File(path string) Blob {
	return func() (io.ReadSeekCloser, error) { return os.Open(path) }
}

// Random returns a Blob of size bytes that begin with a snap's magic and do not compress. The same seed gives the same bytes. None of them
// are kept in memory.
func Random(seed string, size int64) Blob {
	key := sha256.Sum256([]byte(seed))
	block, err := aes.NewCipher(key[:16])
	return func() (io.ReadSeekCloser, error) {
		if err != nil {
			return nil, err
		}
		return nopCloser{io.NewSectionReader(random{block}, 0, size)}, nil
	}
}

type nopCloser struct{ io.ReadSeeker }

func (nopCloser) Close() error { return nil }

// random is an endless key stream that can be read from any offset.
type random struct{ block cipher.Block }

func (r random) ReadAt(p []byte, off int64) (int, error) {
	var iv [aes.BlockSize]byte
	binary.BigEndian.PutUint64(iv[8:], uint64(off/aes.BlockSize))
	stream := cipher.NewCTR(r.block, iv[:])
	var skip [aes.BlockSize]byte
	stream.XORKeyStream(skip[:off%aes.BlockSize], skip[:off%aes.BlockSize])
	clear(p)
	stream.XORKeyStream(p, p)
	if off < int64(len(squashfsMagic)) {
		copy(p, squashfsMagic[off:])
	}
	return len(p), nil
}

// digest holds the digest and the size of a blob.
type digest struct {
	sha3384 string // hex
	size    int64
}

func digestOf(b Blob) (digest, error) {
	if b == nil {
		return digest{}, errors.New("no blob")
	}
	r, err := b()
	if err != nil {
		return digest{}, fmt.Errorf("open blob: %w", err)
	}
	defer r.Close()
	h := sha3.New384()
	n, err := io.CopyBuffer(struct{ io.Writer }{h}, struct{ io.Reader }{r}, make([]byte, 256<<10))
	if err != nil {
		return digest{}, fmt.Errorf("read blob: %w", err)
	}
	return digest{hex.EncodeToString(h.Sum(nil)), n}, nil
}

func (d digest) blob() assertiontest.Blob {
	sum, err := hex.DecodeString(d.sha3384)
	if err != nil {
		panic(err) // digestOf has encoded it
	}
	return assertiontest.Blob{SHA3_384: sum, Size: d.size}
}
