package instance

import (
	"context"
	"errors"
	"io"

	"offlinestore/blob"
)

// batchSize is how many blobs are made durable at once.
const batchSize = 32

// blobSink puts the blobs of a backup into the store.
type blobSink struct {
	ctx   context.Context
	blobs *blob.Storage
	batch *blob.Batch
}

// addBlob verifies a blob while it writes it. It also reads a blob that is there already, because a restore may be for a damaged
// disk.
func (s *blobSink) addBlob(dg blob.Digest, size int64, r io.Reader) (err error) {
	staged, err := s.blobs.Stage(size)
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
	s.batch.AddBlob(staged, dg)
	kept = true
	if s.batch.Len() >= batchSize {
		return s.batch.Sync(s.ctx)
	}
	return nil
}
