package blob

import "offlinestore/keccak"

// NewHasherWith lets tests choose the way of hashing.
func NewHasherWith(workers int, kernel *keccak.Kernel) *Hasher { return newHasher(workers, kernel) }

// LaneBuffer is the number of bytes after which a lane reads again.
const LaneBuffer = laneBuffer
