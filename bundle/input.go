package bundle

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"

	"filippo.io/age"

	"offlinestore/blob"
)

// Input is a bundle that was opened and not yet read. A program can open its inputs with its first privileges, and drop these
// before it parses a byte.
type Input struct {
	Name string
	file *os.File
	root *os.Root
	used bool
	// members are the open files of a folder that is no layout.
	members    []Member
	membersErr error
	// pipe reads file if it can be read only once.
	pipe *bufio.Reader
	// medium makes the system forget files before they are read, or is nil.
	medium *blob.Medium
	// identities open an encrypted archive.
	identities []age.Identity
}

// Unlock gives the identities that open an encrypted archive.
func (in *Input) Unlock(identities ...age.Identity) { in.identities = identities }

// IsEncrypted reports whether the input is an encrypted file. It waits for the first bytes of a pipe.
func (in *Input) IsEncrypted() (bool, error) {
	start, err := in.Peek(len(ageMagic))
	return string(start) == ageMagic, err
}

// ReadMedium makes the system forget the files of the input before they are read, so that their bytes come from the disk.
func (in *Input) ReadMedium(m *blob.Medium) { in.medium = m }

// OpenInput opens a packed bundle, a layout directory, or standard input for "-". It refuses other files, and does not wait for them.
func OpenInput(path string) (*Input, error) {
	if path == "-" {
		return NewInput("standard input", os.Stdin), nil
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	in := &Input{Name: path}
	if info.IsDir() {
		in.root, err = os.OpenRoot(path)
	} else {
		in.file, err = blob.OpenNamed(path)
	}
	if err != nil {
		return nil, err
	}
	if in.IsFolder() {
		in.membersErr = in.openMembers(".", 0)
	}
	return in, nil
}

// NewInput returns an input that reads an open file or a pipe. Close closes the file.
func NewInput(name string, f *os.File) *Input { return &Input{Name: name, file: f} }

// Rewindable reports whether Reader may be called again. A pipe can be read only once.
func (in *Input) Rewindable() bool {
	if in.root != nil {
		return true
	}
	info, err := in.file.Stat()
	return err == nil && info.Mode().IsRegular()
}

// Reader reads the input from its beginning. An earlier Reader of the same input must not be used any more.
func (in *Input) Reader() (*Reader, error) {
	if in.root != nil {
		src, err := newDirSource(in.root, in.medium)
		if err != nil {
			return nil, fmt.Errorf("read bundle %s: %w", in.Name, err)
		}
		return newReader(in.Name, src)
	}
	if in.used && !in.Rewindable() {
		return nil, fmt.Errorf("read bundle %s: it can be read only once", in.Name)
	}
	if in.used {
		if _, err := in.file.Seek(0, io.SeekStart); err != nil {
			return nil, fmt.Errorf("read bundle %s: %w", in.Name, err)
		}
	}
	in.used = true
	if in.medium != nil {
		if err := in.medium.Drop(in.file); err != nil {
			return nil, fmt.Errorf("read bundle %s: %w", in.Name, err)
		}
	}
	return newPackedReader(in.Name, in.stream(), in.identities)
}

// stream returns the reader of a packed bundle.
func (in *Input) stream() io.Reader {
	if in.pipe != nil {
		return in.pipe
	}
	return in.file
}

// maxPeek is the largest number of bytes of a pipe for Peek and Preview.
const maxPeek = 64 << 10

// Peek returns the first n bytes of a file or a pipe, or fewer if there are no more. It does not read them for the other methods.
func (in *Input) Peek(n int) ([]byte, error) {
	if in.root != nil || in.used && !in.Rewindable() {
		return nil, nil
	}
	start := make([]byte, n)
	if in.Rewindable() {
		n, err := in.file.ReadAt(start, 0)
		if errors.Is(err, io.EOF) {
			err = nil
		}
		return start[:n], err
	}
	if in.pipe == nil {
		in.pipe = bufio.NewReaderSize(in.file, maxPeek)
	}
	start, err := in.pipe.Peek(n)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return start, err
}

// Preview returns a reader of the first bytes of a file or a pipe, which it does not read for the other methods. It waits for no more bytes of
// a pipe than are read from it. It returns nil for a folder.
func (in *Input) Preview() (io.Reader, error) {
	if r, err := in.File(); r != nil || err != nil || in.root != nil || in.used {
		return r, err
	}
	if in.pipe == nil {
		in.pipe = bufio.NewReaderSize(in.file, maxPeek)
	}
	return &preview{r: in.pipe}, nil
}

// preview reads the beginning of a pipe, and leaves it there.
type preview struct {
	r   *bufio.Reader
	off int
}

// Read returns bytes that the pipe has delivered, and waits for one if there are none.
func (p *preview) Read(b []byte) (int, error) {
	if p.off >= maxPeek {
		return 0, io.EOF
	}
	if _, err := p.r.Peek(p.off + 1); err != nil {
		return 0, err
	}
	there, err := p.r.Peek(p.r.Buffered())
	n := copy(b, there[p.off:])
	p.off += n
	return n, err
}

// Stream returns the bytes of a file or a pipe from its beginning. A pipe can be read only once.
func (in *Input) Stream() (io.Reader, error) {
	if r, err := in.File(); r != nil || err != nil {
		return r, err
	}
	if in.root != nil || in.used {
		return nil, fmt.Errorf("read %s: it can be read only once", in.Name)
	}
	in.used = true
	return in.stream(), nil
}

// File returns the input from its beginning, for callers that try other formats. It returns nil if the input can't be read again.
func (in *Input) File() (io.Reader, error) {
	if in.root != nil || !in.Rewindable() {
		return nil, nil
	}
	if _, err := in.file.Seek(0, io.SeekStart); err != nil {
		return nil, fmt.Errorf("read %s: %w", in.Name, err)
	}
	in.used = true
	return in.file, nil
}

// Size returns the size of a file in bytes, or 0 for another input.
func (in *Input) Size() int64 {
	if in.root != nil {
		return 0
	}
	info, err := in.file.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return 0
	}
	return info.Size()
}

// IsFolder reports whether the input is a folder that is no layout of a bundle.
func (in *Input) IsFolder() bool {
	if in.root == nil {
		return false
	}
	for _, name := range []string{layoutFile, indexFile, headFolder + layoutFile, headFolder + indexFile} {
		if _, err := in.root.Lstat(name); err == nil {
			return false
		}
	}
	return true
}

// Close closes the files.
func (in *Input) Close() error {
	if in.root != nil {
		for _, m := range in.members {
			if m.File != nil {
				m.File.Close() // it was only read
			}
		}
		return in.root.Close()
	}
	return in.file.Close()
}

// Open opens a packed bundle or a layout directory.
func Open(path string) (*Reader, error) {
	in, err := OpenInput(path)
	if err != nil {
		return nil, err
	}
	return in.Take()
}

// Take returns a reader whose Close closes the input, too.
func (in *Input) Take() (*Reader, error) {
	r, err := in.Reader()
	if err != nil {
		return nil, errors.Join(err, in.Close())
	}
	r.input = in
	return r, nil
}
