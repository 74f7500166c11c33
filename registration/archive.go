package registration

import (
	"archive/tar"
	"bufio"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
)

// Folder is the top folder in an offline-snap-store.tar.gz.
const Folder = "offline-snap-store"

// The files of an offline-snap-store.tar.gz that describe its store.
const (
	StreamFile = Folder + "/proxy.assert"
	BundleFile = Folder + "/registration_bundle.b64"
)

const (
	maxArchive = 16 << 30 // unpacked: it has snaps in it
	maxEntries = 10_000
)

// ReadArchive reads an offline-snap-store.tar.gz, made by the original or by this project. It reads all of it and writes nothing.
func ReadArchive(r io.Reader) (*Claim, error) {
	c, err := readArchive(r)
	if err != nil {
		return nil, fmt.Errorf("archive: %w", err)
	}
	return c, nil
}

func readArchive(r io.Reader) (*Claim, error) {
	z, err := gzip.NewReader(bufio.NewReader(r))
	if err != nil {
		return nil, broken(err)
	}
	bounded := &io.LimitedReader{R: z, N: maxArchive}
	files, err := readFiles(tar.NewReader(bounded))
	if err == nil {
		// The checksum of gzip is at its end, behind the part that tar reads.
		err = onlyZeros(bounded)
	}
	switch {
	case bounded.N <= 0:
		return nil, fmt.Errorf("%w: larger than %d bytes", ErrFormat, int64(maxArchive))
	case err != nil:
		return nil, broken(err)
	}
	return files.claim()
}

func broken(err error) error {
	if errors.Is(err, ErrFormat) {
		return err
	}
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return fmt.Errorf("%w: %w", ErrFormat, err)
}

// archiveFiles are the files of an archive that ReadArchive uses; nil for a missing file.
type archiveFiles struct{ stream, bundle []byte }

func readFiles(t *tar.Reader) (*archiveFiles, error) {
	found := &archiveFiles{}
	for n := 0; ; n++ {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			return found, nil
		}
		if err != nil {
			return nil, err
		}
		if n >= maxEntries {
			return nil, fmt.Errorf("%w: more than %d files", ErrFormat, maxEntries)
		}
		name, err := cleanName(h.Name)
		if err != nil {
			return nil, err
		}
		switch name {
		case StreamFile:
			err = readEntry(t, h, &found.stream, MaxStream)
		case BundleFile:
			err = readEntry(t, h, &found.bundle, MaxBundle)
		}
		if err != nil {
			return nil, err
		}
	}
}

// cleanName refuses names that lead out of the folder: unpacking such an archive would overwrite other files.
func cleanName(name string) (string, error) {
	clean := path.Clean(name)
	if strings.HasPrefix(clean, "/") || clean == ".." || strings.HasPrefix(clean, "../") || strings.Contains("/"+name+"/", "/../") || strings.Contains(name, "\\") {
		return "", fmt.Errorf("%w: the path %.200q leads out of the archive", ErrFormat, name)
	}
	return clean, nil
}

func readEntry(t *tar.Reader, h *tar.Header, into *[]byte, max int64) error {
	switch {
	case h.Typeflag != tar.TypeReg:
		return fmt.Errorf("%w: %.200q is no file", ErrFormat, h.Name)
	case *into != nil:
		return fmt.Errorf("%w: %.200q is in it twice", ErrFormat, h.Name)
	case h.Size > max:
		return fmt.Errorf("%w: %.200q has %d bytes, at most %d are expected", ErrFormat, h.Name, h.Size, max)
	}
	text, err := io.ReadAll(t)
	if err != nil {
		return err
	}
	*into = append([]byte{}, text...)
	return nil
}

// onlyZeros reads the zeros with which tar pads the end, and returns an error for anything else.
func onlyZeros(r io.Reader) error {
	buf := make([]byte, 32<<10)
	for {
		n, err := r.Read(buf)
		for _, b := range buf[:n] {
			if b != 0 {
				return fmt.Errorf("%w: something follows the archive", ErrFormat)
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// claim parses the registration bundle, which has the keys too, or else the stream.
func (f *archiveFiles) claim() (*Claim, error) {
	switch {
	case f.bundle != nil:
		return ParseBundle(f.bundle)
	case f.stream != nil:
		return ParseStream(f.stream)
	}
	return nil, fmt.Errorf("%w: neither %s nor %s is in it", ErrNoStore, StreamFile, BundleFile)
}
