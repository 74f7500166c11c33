package bundle

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"golang.org/x/sync/errgroup"

	"offlinestore/blob"
)

// Files are committed in batches of this many files or bytes. The disk completes one batch while the next one is copied.
const (
	filesAtOnce = 64
	bytesAtOnce = 1 << 30
)

// WriteFiles writes the bundle into a folder for inspection, in which each large blob has its real name. The folder must be empty, or have the
// remains of an interrupted WriteFiles, which are used again. Its index.json is written last: until then, readers refuse it. open is called for
// the blobs in their order.
func (s *SignedBundle) WriteFiles(ctx context.Context, dir string, open Opener, progress func(int64)) error {
	w := &folderWriter{dir: dir, open: open, progress: progress}
	var err error
	if w.files, err = newFileTree(s); err != nil {
		return fmt.Errorf("write %s: %w", dir, err)
	}
	if err := w.write(ctx, s); err != nil {
		return fmt.Errorf("write %s: %w", dir, err)
	}
	return nil
}

// folderWriter writes a folder for inspection.
type folderWriter struct {
	dir      string
	files    *fileTree
	open     Opener
	progress func(int64)
}

func (w *folderWriter) write(ctx context.Context, s *SignedBundle) error {
	end, err := beginFolder(ctx, w.dir, w.planned(s))
	if err != nil {
		return err
	}
	return end(w.fill(ctx, s))
}

// fill writes all files, index.json last. The disk takes the many small ones while the large ones are copied.
func (w *folderWriter) fill(ctx context.Context, s *SignedBundle) error {
	w.files.derived[headFolder+layoutFile] = layoutContent
	var small errgroup.Group
	small.Go(func() error { return errors.Join(w.writeHead(ctx, s), w.writeDerived()) })
	err := w.writePayload(ctx, s.tree.payload)
	if err := errors.Join(err, small.Wait()); err != nil {
		return err
	}
	return blob.WriteFile(w.path(headFolder+indexFile), s.top.index, blob.WriteOptions{Mode: 0o644, Crowded: true})
}

// writeHead writes the blobs of the head.
func (w *folderWriter) writeHead(ctx context.Context, s *SignedBundle) error {
	head, err := blob.Open(w.path(headFolder + "blobs"))
	if err != nil {
		return err
	}
	batch := head.NewBatch()
	for _, l := range s.small() {
		if err := stage(ctx, head, batch, l); err != nil {
			return errors.Join(err, batch.Discard(), head.Close())
		}
	}
	return errors.Join(batch.Sync(ctx), head.Close())
}

// writeDerived writes the small files that are no blobs of the head.
func (w *folderWriter) writeDerived() error {
	var files []*blob.File
	for name, content := range w.files.derived {
		f, err := w.create(name, int64(len(content)))
		if err == nil {
			files = append(files, f)
			_, err = f.Write(content)
		}
		if err != nil {
			return errors.Join(err, discardFiles(files))
		}
		if len(files) == filesAtOnce {
			if err := blob.CommitFiles(files...); err != nil {
				return err
			}
			files = nil
		}
	}
	return blob.CommitFiles(files...)
}

// create begins a file, in the place of the remains of an interrupted run.
func (w *folderWriter) create(name string, size int64) (*blob.File, error) {
	path := w.path(name)
	if err := errors.Join(blob.MakeDir(filepath.Dir(path), 0o755), removeFile(path)); err != nil {
		return nil, err
	}
	return blob.CreateFile(path, size, 0o644)
}

func discardFiles(files []*blob.File) (err error) {
	for _, f := range files {
		err = errors.Join(err, f.Discard())
	}
	return err
}

// planned returns the paths of all files.
func (w *folderWriter) planned(s *SignedBundle) map[string]bool {
	out := map[string]bool{headFolder + layoutFile: true, headFolder + indexFile: true}
	for _, l := range s.small() {
		out[headFolder+blobName(l.Descriptor.Digest)] = true
	}
	for name := range w.files.derived {
		out[name] = true
	}
	for _, desc := range s.tree.payload {
		out[w.files.paths[blobName(desc.Digest)]] = true
	}
	return out
}

func (w *folderWriter) path(name string) string {
	return filepath.Join(w.dir, filepath.FromSlash(name))
}

// writePayload writes the large blobs. The disk completes one file while the next one is copied.
func (w *folderWriter) writePayload(ctx context.Context, payload []ocispec.Descriptor) error {
	var need int64
	missing := payload[:0:0]
	for _, desc := range payload {
		path := w.path(w.files.paths[blobName(desc.Digest)])
		if hasFile(ctx, path, desc) {
			w.count(desc.Size)
			continue
		}
		if err := blob.MakeDir(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := blob.CheckFileSize(filepath.Dir(path), filepath.Base(path), desc.Size); err != nil {
			return err
		}
		need += desc.Size
		missing = append(missing, desc)
	}
	if free, err := blob.Free(w.dir); err == nil && free < need {
		return &blob.NoSpaceError{Path: w.dir, Need: need, Have: free}
	}
	var commits errgroup.Group
	commits.SetLimit(1)
	var batch []*blob.File
	var size int64
	commit := func() {
		full := batch
		commits.Go(func() error { return blob.CommitFiles(full...) })
		batch, size = nil, 0
	}
	for _, desc := range missing {
		f, err := w.copyFile(ctx, desc)
		if err != nil { // the files before it are complete
			commit()
			return errors.Join(fmt.Errorf("%s: %w", w.files.paths[blobName(desc.Digest)], err), commits.Wait())
		}
		batch, size = append(batch, f), size+desc.Size
		if len(batch) == filesAtOnce || size >= bytesAtOnce {
			commit()
		}
	}
	commit()
	return commits.Wait()
}

// copyFile copies a blob into a file, which is not committed yet.
func (w *folderWriter) copyFile(ctx context.Context, desc ocispec.Descriptor) (*blob.File, error) {
	from, err := w.open(desc.Digest)
	if err != nil {
		return nil, err
	}
	defer from.Close()
	f, err := w.create(w.files.paths[blobName(desc.Digest)], desc.Size)
	if err != nil {
		return nil, err
	}
	if err := copyBlob(ctx, f, from, desc, w.progress); err != nil {
		return nil, errors.Join(err, f.Discard())
	}
	return f, nil
}

func (w *folderWriter) count(n int64) {
	if w.progress != nil {
		w.progress(n)
	}
}

// hasFile reports whether a file has the content of a blob already.
func hasFile(ctx context.Context, path string, desc ocispec.Descriptor) bool {
	info, err := os.Lstat(path)
	if err != nil || !info.Mode().IsRegular() || info.Size() != desc.Size {
		return false
	}
	f, err := blob.OpenRegular(path)
	if err != nil {
		return false
	}
	defer f.Close()
	return blob.Copy(discard{}, blob.NewMeter(ctx, f, nil), desc.Digest, desc.Size) == nil
}

// discard is a writer that keeps nothing.
type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }

// removeFile removes a file, which need not exist.
func removeFile(path string) error {
	if err := os.Remove(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
