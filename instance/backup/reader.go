package backup

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"

	"github.com/opencontainers/go-digest"

	"offlinestore/blob"
)

// Contents is the content of a backup, without the parts that went to the Sinks.
type Contents struct {
	Header   Header
	Manifest Manifest
	// Files are the files of the manifest, with their content.
	Files []File
}

// Sinks take the parts that are too large for memory. These parts are not verified as a whole before Read returns, so a first Read
// goes without sinks: without a sink, Read verifies its part and drops it.
type Sinks struct {
	// Database takes the dump.
	Database io.Writer
	// Blob takes a blob of a size. It must read and verify it.
	Blob func(dg blob.Digest, size int64, r io.Reader) error
}

// Read reads all of a decrypted backup, and compares it with its manifest. Nothing may follow its end.
func Read(r io.Reader, sinks Sinks) (*Contents, error) {
	// An error of decryption means that the backup was cut off or altered: no byte of it passes unauthenticated.
	rd := &reader{tar: tar.NewReader(&source{r: r}), sinks: sinks, database: digest.SHA256.Digester()}
	if sinks.Database == nil {
		rd.sinks.Database = io.Discard
	}
	if err := rd.run(); err != nil {
		return nil, err
	}
	if n, err := io.Copy(io.Discard, r); err != nil || n > 0 {
		return nil, fmt.Errorf("%w: %d bytes follow its end (%v)", ErrCorrupt, n, err)
	}
	return &rd.out, nil
}

// source marks the errors of reading, to distinguish them from errors of the sinks.
type source struct{ r io.Reader }

func (s *source) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	if err != nil && err != io.EOF {
		err = fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	return n, err
}

type reader struct {
	tar      *tar.Reader
	sinks    Sinks
	out      Contents
	seen     Manifest // without Missing
	database digest.Digester
	files    int64 // in bytes
	pieces   int
	last     blob.Digest
}

// The order of the entries. A stage never comes again.
const (
	stageHead = iota
	stageFiles
	stageDatabase
	stageBlobs
	stageEnd
)

func (rd *reader) run() error {
	stage := stageHead
	for stage != stageEnd {
		h, err := rd.tar.Next()
		if err != nil {
			return corrupt(stage, err)
		}
		if h.Typeflag != tar.TypeReg {
			return fmt.Errorf("%w: %.80q is no file", ErrCorrupt, h.Name)
		}
		at := stageOf(h.Name)
		if at < stage || at > stageHead && rd.out.Header.Format == 0 {
			return fmt.Errorf("%w: %.80q is not in its place", ErrCorrupt, h.Name)
		}
		stage = at
		if err := rd.entry(stage, h); err != nil {
			return err
		}
	}
	if _, err := rd.tar.Next(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("%w: something follows its manifest", ErrCorrupt)
	}
	return rd.compare()
}

func corrupt(stage int, err error) error {
	switch {
	case errors.Is(err, ErrCorrupt):
		return err
	case stage == stageHead && errors.Is(err, tar.ErrHeader):
		return fmt.Errorf("%w: %w", ErrNotBackup, err)
	}
	return fmt.Errorf("%w: it ends too early (%w)", ErrCorrupt, err)
}

func stageOf(name string) int {
	switch {
	case name == headName:
		return stageHead
	case strings.HasPrefix(name, filesDir):
		return stageFiles
	case strings.HasPrefix(name, databaseDir):
		return stageDatabase
	case strings.HasPrefix(name, blobsDir):
		return stageBlobs
	case name == manifestName:
		return stageEnd
	}
	return -1
}

func (rd *reader) entry(stage int, h *tar.Header) error {
	switch stage {
	case stageHead:
		return rd.head(h)
	case stageFiles:
		return rd.file(h)
	case stageDatabase:
		return rd.piece(h)
	case stageBlobs:
		return rd.blob(h)
	}
	return rd.json(h, maxManifest, &rd.out.Manifest)
}

func (rd *reader) head(h *tar.Header) error {
	if rd.out.Header.Format != 0 {
		return fmt.Errorf("%w: two heads", ErrCorrupt)
	}
	text, err := rd.small(h, maxHead)
	if err != nil {
		return err
	}
	// A newer header may have unknown members; the version of the format is always in the same place.
	if err := json.Unmarshal(text, &rd.out.Header); err != nil {
		return fmt.Errorf("%w: %s: %w", ErrCorrupt, h.Name, err)
	}
	switch f := rd.out.Header.Format; {
	case f < 1:
		return fmt.Errorf("%w: format %d", ErrCorrupt, f)
	case f > Format:
		return fmt.Errorf("%w (%.40q): its format is %d, this program reads %d", ErrTooNew, rd.out.Header.Program, f, Format)
	}
	return nil
}

func (rd *reader) file(h *tar.Header) error {
	name := strings.TrimPrefix(h.Name, filesDir)
	if err := validatePath(name); err != nil {
		return err
	}
	data, err := rd.small(h, MaxFile)
	if err != nil {
		return err
	}
	if rd.files += int64(len(data)); rd.files > maxFilesSize || len(rd.out.Files) == maxFiles {
		return fmt.Errorf("%w: too many files", ErrCorrupt)
	}
	f := File{Path: name, Mode: fs.FileMode(h.Mode).Perm(), Sum: Sum{h.Size, digest.FromBytes(data)}}
	rd.seen.Files = append(rd.seen.Files, f)
	f.Data = data
	rd.out.Files = append(rd.out.Files, f)
	return nil
}

func (rd *reader) piece(h *tar.Header) error {
	if h.Name != pieceName(rd.pieces) || h.Size > pieceSize || rd.pieces == maxPieces {
		return fmt.Errorf("%w: %.80q is not in its place", ErrCorrupt, h.Name)
	}
	data, err := rd.small(h, pieceSize)
	if err != nil {
		return err
	}
	rd.pieces++
	rd.seen.Database.Size += h.Size
	rd.database.Hash().Write(data)
	if _, err := rd.sinks.Database.Write(data); err != nil {
		return fmt.Errorf("restore the database: %w", err)
	}
	return nil
}

func (rd *reader) blob(h *tar.Header) error {
	dg := digest.NewDigestFromEncoded(digest.SHA256, strings.TrimPrefix(h.Name, blobsDir))
	if err := blob.CheckDigest(dg); err != nil || dg <= rd.last {
		return fmt.Errorf("%w: %.100q is not in its place", ErrCorrupt, h.Name)
	}
	rd.last = dg
	rd.seen.Blobs.Number++
	rd.seen.Blobs.Size += h.Size
	if rd.sinks.Blob != nil {
		return rd.sinks.Blob(dg, h.Size, rd.tar)
	}
	err := blob.Copy(io.Discard, rd.tar, dg, h.Size)
	if errors.Is(err, blob.ErrWrongDigest) {
		return fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	if err != nil {
		return corrupt(stageBlobs, err)
	}
	return nil
}

// small reads an entry that fits into memory.
func (rd *reader) small(h *tar.Header, max int64) ([]byte, error) {
	if h.Size > max {
		return nil, fmt.Errorf("%w: %.80q has %d bytes, which is too many", ErrCorrupt, h.Name, h.Size)
	}
	text, err := io.ReadAll(rd.tar)
	if err != nil {
		return nil, corrupt(stageEnd, err)
	}
	return text, nil
}

func (rd *reader) json(h *tar.Header, max int64, v any) error {
	text, err := rd.small(h, max)
	if err != nil {
		return err
	}
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(v); err != nil {
		return fmt.Errorf("%w: %s: %w", ErrCorrupt, h.Name, err)
	}
	if dec.InputOffset() != int64(len(text)) {
		return fmt.Errorf("%w: %s: something follows it", ErrCorrupt, h.Name)
	}
	return nil
}

// compare compares the parts that were read with the manifest.
func (rd *reader) compare() error {
	rd.seen.Database.Digest = rd.database.Digest()
	m := &rd.out.Manifest
	same := func(a, b File) bool { return a.Path == b.Path && a.Mode == b.Mode && a.Sum == b.Sum }
	if !slices.EqualFunc(m.Files, rd.seen.Files, same) || m.Database != rd.seen.Database || m.Blobs != rd.seen.Blobs {
		return fmt.Errorf("%w: it holds something else than its manifest says", ErrCorrupt)
	}
	return nil
}
