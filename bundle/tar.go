package bundle

import (
	"archive/tar"
	"bufio"
	"bytes"
	"io"
	"strings"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

const tarBlock = 512

// tarEnd is the end of the archive; no padding follows it.
const tarEnd = 2 * tarBlock

// tarHeader returns the only valid header of a file with that name and size: USTAR, mode 0644, owner 0, no times. A size of 8 GiB
// or more is in GNU's base-256 form, which every current tar reads.
func tarHeader(name string, size int64) []byte {
	h := &tar.Header{Typeflag: tar.TypeReg, Name: name, Size: size, Mode: 0o644, Format: tar.FormatUSTAR}
	if size >= 1<<33 {
		h.Format = tar.FormatGNU
	}
	var b bytes.Buffer
	if err := tar.NewWriter(&b).WriteHeader(h); err != nil {
		panic("bundle: tar header: " + err.Error()) // names and sizes are our own and bounded
	}
	return b.Bytes()
}

// tarFolders returns the headers of the folders of blobs, which come before the first blob. A user who unpacks without being root
// needs them, because skopeo gives folders without a header to root.
func tarFolders() []byte {
	var b bytes.Buffer
	for _, name := range []string{"blobs/", blobPrefix} {
		h := &tar.Header{Typeflag: tar.TypeDir, Name: name, Mode: 0o755, Format: tar.FormatUSTAR}
		if err := tar.NewWriter(&b).WriteHeader(h); err != nil {
			panic("bundle: tar header: " + err.Error()) // the names are our own
		}
	}
	return b.Bytes()
}

// padding returns the number of zero bytes after n bytes of a file.
func padding(n int64) int64 { return -n & (tarBlock - 1) }

// tarSize returns the size of a file of n bytes with its header.
func tarSize(n int64) int64 { return tarBlock + n + padding(n) }

// tarSource reads a tar whose files are known in advance.
type tarSource struct {
	r    io.Reader
	zstd io.Closer     // the decoder, or nil
	tail *bufio.Reader // the input below any compression
	rest int64         // bytes of the current file that were not read yet
	pad  int64
	buf  [tarBlock]byte
	// inBlobs is set after the folders of blobs.
	inBlobs bool
	// gzip is set if the framing is gzip. size is the length of the input, or -1 if it is not a file.
	gzip bool
	size int64
	// encrypted is set if the archive is inside of an encryption.
	encrypted bool
	// end is where the current file ends in the tar.
	end int64
	// file is the input if it is a regular file that was read from its beginning, or nil.
	file io.ReaderAt
	// payload is where the head ends in the tar.
	payload int64
}

// openFile expects the file name with that size as the next one. The size -1 accepts any size up to max.
func (t *tarSource) openFile(name string, size, max int64) (io.Reader, int64, error) {
	if err := t.skip(); err != nil {
		return nil, 0, err
	}
	if strings.HasPrefix(name, blobPrefix) && !t.inBlobs {
		if err := t.folders(); err != nil {
			return nil, 0, err
		}
	}
	if _, err := io.ReadFull(t.r, t.buf[:]); err != nil {
		return nil, 0, readError("tar header of "+name, err)
	}
	if size < 0 {
		h, err := t.parse()
		if err != nil || h.Name != name || h.Size < 0 {
			return nil, 0, t.wrongHeader(name)
		}
		if size = h.Size; size > max {
			return nil, 0, limit("size of "+name, size, max)
		}
	}
	if !bytes.Equal(t.buf[:], tarHeader(name, size)) {
		return nil, 0, t.wrongHeader(name)
	}
	t.rest, t.pad = size, padding(size)
	t.end += tarSize(size)
	return &tarFile{t}, size, nil
}

// folders expects the folders of blobs.
func (t *tarSource) folders() error {
	want := tarFolders()
	got := make([]byte, len(want))
	if _, err := io.ReadFull(t.r, got); err != nil {
		return readError("tar headers of the folders of blobs", err)
	}
	if !bytes.Equal(got, want) {
		copy(t.buf[:], got)
		if bytes.Equal(got[:tarBlock], want[:tarBlock]) {
			copy(t.buf[:], got[tarBlock:])
		}
		return t.wrongHeader("the folder " + blobPrefix)
	}
	t.inBlobs = true
	t.end += int64(len(want))
	return nil
}

// checkLength compares the length of the input with the one that follows from the head. That of zstd does not follow.
func (t *tarSource) checkLength(payload []ocispec.Descriptor) error {
	if t.size < 0 || t.zstd != nil {
		return nil
	}
	want := t.end + tarEnd
	for _, desc := range payload {
		want += tarSize(desc.Size)
	}
	if t.gzip {
		want = gzipSize(want)
	}
	switch {
	case t.size < want:
		return corrupt("it is cut off: %d bytes, want %d", t.size, want)
	case t.size > want:
		return corrupt("something follows its end: %d bytes, want %d", t.size, want)
	}
	return nil
}

// parse parses only the name, size and kind in the header in buf.
func (t *tarSource) parse() (*tar.Header, error) {
	return tar.NewReader(bytes.NewReader(t.buf[:])).Next()
}

// wrongHeader returns an error that names the file in the archive and the expected one.
func (t *tarSource) wrongHeader(want string) error {
	h, err := t.parse()
	switch {
	case err != nil:
		return corrupt("tar: a damaged header where %s should be", want)
	case h.Typeflag != tar.TypeReg:
		return corrupt("tar: %.120q is no plain file; %s should be here", h.Name, want)
	case h.Name == want:
		return corrupt("tar: the header of %s has another size, mode, owner or time than in a bundle", want)
	case strings.HasPrefix(h.Name, blobPrefix) || h.Name == indexFile || h.Name == layoutFile:
		return corrupt("tar: %.120q is extra, double or out of order; %s should be here", h.Name, want)
	}
	return corrupt("tar: unexpected file %.120q; %s should be here", h.Name, want)
}

// skip skips the rest of the current file, and its padding.
func (t *tarSource) skip() error {
	if n, err := io.CopyN(io.Discard, t.r, t.rest); err != nil {
		t.rest -= n
		return readError("tar", err)
	}
	t.rest = 0
	pad := t.buf[:t.pad]
	if _, err := io.ReadFull(t.r, pad); err != nil {
		return readError("tar", err)
	}
	t.pad = 0
	return zeros(pad)
}

// expectEnd reads the end of the archive and makes sure that nothing follows.
func (t *tarSource) expectEnd() error {
	if err := t.skip(); err != nil {
		return err
	}
	for range tarEnd / tarBlock {
		if _, err := io.ReadFull(t.r, t.buf[:]); err != nil {
			return readError("end of tar", err)
		}
		if err := zeros(t.buf[:]); err != nil {
			return corrupt("tar: an extra file, or damage, where the archive should end")
		}
	}
	if n, err := t.r.Read(t.buf[:1]); n > 0 || err == nil {
		return corrupt("tar: something follows the end of the archive")
	} else if err != io.EOF {
		return readError("end of tar", err)
	}
	if _, err := t.tail.ReadByte(); err == nil {
		return corrupt("something follows the end of the compressed archive")
	} else if err != io.EOF {
		return readError("end of the archive", err)
	}
	return nil
}

func (t *tarSource) random() bool { return false }

func (t *tarSource) Close() error {
	if t.zstd != nil {
		return t.zstd.Close()
	}
	return nil
}

type tarFile struct{ t *tarSource }

func (f *tarFile) Read(p []byte) (int, error) {
	if f.t.rest == 0 {
		return 0, io.EOF
	}
	n, err := f.t.r.Read(p[:min(int64(len(p)), f.t.rest)])
	f.t.rest -= int64(n)
	if err != nil {
		err = readError("tar", err)
	}
	return n, err
}

func zeros(b []byte) error {
	for _, c := range b {
		if c != 0 {
			return corrupt("tar: padding is not zero")
		}
	}
	return nil
}
