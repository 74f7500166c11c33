package blob

import "offlinestore/keccak"

// NewHasherWith lets tests choose the way of hashing.
func NewHasherWith(workers int, kernel *keccak.Kernel) *Hasher { return newHasher(workers, kernel) }

// LaneBuffer is the number of bytes after which a lane reads again.
const LaneBuffer = laneBuffer

// LimitOf lets tests name file systems.
func LimitOf(name string) (size int64, fileSystem string) { return limitOf(name) }

// FitFile lets tests choose the limit of a file system, because not every kernel can mount FAT32.
func FitFile(dir, name string, size, max int64, fileSystem string) error {
	return fitFile(dir, name, size, max, fileSystem)
}

// FailWriteBack makes a blob one whose disk failed while it was written.
func FailWriteBack(s *StagedBlob, err error) { s.writeBackErr = err }
