package blob

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/opencontainers/go-digest"
)

// The folders of a Dir.
const (
	blobsFolder      = "sha256"
	stagingFolder    = ".staging"
	partialFolder    = ".partial"
	quarantineFolder = ".quarantine"
)

// blockSize is the unit of reading and writing. Larger writes reach the disk later, and all at once: on ext4, 128 to 256 KiB were
// measured to be two to four times as fast as 1 MiB and more.
const blockSize = 256 << 10

// Options are the modes of the files and folders that a Dir creates. They do not depend on the umask.
type Options struct {
	// DirMode is the mode of folders; 0 is 0755.
	DirMode fs.FileMode
	// FileMode is the mode of blobs; 0 is 0644.
	FileMode fs.FileMode
	// Existing makes no directory. A missing one is read like an empty one.
	Existing bool
}

// Dir is a directory of blobs. It is safe for concurrent use by several goroutines, and the directory by several processes.
type Dir struct {
	root  string
	modes Options
	bufs  sync.Pool // of *[]byte of blockSize

	mu      sync.Mutex
	session *session // the session for staging; nil before the first one
	staged  int      // the number of the next staged file
}

// Info describes a blob.
type Info struct {
	Digest Digest
	Size   int64
	// Time is when the blob was committed.
	Time time.Time
}

// Open opens the directory with the default modes. It creates a missing directory.
func Open(dir string) (*Dir, error) { return Options{}.Open(dir) }

// Open opens the directory. It creates a missing one, unless Existing is set. An existing directory need not be writable: its blobs can be read.
func (o Options) Open(dir string) (*Dir, error) {
	if o.DirMode == 0 {
		o.DirMode = 0o755
	}
	if o.FileMode == 0 {
		o.FileMode = 0o644
	}
	root, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("open blob directory: %w", err)
	}
	d := &Dir{root: root, modes: o}
	d.bufs.New = func() any { b := make([]byte, blockSize); return &b }
	if o.Existing {
		return d, nil
	}
	if err := makeDir(d.folder(blobsFolder), o.DirMode); err != nil {
		return nil, fmt.Errorf("open blob directory: %w", err)
	}
	return d, nil
}

// Close removes staged blobs that were not committed. Only a Dir that stages needs it.
func (d *Dir) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	s := d.session
	d.session = nil
	if s == nil {
		return nil
	}
	return s.end()
}

// Root returns the absolute path of the directory.
func (d *Dir) Root() string { return d.root }

func (d *Dir) folder(name string) string { return filepath.Join(d.root, name) }

// Space returns the number of bytes that the file system of the folder can still hold, and its size.
func (d *Dir) Space() (free, size int64, err error) { return space(d.root) }

// Path returns the path of the blob's file, which need not exist.
func (d *Dir) Path(dg Digest) (string, error) {
	if err := CheckDigest(dg); err != nil {
		return "", err
	}
	return filepath.Join(d.root, blobsFolder, dg.Encoded()), nil
}

// Has reports whether the directory holds the blob. Only a regular file is a blob.
func (d *Dir) Has(dg Digest) bool {
	_, err := d.Info(dg)
	return err == nil
}

// Stat returns the size of the blob. The error wraps [ErrNotFound] if there is none.
func (d *Dir) Stat(dg Digest) (int64, error) {
	info, err := d.Info(dg)
	return info.Size, err
}

// Info describes the blob. The error wraps [ErrNotFound] if there is none.
func (d *Dir) Info(dg Digest) (Info, error) {
	path, err := d.Path(dg)
	if err != nil {
		return Info{}, err
	}
	fi, err := os.Lstat(path)
	if err != nil {
		return Info{}, blobError(dg, err)
	}
	if !fi.Mode().IsRegular() {
		return Info{}, fmt.Errorf("blob %s: %s is not a regular file", dg, path)
	}
	return Info{dg, fi.Size(), fi.ModTime()}, nil
}

// OpenBlob opens the blob for reading. The content is not verified: see [Dir.VerifyBlob] and [NewVerifyReader]. The error wraps
// [ErrNotFound] if there is no such blob. Links are not followed.
func (d *Dir) OpenBlob(dg Digest) (*os.File, error) {
	path, err := d.Path(dg)
	if err != nil {
		return nil, err
	}
	f, err := openNoFollow(path, os.O_RDONLY)
	if err != nil {
		return nil, blobError(dg, err)
	}
	fi, err := f.Stat()
	if err == nil && !fi.Mode().IsRegular() {
		err = fmt.Errorf("%s is not a regular file", path)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("blob %s: %w", dg, err), f.Close())
	}
	return f, nil
}

// OpenSized opens the blob as [Dir.OpenBlob] does, and returns an error if the blob does not have size bytes. A server that sends such
// a blob would let its client find out only at the end, and the client would try again.
func (d *Dir) OpenSized(dg Digest, size int64) (*os.File, error) {
	f, err := d.OpenBlob(dg)
	if err != nil {
		return nil, err
	}
	fi, err := f.Stat()
	if err == nil && fi.Size() != size {
		err = fmt.Errorf("%d bytes, want %d", fi.Size(), size)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("blob %s: %w", dg, err), f.Close())
	}
	return f, nil
}

// VerifyBlob reads the blob and hashes it. It returns a *[CorruptError] if the content does not match the digest.
func (d *Dir) VerifyBlob(ctx context.Context, dg Digest) error {
	f, err := d.OpenBlob(dg)
	if err != nil {
		return err
	}
	defer f.Close()
	buf := d.bufs.Get().(*[]byte)
	defer d.bufs.Put(buf)
	sum := NewSums(SHA256)
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		n, err := f.Read(*buf)
		sum.Write((*buf)[:n])
		if err == io.EOF {
			break
		}
		if err != nil {
			return fmt.Errorf("verify blob %s: %w", dg, err)
		}
	}
	if got := sum.Digest(); got != dg {
		return &CorruptError{Digest: dg, Got: got, Path: f.Name(), Err: ErrWrongDigest}
	}
	return nil
}

// Remove deletes the blob. The error wraps [ErrNotFound] if there is none.
func (d *Dir) Remove(dg Digest) error {
	path, err := d.Path(dg)
	if err != nil {
		return err
	}
	return blobError(dg, remove(path))
}

// List calls fn for every blob in the order of their digests, and stops at fn's first error. It skips other files.
func (d *Dir) List(fn func(Info) error) error {
	entries, err := os.ReadDir(d.folder(blobsFolder))
	if err != nil && !(d.modes.Existing && errors.Is(err, fs.ErrNotExist)) {
		return fmt.Errorf("list blobs: %w", err)
	}
	for _, e := range entries {
		dg := digest.NewDigestFromEncoded(digest.SHA256, e.Name())
		if !e.Type().IsRegular() || CheckDigest(dg) != nil {
			continue
		}
		info, err := d.Info(dg)
		if errors.Is(err, ErrNotFound) {
			continue // removed meanwhile
		}
		if err != nil {
			return err
		}
		if err := fn(info); err != nil {
			return err
		}
	}
	return nil
}

// blobError names the blob, and turns the file system's "no such file" into ErrNotFound.
func blobError(dg Digest, err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, fs.ErrNotExist) {
		err = ErrNotFound
	}
	return fmt.Errorf("blob %s: %w", dg, err)
}
