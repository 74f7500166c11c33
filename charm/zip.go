package charm

import (
	"archive/zip"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
)

// Limits of the archive of a charm or charm bundle.
const (
	maxEntries = 50_000
	// maxDirectory limits the bytes read for the list of entries, before its length can be trusted.
	maxDirectory = 8 << 20
)

// ErrArchive reports an archive that is no charm or charm bundle that Juju could use.
var ErrArchive = errors.New("unusable archive")

var errDirectory = fmt.Errorf("its list of entries is over the limit of %d bytes", maxDirectory)

// cappedReader fails after left bytes while it is capped.
type cappedReader struct {
	r      io.ReaderAt
	left   int64
	capped bool
}

func (c *cappedReader) ReadAt(p []byte, off int64) (int, error) {
	if c.capped {
		if c.left -= int64(len(p)); c.left < 0 {
			return 0, errDirectory
		}
	}
	return c.r.ReadAt(p, off)
}

// OpenZip reads the list of entries of an archive. It limits both the list and the bytes that the library reads for it.
func OpenZip(r io.ReaderAt, size int64) (*zip.Reader, error) {
	capped := &cappedReader{r: r, left: maxDirectory, capped: true}
	z, err := zip.NewReader(capped, size)
	if errors.Is(err, zip.ErrFormat) {
		return nil, fmt.Errorf("%w: not a zip file", ErrArchive)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrArchive, err)
	}
	if len(z.File) > maxEntries {
		return nil, fmt.Errorf("%w: %d entries are over the limit of %d", ErrArchive, len(z.File), maxEntries)
	}
	capped.capped = false
	return z, nil
}

// readRoot returns the text of the named files at the root of z. It skips missing ones. Juju finds entries by their exact name,
// so an equivalent name in another spelling is refused: both must read the same file.
func readRoot(z *zip.Reader, names ...string) (map[string]string, error) {
	wanted := make(map[string]bool, len(names))
	for _, n := range names {
		wanted[n] = true
	}
	out := make(map[string]string)
	for _, f := range z.File {
		name := path.Clean(strings.ReplaceAll(f.Name, `\`, "/"))
		if !wanted[name] {
			continue
		}
		if f.Name != name {
			return nil, fmt.Errorf("%w: entry %.60q: want it spelled %s", ErrArchive, f.Name, name)
		}
		if _, ok := out[name]; ok {
			return nil, fmt.Errorf("%w: %s twice", ErrArchive, name)
		}
		if !f.Mode().IsRegular() {
			return nil, fmt.Errorf("%w: %s is no regular file", ErrArchive, name)
		}
		text, err := ReadEntry(f, MaxYAMLSize)
		if err != nil {
			return nil, err
		}
		out[name] = string(text)
	}
	return out, nil
}

// ReadEntry reads a whole entry of at most limit bytes. It does not rely on the size in the entry's header.
func ReadEntry(f *zip.File, limit int64) ([]byte, error) {
	r, err := f.Open()
	if err != nil {
		return nil, fmt.Errorf("%w: open %.60s: %w", ErrArchive, f.Name, err)
	}
	defer r.Close() // only read from
	text, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err != nil {
		return nil, fmt.Errorf("%w: read %.60s: %w", ErrArchive, f.Name, err)
	}
	if int64(len(text)) > limit {
		return nil, fmt.Errorf("%w: %.60s unpacks to more than %d bytes", ErrArchive, f.Name, limit)
	}
	return text, nil
}

// missing returns an error that name is not at the root of z. The error names another place if there is an obvious one.
func missing(z *zip.Reader, name string) error {
	for _, f := range z.File {
		if folder, base := path.Split(f.Name); base == name && strings.Count(folder, "/") == 1 {
			return fmt.Errorf("%w: no %s at its root but in the folder %.100s: zip what is in the folder, not the folder", ErrArchive, name, folder)
		}
	}
	return fmt.Errorf("%w: no %s in it", ErrArchive, name)
}
