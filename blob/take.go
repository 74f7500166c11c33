package blob

import (
	"errors"
	"fmt"
)

// TakeBlobs moves blobs into d, durably, from a directory on the same file system.
func (d *Dir) TakeBlobs(from *Dir, blobs ...Digest) error {
	for _, dg := range blobs {
		old, err := from.Path(dg)
		if err != nil {
			return err
		}
		path, err := d.Path(dg)
		if err != nil {
			return err
		}
		if err := rename(old, path); err != nil {
			return blobError(dg, err)
		}
	}
	if len(blobs) == 0 {
		return nil
	}
	if err := errors.Join(SyncDir(d.folder(blobsFolder)), SyncDir(from.folder(blobsFolder))); err != nil {
		return fmt.Errorf("move blobs: %w", err)
	}
	return nil
}
