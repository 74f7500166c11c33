package main

import (
	"errors"
	"io"

	"offlinestore/blob"
)

// batchSize is how many blobs are made durable at once.
const batchSize = 32

// blobSink takes blobs into the store.
type blobSink struct {
	dir   *blob.Dir
	batch *blob.Batch
}

// take verifies a blob on its way in. One that is there already is not trusted unread: a restore is also for damaged disks.
func (s *blobSink) take(dg blob.Digest, size int64, r io.Reader) (err error) {
	staged, err := s.dir.Stage(size)
	if err != nil {
		return err
	}
	kept := false
	defer func() {
		if !kept {
			err = errors.Join(err, staged.Discard())
		}
	}()
	if err := blob.Copy(staged, r, dg, size); err != nil {
		return err
	}
	s.batch.Add(staged, dg)
	kept = true
	if s.batch.Len() >= batchSize {
		return s.batch.Sync()
	}
	return nil
}
