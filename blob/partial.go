package blob

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// maxKey is the longest name of a partial download. A digest in hexadecimal fits.
const maxKey = 128

// Partial is a download that a later process can continue. It is appended to until it is committed or discarded. It is locked:
// only one Partial of a key can be open. Its methods are not safe for concurrent use.
type Partial struct {
	d    *Dir
	f    *os.File
	size int64
}

// Partial opens the download with a key, to continue at Size. The error wraps [ErrBusy] while another process, or another part of
// this one, has it open. The existing content must be hashed again before it is trusted: see WriteTo.
func (d *Dir) Partial(key string) (*Partial, error) {
	if !validKey(key) {
		return nil, fmt.Errorf("partial download %.140q: want a name of letters, digits, '-', '_' and '.'", key)
	}
	folder := d.folder(partialFolder)
	var gone error
	for range 100 {
		var f *os.File
		err := makeDir(folder, d.modes.DirMode)
		if err == nil {
			f, err = openNoFollow(filepath.Join(folder, key), os.O_RDWR|os.O_CREATE)
		}
		if isGone(err) {
			gone = err // another process has just removed the empty folder
			time.Sleep(gonePoll)
			continue
		}
		if err != nil {
			return nil, d.writeError("open partial download "+key, 0, err)
		}
		p, err := d.openPartial(f)
		if p != nil {
			return p, nil
		}
		f.Close()
		if err != nil {
			return nil, fmt.Errorf("open partial download %s: %w", key, err)
		}
	}
	if errors.Is(gone, fs.ErrPermission) {
		return nil, fmt.Errorf("open partial download %s: %w", key, gone)
	}
	return nil, fmt.Errorf("open partial download %s: %w", key, ErrBusy)
}

// openPartial returns nil without an error if the file was committed or discarded while it was being opened.
func (d *Dir) openPartial(f *os.File) (*Partial, error) {
	fi, err := os.Lstat(f.Name())
	if isGone(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if !fi.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a regular file", f.Name())
	}
	if ok, err := tryLock(f); err != nil {
		return nil, err
	} else if !ok {
		return nil, ErrBusy
	}
	if ok, err := hasName(f); !ok || err != nil {
		return nil, err
	}
	if err := setMode(f, d.modes.FileMode); err != nil {
		return nil, err
	}
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return nil, err
	}
	return &Partial{d, f, size}, nil
}

func validKey(key string) bool {
	if key == "" || len(key) > maxKey || key[0] == '.' {
		return false
	}
	for _, c := range []byte(key) {
		switch {
		case '0' <= c && c <= '9', 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', c == '-', c == '_', c == '.':
		default:
			return false
		}
	}
	return true
}

// Size returns the number of bytes written so far.
func (p *Partial) Size() int64 { return p.size }

// Write appends b.
func (p *Partial) Write(b []byte) (int, error) {
	done := 0
	for done < len(b) {
		n, err := p.f.WriteAt(b[done:min(done+blockSize, len(b))], p.size)
		if p.size/writeBackSize != (p.size+int64(n))/writeBackSize {
			startWriteBack(p.f, p.size/writeBackSize*writeBackSize, writeBackSize)
		}
		done += n
		p.size += int64(n)
		if err != nil {
			return done, p.d.writeError("write partial download", int64(len(b)-done), err)
		}
	}
	return done, nil
}

// WriteTo implements [io.WriterTo]. It writes the existing content, to be hashed before the rest arrives.
func (p *Partial) WriteTo(w io.Writer) (int64, error) {
	buf := p.d.bufs.Get().(*[]byte)
	defer p.d.bufs.Put(buf)
	n, err := io.CopyBuffer(onlyWriter{w}, onlyReader{io.NewSectionReader(p.f, 0, p.size)}, *buf)
	if err == nil && n != p.size {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// onlyReader and onlyWriter make io.CopyBuffer use the buffer it is given.
type onlyReader struct{ io.Reader }
type onlyWriter struct{ io.Writer }

// ReadAt implements [io.ReaderAt] for the existing content.
func (p *Partial) ReadAt(b []byte, off int64) (int, error) { return p.f.ReadAt(b, off) }

// Reopen opens the content once more, for readers that go on after the Partial was committed, discarded or closed.
func (p *Partial) Reopen() (*os.File, error) {
	f, err := openNoFollow(p.f.Name(), os.O_RDONLY)
	if err != nil {
		return nil, fmt.Errorf("reopen partial download: %w", err)
	}
	return f, nil
}

// Truncate drops everything after the first size bytes. A size of 0 drops everything, for servers that do not continue a
// download.
func (p *Partial) Truncate(size int64) error {
	if size < 0 || size > p.size {
		return fmt.Errorf("truncate partial download of %d bytes to %d", p.size, size)
	}
	if err := p.f.Truncate(size); err != nil {
		return fmt.Errorf("truncate partial download: %w", err)
	}
	p.size = size
	return nil
}

// Close keeps the content for the next time.
func (p *Partial) Close() error { return errors.Join(unlock(p.f), p.f.Close()) }

// Sync writes the content to the disk. Commit does so, too, and takes less time after it.
func (p *Partial) Sync() error {
	if err := syncData(p.f); err != nil {
		return p.d.writeError("sync partial download", p.size, err)
	}
	return nil
}

// Commit makes the download a blob, durably. The caller has verified that the content matches the digest. If only the name fails, the
// download stays, and a later Partial continues it.
func (p *Partial) Commit(dg Digest) error {
	if err := CheckDigest(dg); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	if err := syncData(p.f); err != nil {
		return p.d.writeError("commit blob "+string(dg), p.size, err)
	}
	if err := p.d.publish(p.f, dg); err != nil {
		return err
	}
	RemoveEmpty(filepath.Dir(p.f.Name()))
	if err := SyncDir(p.d.folder(blobsFolder)); err != nil {
		return fmt.Errorf("commit blob %s: %w", dg, err)
	}
	return nil
}

// Discard removes the download.
func (p *Partial) Discard() error {
	if err := removeOpen(p.f); err != nil {
		return fmt.Errorf("discard partial download: %w", err)
	}
	RemoveEmpty(filepath.Dir(p.f.Name()))
	return nil
}

// PartialInfo describes a partial download.
type PartialInfo struct {
	Key  string
	Size int64
	// Time is when it was last written to.
	Time time.Time
}

// Partials returns the partial downloads in the order of their keys, open or not.
func (d *Dir) Partials() ([]PartialInfo, error) {
	entries, err := os.ReadDir(d.folder(partialFolder))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("list partial downloads: %w", err)
	}
	var all []PartialInfo
	for _, e := range entries {
		if fi, err := e.Info(); err == nil && fi.Mode().IsRegular() && validKey(e.Name()) {
			all = append(all, PartialInfo{e.Name(), fi.Size(), fi.ModTime()})
		}
	}
	return all, nil
}

// CleanPartial removes the partial downloads that have not been written to since then, unless they are open.
func (d *Dir) CleanPartial(since time.Time) error {
	entries, err := os.ReadDir(d.folder(partialFolder))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("clean partial downloads: %w", err)
	}
	var errs []error
	for _, e := range entries {
		fi, err := e.Info()
		if err != nil || !validKey(e.Name()) || !fi.ModTime().Before(since) {
			continue
		}
		p, err := d.Partial(e.Name())
		if errors.Is(err, ErrBusy) {
			continue
		}
		if err == nil {
			err = p.Discard()
		}
		errs = append(errs, err)
	}
	RemoveEmpty(d.folder(partialFolder))
	return errors.Join(errs...)
}
