package blob

import "github.com/cloudflare/circl/simd/keccakf1600"

// NewHasherWith lets tests choose the way of hashing.
func NewHasherWith(workers int, simd bool) *Hasher { return newHasher(workers, simd) }

// HaveSIMD reports whether NewHasher hashes in lanes on this machine.
func HaveSIMD() bool { return keccakf1600.IsEnabledX4() }

// LaneBuffer is the number of bytes after which a lane reads again.
const LaneBuffer = laneBuffer
