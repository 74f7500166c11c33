package blob

import (
	"crypto/sha3"
	"encoding/binary"
	"errors"
	"io"

	"github.com/cloudflare/circl/simd/keccakf1600"
)

// SHA3-384 (FIPS 202): the rate of the sponge in bytes, the size of the digest, and the two ends of the padding.
const (
	sha3Rate  = 104
	sha3Size  = 48
	sha3Begin = 0x06
	sha3End   = 0x80
)

// lanes is the number of sponges that the SIMD unit permutes at once.
const lanes = 4

// sponges are four SHA3-384 sponges, word i of sponge l at [4*i+l].
type sponges struct {
	x4    keccakf1600.StateX4
	state *[25 * lanes]uint64
}

func newSponges() *sponges {
	s := new(sponges)
	s.state = (*[25 * lanes]uint64)(s.x4.Initialize(false))
	return s
}

// reset empties one sponge.
func (s *sponges) reset(lane int) {
	for i := lane; i < len(s.state); i += lanes {
		s.state[i] = 0
	}
}

// absorb absorbs whole blocks. All four slices have the same length.
func (s *sponges) absorb(in *[lanes][]byte) {
	n := len(in[0])
	for o := 0; o+sha3Rate <= n; o += sha3Rate {
		a, b := (*[sha3Rate]byte)(in[0][o:]), (*[sha3Rate]byte)(in[1][o:])
		c, d := (*[sha3Rate]byte)(in[2][o:]), (*[sha3Rate]byte)(in[3][o:])
		for i := range sha3Rate / 8 {
			s.state[4*i] ^= binary.LittleEndian.Uint64(a[8*i:])
			s.state[4*i+1] ^= binary.LittleEndian.Uint64(b[8*i:])
			s.state[4*i+2] ^= binary.LittleEndian.Uint64(c[8*i:])
			s.state[4*i+3] ^= binary.LittleEndian.Uint64(d[8*i:])
		}
		s.x4.Permute()
	}
}

// digest returns the digest of one sponge that has absorbed its last block.
func (s *sponges) digest(lane int) (sum [sha3Size]byte) {
	for i := range sha3Size / 8 {
		binary.LittleEndian.PutUint64(sum[8*i:], s.state[4*i+lane])
	}
	return sum
}

// The state of crypto/sha3 in its MarshalBinary: four bytes that name the kind, the rate, 25 words of the sponge (little-endian),
// the number of bytes in the current block, and the direction. Tests compare this with the library.
const (
	marshalledState = 5
	marshalledTaken = marshalledState + 200
	marshalledSize  = marshalledTaken + 2
)

var errState = errors.New("crypto/sha3 keeps its state in another form than expected")

// export copies one sponge, between two blocks, to crypto/sha3.
func (s *sponges) export(lane int) (*sha3.SHA3, error) {
	h := sha3.New384()
	b, err := h.MarshalBinary()
	if err != nil || len(b) != marshalledSize {
		return nil, errors.Join(errState, err)
	}
	for i := range 25 {
		binary.LittleEndian.PutUint64(b[marshalledState+8*i:], s.state[lanes*i+lane])
	}
	return h, h.UnmarshalBinary(b)
}

// restore copies a sponge back from crypto/sha3, between two blocks.
func (s *sponges) restore(lane int, h *sha3.SHA3) error {
	b, err := h.MarshalBinary()
	if err != nil || len(b) != marshalledSize || b[marshalledTaken] != 0 {
		return errors.Join(errState, err)
	}
	for i := range 25 {
		s.state[lanes*i+lane] = binary.LittleEndian.Uint64(b[marshalledState+8*i:])
	}
	return nil
}

// pad appends the padding to the last, incomplete block in buf.
func pad(buf []byte) []byte {
	n := len(buf)
	end := n - n%sha3Rate + sha3Rate
	buf = buf[:end]
	clear(buf[n:])
	buf[n] = sha3Begin
	buf[end-1] |= sha3End
	return buf
}

// readExactly fills p. An earlier end is an error, even if the reader returns io.EOF.
func readExactly(r io.Reader, p []byte) error {
	n, err := fill(r, p)
	switch {
	case n == len(p):
		return nil
	case err == io.EOF:
		return io.ErrUnexpectedEOF
	}
	return err
}

// expectEnd returns ErrTrailingData unless the reader ends.
func expectEnd(r io.Reader) error {
	var one [1]byte
	switch n, err := fill(r, one[:]); {
	case n > 0:
		return ErrTrailingData
	case err != io.EOF:
		return err
	}
	return nil
}
