package blob

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// Adopt makes verified blobs of a directory blobs of the storage, durably. They stay in the directory. On one file system both have the same
// file, so that it takes no more space. Elsewhere it is copied, and the error is a *[CorruptError] if the copy does not match its digest.
func (s *Storage) Adopt(ctx context.Context, from *Dir, blobs ...Digest) error {
	for _, dg := range blobs {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		size, err := from.Stat(dg)
		if err != nil {
			return err
		}
		if has, err := s.Has(ctx, dg, size); has || err != nil {
			if err != nil {
				return err
			}
			continue
		}
		if s.AreInFolder() && s.staging.link(from, dg) == nil {
			continue
		}
		if err := s.copy(ctx, from, dg, size); err != nil {
			return err
		}
	}
	return s.SyncNames()
}

// link gives a blob of another directory a second name here. It fails if that is on another file system, or one without links.
func (d *Dir) link(from *Dir, dg Digest) error {
	old, err := from.Path(dg)
	if err != nil {
		return err
	}
	path, err := d.Path(dg)
	if err != nil {
		return err
	}
	err = os.Link(old, path)
	if errors.Is(err, fs.ErrExist) && os.Remove(path) == nil { // one of another size, which is damaged
		err = os.Link(old, path)
	}
	return err
}

// copy copies a blob of another directory.
func (s *Storage) copy(ctx context.Context, from *Dir, dg Digest, size int64) error {
	f, err := from.OpenSized(dg, size)
	if err != nil {
		return err
	}
	defer f.Close()
	st, err := s.Stage(size)
	if err != nil {
		return err
	}
	sums := NewSums(SHA256)
	_, err = io.CopyBuffer(io.MultiWriter(st, sums), NewMeter(ctx, f, nil), make([]byte, 256<<10))
	if err == nil && sums.Digest() != dg {
		err = &CorruptError{Digest: dg}
	}
	if err != nil {
		return errors.Join(fmt.Errorf("copy blob %s: %w", dg, err), st.Discard())
	}
	batch := s.NewBatch()
	batch.AddBlob(st, dg)
	return batch.Sync(ctx)
}
