package instance

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"offlinestore/blob"
	"offlinestore/catalog"
	"offlinestore/instance/settings"
)

// Blobs are moved in groups of at most groupBlobs, which begin a new one after groupBytes. Two groups are moved at once.
const (
	groupBlobs   = 32
	groupBytes   = 256 << 20
	groupsAtOnce = 2
)

// followTime is the time in which servers take up changed settings. They look every two seconds.
const followTime = 6 * time.Second

// BlobMigration is the outcome of a move of blobs.
type BlobMigration struct {
	To string `json:"to"`
	// Blobs and Size count all blobs of the catalogue, Copied and CopiedSize the ones that were copied by this command.
	Blobs      int   `json:"blobs"`
	Size       int64 `json:"size"`
	Copied     int   `json:"copied"`
	CopiedSize int64 `json:"copied-size"`
	// Missing counts the blobs that are in neither place.
	Missing int `json:"missing"`
	// Switched reports that the setting was changed.
	Switched bool `json:"switched"`
	// Removed and RemovedSize count the blobs that were removed from the former place.
	Removed     int   `json:"removed"`
	RemovedSize int64 `json:"removed-size"`
}

// UnmovedError reports blobs that could not be moved because they are damaged.
type UnmovedError struct{ Errs []error }

func (e *UnmovedError) Error() string {
	return fmt.Sprintf("%d blobs are damaged, and were not moved: %v", len(e.Errs), e.Errs[0])
}

// Unwrap returns the error about each blob.
func (e *UnmovedError) Unwrap() []error { return e.Errs }

// migration moves blobs from one place to another.
type migration struct {
	in       *Instance
	from, to blob.Backend
	target   *blob.Storage
	progress Progress
	out      *BlobMigration
}

// MigrateBlobs copies all blobs to the place that is named as proxy.storage.backend names it, and sets that. Clients and pushes go on meanwhile,
// but for a moment at the end. With remove, it then removes the blobs from the place where they were. Errors are an *UnmovedError, a
// *blob.UnavailableError, and catalog.ErrBusy if a push takes long.
func (in *Instance) MigrateBlobs(ctx context.Context, to string, remove bool, progress Progress) (*BlobMigration, error) {
	v := in.Settings.Values()
	bucket, err := in.Dir.openBucket(&v)
	if err != nil {
		return nil, err
	}
	m := &migration{in: in, from: in.folder.Backend(), to: bucket, progress: progress, out: &BlobMigration{To: to}}
	if to == settings.BackendLocal {
		m.from, m.to = m.to, m.from
	}
	m.target = in.folder.StorageIn(blob.Places{Backend: m.to})
	if err := m.target.Prepare(ctx); err != nil {
		return nil, err
	}
	if err := m.locked(ctx, false, m.copyAll); err != nil {
		return m.out, err
	}
	if err := m.locked(ctx, true, m.finish); err != nil || !remove {
		return m.out, err
	}
	select {
	case <-time.After(followTime):
	case <-ctx.Done():
		return m.out, context.Cause(ctx)
	}
	return m.out, m.locked(ctx, true, m.remove)
}

// locked calls fn while gc, or everybody, is kept out.
func (m *migration) locked(ctx context.Context, exclusive bool, fn func(context.Context) error) error {
	release, err := m.in.Lock(ctx, exclusive)
	if err != nil {
		return err
	}
	defer release()
	return fn(ctx)
}

// finish copies the blobs that pushes have brought meanwhile, and changes the setting.
func (m *migration) finish(ctx context.Context) error {
	if err := m.copyAll(ctx); err != nil {
		return err
	}
	s, err := m.in.Dir.Settings()
	if err != nil {
		return err
	}
	if s.Values().StorageBackend == m.out.To {
		return nil
	}
	m.out.Switched = true
	return s.Set(map[string]string{settings.StorageBackend: m.out.To})
}

// copyAll copies the blobs of the catalogue that the new place lacks.
func (m *migration) copyAll(ctx context.Context) error {
	blobs, err := m.in.Catalog.Blobs(ctx)
	if err != nil {
		return err
	}
	m.out.Blobs, m.out.Size, m.out.Missing = len(blobs), 0, 0
	held, err := heldBy(ctx, m.target, blobs)
	if err != nil {
		return err
	}
	here := make(map[blob.Digest]bool, len(held))
	for _, b := range held {
		here[b.Digest] = true
	}
	var todo []catalog.Blob
	var size int64
	for _, b := range blobs {
		m.out.Size += b.Size
		if !here[b.Digest] {
			todo, size = append(todo, b), size+b.Size
		}
	}
	if len(todo) == 0 {
		return nil
	}
	add, done := m.progress("Copying", size)
	defer done()
	return m.copyGroups(ctx, todo, add)
}

// copyGroups copies blobs, several at once. Damaged ones do not stop the others.
func (m *migration) copyGroups(ctx context.Context, todo []catalog.Blob, add func(int64)) error {
	results := make(chan groupResult, len(todo))
	group, gctx := errgroup.WithContext(ctx)
	group.SetLimit(groupsAtOnce)
	for len(todo) > 0 {
		n, size := 0, int64(0)
		for n < min(len(todo), groupBlobs) && size < groupBytes {
			size += todo[n].Size
			n++
		}
		part := todo[:n]
		todo = todo[n:]
		group.Go(func() error {
			r, err := m.copyGroup(gctx, part, add)
			results <- r
			return err
		})
	}
	err := group.Wait()
	close(results)
	unmoved := &UnmovedError{}
	for r := range results {
		m.out.Copied += r.copied
		m.out.CopiedSize += r.size
		m.out.Missing += r.missing
		unmoved.Errs = append(unmoved.Errs, r.damaged...)
	}
	if err == nil && len(unmoved.Errs) > 0 {
		err = unmoved
	}
	return err
}

// groupResult is the outcome of copying a group of blobs.
type groupResult struct {
	copied, missing int
	size            int64
	damaged         []error
}

func (m *migration) copyGroup(ctx context.Context, blobs []catalog.Blob, add func(int64)) (r groupResult, err error) {
	batch := m.target.NewBatch()
	defer func() { err = errors.Join(err, batch.Discard()) }()
	for _, b := range blobs {
		staged, err := m.stage(ctx, b, add)
		var corrupt *blob.CorruptError
		switch {
		case errors.Is(err, blob.ErrNotFound):
			r.missing++
			continue
		case errors.As(err, &corrupt):
			r.damaged = append(r.damaged, err)
			continue
		case err != nil:
			return r, err
		}
		batch.AddBlob(staged, b.Digest)
		r.copied++
		r.size += b.Size
	}
	if err := batch.Sync(ctx); err != nil {
		return groupResult{missing: r.missing, damaged: r.damaged}, err
	}
	return r, nil
}

// stage stages a verified copy of a blob.
func (m *migration) stage(ctx context.Context, b catalog.Blob, add func(int64)) (*blob.StagedBlob, error) {
	r, _, err := m.from.Open(ctx, b.Digest)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	staged, err := m.target.Stage(b.Size)
	if err != nil {
		return nil, err
	}
	if err := blob.Copy(staged, blob.NewMeter(ctx, r, add), b.Digest, b.Size); err != nil {
		return nil, errors.Join(err, staged.Discard())
	}
	return staged, nil
}

// remove removes the blobs from the former place that the new one has.
func (m *migration) remove(ctx context.Context) error {
	var old []catalog.Blob
	err := m.from.List(ctx, blob.Served, func(i blob.Info) error {
		old = append(old, catalog.Blob{Digest: i.Digest, Size: i.Size})
		return nil
	})
	if err != nil {
		return err
	}
	held, err := heldBy(ctx, m.target, old)
	if err != nil {
		return err
	}
	for _, b := range held {
		if err := m.from.Remove(ctx, blob.Served, b.Digest); err != nil && !errors.Is(err, blob.ErrNotFound) {
			return err
		}
		m.out.Removed++
		m.out.RemovedSize += b.Size
	}
	return nil
}
