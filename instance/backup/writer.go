package backup

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/opencontainers/go-digest"

	"offlinestore/blob"
)

// Writer writes the content of a backup, unencrypted: Seal encrypts it. Its methods are called in the order of the format: AddFile,
// then Database, then AddBlob, then Close.
type Writer struct {
	tar      *tar.Writer
	time     time.Time
	manifest Manifest
}

// NewWriter begins a backup.
func NewWriter(w io.Writer, head Header) (*Writer, error) {
	head.Format = Format
	out := &Writer{tar: tar.NewWriter(w), time: head.Created.UTC().Truncate(time.Second)}
	head.Created = out.time
	return out, out.writeJSON(headName, head)
}

// AddFile adds a file of the data folder.
func (w *Writer) AddFile(f File) error {
	if err := validatePath(f.Path); err != nil {
		return err
	}
	if len(f.Data) > MaxFile {
		return fmt.Errorf("%s has %d bytes; want at most %d", f.Path, len(f.Data), MaxFile)
	}
	f.Sum = Sum{int64(len(f.Data)), digest.FromBytes(f.Data)}
	if err := w.header(filesDir+f.Path, f.Size, int64(f.Mode.Perm())); err != nil {
		return err
	}
	if _, err := w.tar.Write(f.Data); err != nil {
		return fmt.Errorf("save %s: %w", f.Path, err)
	}
	w.manifest.Files = append(w.manifest.Files, f)
	return nil
}

// Database returns a writer for a dump of the database. It holds only a piece of it in memory.
func (w *Writer) Database() *DatabaseWriter {
	return &DatabaseWriter{w: w, hash: digest.SHA256.Digester()}
}

// DatabaseWriter cuts a dump into pieces.
type DatabaseWriter struct {
	w      *Writer
	hash   digest.Digester
	buf    bytes.Buffer
	pieces int
}

// Write implements [io.Writer].
func (d *DatabaseWriter) Write(p []byte) (n int, err error) {
	for len(p) > 0 {
		k := min(len(p), pieceSize-d.buf.Len())
		d.buf.Write(p[:k])
		p, n = p[k:], n+k
		if d.buf.Len() == pieceSize {
			if err := d.flush(); err != nil {
				return n, err
			}
		}
	}
	return n, nil
}

// Close writes the last piece.
func (d *DatabaseWriter) Close() error {
	if d.buf.Len() > 0 {
		if err := d.flush(); err != nil {
			return err
		}
	}
	d.w.manifest.Database.Digest = d.hash.Digest()
	return nil
}

func (d *DatabaseWriter) flush() error {
	if d.pieces == maxPieces {
		return fmt.Errorf("the dump of the database is larger than %d MiB", maxPieces*pieceSize>>20)
	}
	if err := d.w.header(pieceName(d.pieces), int64(d.buf.Len()), 0o600); err != nil {
		return err
	}
	d.pieces++
	d.w.manifest.Database.Size += int64(d.buf.Len())
	d.hash.Hash().Write(d.buf.Bytes())
	_, err := d.buf.WriteTo(d.w.tar)
	return err
}

func pieceName(n int) string { return fmt.Sprintf("%s%06d", databaseDir, n) }

// AddBlob adds a blob, and verifies its content meanwhile. If the content differs from its digest, the error is a
// *[blob.CorruptError].
func (w *Writer) AddBlob(dg blob.Digest, size int64, r io.Reader) error {
	if err := blob.CheckDigest(dg); err != nil {
		return err
	}
	if err := w.header(blobsDir+dg.Encoded(), size, 0o644); err != nil {
		return err
	}
	if err := blob.Copy(w.tar, r, dg, size); err != nil {
		if _, ok := errors.AsType[*blob.CorruptError](err); ok {
			return err
		}
		return fmt.Errorf("save blob %s: %w", dg, err)
	}
	w.manifest.Blobs.Number++
	w.manifest.Blobs.Size += size
	return nil
}

// AddMissing records a blob that should be here and is not.
func (w *Writer) AddMissing(dg blob.Digest) { w.manifest.Missing = append(w.manifest.Missing, dg) }

// Close writes the manifest, and returns it.
func (w *Writer) Close() (*Manifest, error) {
	if err := w.writeJSON(manifestName, w.manifest); err != nil {
		return nil, err
	}
	if err := w.tar.Close(); err != nil {
		return nil, fmt.Errorf("end the backup: %w", err)
	}
	return &w.manifest, nil
}

func (w *Writer) writeJSON(name string, v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	if err := w.header(name, int64(len(text)), 0o600); err != nil {
		return err
	}
	if _, err := w.tar.Write(text); err != nil {
		return fmt.Errorf("save %s: %w", name, err)
	}
	return nil
}

func (w *Writer) header(name string, size, mode int64) error {
	h := &tar.Header{Typeflag: tar.TypeReg, Name: name, Size: size, Mode: mode, ModTime: w.time}
	if err := w.tar.WriteHeader(h); err != nil {
		return fmt.Errorf("save %s: %w", name, err)
	}
	return nil
}
