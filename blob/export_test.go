package blob

import "github.com/cloudflare/circl/simd/keccakf1600"

// NewHasherWith lets tests choose the way of hashing.
func NewHasherWith(workers int, simd bool) *Hasher { return newHasher(workers, simd) }

// HaveSIMD says whether NewHasher hashes in lanes here.
func HaveSIMD() bool { return keccakf1600.IsEnabledX4() }

// LaneBuffer is where the reading of a blob goes on.
const LaneBuffer = laneBuffer
