// Package keccak hashes several contents at once with SHA3-384, in the lanes of the processor's SIMD unit.
//
// The generator of its assembly is internal/keccakgen. Every kernel leaves the upper halves of the vector registers clear: on
// Intel processors, instructions of the older encoding that follow on the same thread would otherwise take a hundred times as
// long. The instructions for SHA-256 are among them.
package keccak

import (
	"crypto/sha3"
	"encoding/binary"
	"errors"
	"sync"
	"time"
	"unsafe"
)

// SHA3-384 (FIPS 202): the rate of the sponge in bytes, the size of the digest, and the two ends of the padding.
const (
	Rate = 104
	Size = 48

	begin = 0x06
	end   = 0x80
)

// maxLanes is the number of lanes of the widest kernel.
const maxLanes = 8

// words is the number of 64-bit words of a sponge.
const words = 25

//go:generate go run ../internal/keccakgen

// constants are the round constants of Keccak-f[1600].
var constants = [24]uint64{
	0x0000000000000001, 0x0000000000008082, 0x800000000000808a, 0x8000000080008000, 0x000000000000808b, 0x0000000080000001,
	0x8000000080008081, 0x8000000000008009, 0x000000000000008a, 0x0000000000000088, 0x0000000080008009, 0x000000008000000a,
	0x000000008000808b, 0x800000000000008b, 0x8000000000008089, 0x8000000000008003, 0x8000000000008002, 0x8000000000000080,
	0x000000000000800a, 0x800000008000000a, 0x8000000080008081, 0x8000000000008080, 0x0000000080000001, 0x8000000080008008,
}

// Kernel is a way of absorbing blocks into several sponges at once.
type Kernel struct {
	// Name is the name of the processor's feature that the kernel needs.
	Name string
	// Lanes is the number of sponges.
	Lanes  int
	absorb func(s *Sponges, in *[maxLanes]*byte, blocks int)
}

// Kernels returns the kernels that this processor can run. The last one has a single lane and runs everywhere.
func Kernels() []*Kernel {
	return append(vectorKernels(), &Kernel{Name: "generic", Lanes: 1, absorb: absorbGeneric})
}

// Fastest returns the kernel that takes the least time for a byte. Where the features of the processor do not tell, the first call measures.
var Fastest = sync.OnceValue(func() *Kernel {
	kernels := Kernels()
	if isOrdered {
		return kernels[0]
	}
	return fastest(kernels)
})

// fastest measures kernels, which takes less than a millisecond for each.
func fastest(kernels []*Kernel) *Kernel {
	const blocks, rounds = 32, 5
	buf, in := make([]byte, blocks*Rate), make([][]byte, maxLanes)
	for l := range in {
		in[l] = buf
	}
	var best *Kernel
	var least time.Duration // for a lane
	for _, k := range kernels {
		s := k.New()
		for range rounds { // the least of several, because other work disturbs some of them
			start := time.Now()
			s.Absorb(in[:k.Lanes])
			if took := time.Since(start) / time.Duration(k.Lanes); best == nil || took < least {
				best, least = k, took
			}
		}
	}
	return best
}

// Sponges are SHA3-384 sponges, one for each lane of a kernel.
type Sponges struct {
	kernel *Kernel
	state  []uint64 // word i of sponge l at [i*Lanes+l]
}

// New returns empty sponges for a kernel.
func (k *Kernel) New() *Sponges {
	const align = 64
	state := make([]uint64, words*k.Lanes+align/8)
	skip := -uintptr(unsafe.Pointer(&state[0])) % align / 8 // a vector that spans two lines of the cache is read more slowly
	return &Sponges{k, state[skip:][:words*k.Lanes]}
}

// Reset empties one sponge.
func (s *Sponges) Reset(lane int) {
	for i := lane; i < len(s.state); i += s.kernel.Lanes {
		s.state[i] = 0
	}
}

// Absorb absorbs whole blocks, from a slice for each lane. All slices have the same length.
func (s *Sponges) Absorb(in [][]byte) {
	n := len(in[0])
	var blocks [maxLanes]*byte
	for l := range s.kernel.Lanes {
		if len(in[l]) != n || n%Rate != 0 {
			panic("keccak: the lanes absorb different lengths, or no whole blocks")
		}
		blocks[l] = unsafe.SliceData(in[l])
	}
	if n > 0 {
		s.kernel.absorb(s, &blocks, n/Rate)
	}
}

// Digest returns the digest of one sponge that has absorbed its last block.
func (s *Sponges) Digest(lane int) (sum [Size]byte) {
	for i := range Size / 8 {
		binary.LittleEndian.PutUint64(sum[8*i:], s.state[i*s.kernel.Lanes+lane])
	}
	return sum
}

// Pad appends the padding to the last, incomplete block in buf, which must have room for a block more.
func Pad(buf []byte) []byte {
	n := len(buf)
	last := n - n%Rate + Rate
	buf = buf[:last]
	clear(buf[n:])
	buf[n] = begin
	buf[last-1] |= end
	return buf
}

// The state of crypto/sha3 in its MarshalBinary: four bytes that name the kind, the rate, 25 words of the sponge (little-endian),
// the number of bytes in the current block, and the direction. Tests compare this with the library.
const (
	marshalledState = 5
	marshalledTaken = marshalledState + 8*words
	marshalledSize  = marshalledTaken + 2
)

var errState = errors.New("crypto/sha3 keeps its state in another form than expected")

// Export copies one sponge, between two blocks, to crypto/sha3.
func (s *Sponges) Export(lane int) (*sha3.SHA3, error) {
	h := sha3.New384()
	b, err := h.MarshalBinary()
	if err != nil || len(b) != marshalledSize {
		return nil, errors.Join(errState, err)
	}
	for i := range words {
		binary.LittleEndian.PutUint64(b[marshalledState+8*i:], s.state[i*s.kernel.Lanes+lane])
	}
	return h, h.UnmarshalBinary(b)
}

// Restore copies a sponge back from crypto/sha3, between two blocks.
func (s *Sponges) Restore(lane int, h *sha3.SHA3) error {
	b, err := h.MarshalBinary()
	if err != nil || len(b) != marshalledSize || b[marshalledTaken] != 0 {
		return errors.Join(errState, err)
	}
	for i := range words {
		s.state[i*s.kernel.Lanes+lane] = binary.LittleEndian.Uint64(b[marshalledState+8*i:])
	}
	return nil
}

// absorbGeneric absorbs the blocks of a single lane with crypto/sha3.
func absorbGeneric(s *Sponges, in *[maxLanes]*byte, blocks int) {
	h, err := s.Export(0)
	if err == nil {
		h.Write(unsafe.Slice(in[0], blocks*Rate))
		err = s.Restore(0, h)
	}
	if err != nil {
		panic(err) // tests hold crypto/sha3 to the form
	}
}
