package main

import (
	"errors"

	"offlinestore/bundle"
)

// repackSource is the bundle that repack reads.
type repackSource struct {
	sealed *bundle.SignedBundle
	// open delivers the blobs in their order. Any delivers them in any order; it is nil for an archive.
	open, any bundle.Opener
	// end is called after the last blob was read.
	end     func() error
	readers []*verifiedReader
}

// first returns the reader whose signature stands for the bundle.
func (s *repackSource) first() *verifiedReader { return s.readers[0] }

// size returns the size of the payload.
func (s *repackSource) size() (n int64) {
	for _, d := range s.sealed.Payload() {
		n += d.Size
	}
	return n
}

// Close closes the files.
func (s *repackSource) Close() (err error) {
	for _, r := range s.readers {
		err = errors.Join(err, r.Close())
	}
	return err
}
