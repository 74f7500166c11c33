package receiver

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"

	"offlinestore/bundle"
)

const (
	// maxLine bounds a line of a ledger, in bytes, and blobsInLine the blobs in it. A bundle with more has several lines.
	maxLine     = 8 << 20
	blobsInLine = 50_000
	// maxLedger bounds a ledger, in bytes.
	maxLedger = 1 << 30
)

// Delivery is a bundle that was made for a receiver.
type Delivery struct {
	// Bundle is the digest of its bundle index, and Created the time of its signature.
	Bundle   digest.Digest `json:"bundle"`
	Created  time.Time     `json:"created"`
	Sequence uint64        `json:"sequence"`
	// File is the name of its file, without a folder.
	File string `json:"file"`
	// Blobs are the blobs of its payload that it did not leave out.
	Blobs []digest.Digest `json:"blobs"`
}

// DamageError reports a line of a ledger that is none.
type DamageError struct {
	Path string
	Line int
	Err  error
}

func (e *DamageError) Error() string {
	return fmt.Sprintf("the ledger %s is damaged in line %d: %v", e.Path, e.Line, e.Err)
}

func (e *DamageError) Unwrap() error { return e.Err }

func (r *Receiver) ledgerPath() string { return filepath.Join(r.folder, ledgerFile) }

// Deliveries reads the ledger, the oldest bundle first. The end of the file may lack the rest of a line that a killed program was writing: such a bundle
// counts as never made. The error is a DamageError for any other line that is not one.
func (r *Receiver) Deliveries() (list []Delivery, err error) {
	f, err := os.Open(r.ledgerPath())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the ledger: %w", err)
	}
	defer f.Close()
	_, err = readLines(f, func(line []byte) error {
		var d Delivery
		if err := json.Unmarshal(line, &d); err != nil {
			return &DamageError{r.ledgerPath(), len(list) + 1, err}
		}
		if err := d.validate(); err != nil {
			return &DamageError{r.ledgerPath(), len(list) + 1, err}
		}
		if n := len(list); n > 0 && list[n-1].ID() == d.ID() {
			list[n-1].Blobs = append(list[n-1].Blobs, d.Blobs...)
		} else {
			list = append(list, d)
		}
		return nil
	})
	return list, err
}

func (d *Delivery) validate() error {
	for _, dg := range append([]digest.Digest{d.Bundle}, d.Blobs...) {
		if !isDigest(dg) {
			return fmt.Errorf("%.80q is no digest", dg)
		}
	}
	return nil
}

// isDigest reports whether d is a SHA-256. The method Validate would take most of the time of reading a ledger.
func isDigest(d digest.Digest) bool {
	hex, ok := strings.CutPrefix(string(d), "sha256:")
	return ok && len(hex) == 64 && strings.Trim(hex, "0123456789abcdef") == ""
}

// readLines calls f for each whole line, and returns the bytes of them all.
func readLines(r io.Reader, f func(line []byte) error) (whole int64, err error) {
	in := bufio.NewReaderSize(io.LimitReader(r, maxLedger), 1<<20)
	var line []byte
	for {
		part, err := in.ReadSlice('\n')
		line = append(line, part...)
		switch {
		case errors.Is(err, bufio.ErrBufferFull) && len(line) <= maxLine:
			continue
		case errors.Is(err, io.EOF):
			return whole, nil
		case err != nil:
			return whole, fmt.Errorf("read the ledger: %w", err)
		}
		whole += int64(len(line))
		if err := f(bytes.TrimSuffix(line, []byte("\n"))); err != nil {
			return whole, err
		}
		line = line[:0]
	}
}

// Note adds bundles to the ledger. They are on the disk when it returns.
func (r *Receiver) Note(ctx context.Context, list ...Delivery) (err error) {
	unlock, err := r.lock(ctx)
	if err != nil {
		return fmt.Errorf("note what receiver %s gets: %w", r.Name, err)
	}
	defer func() { err = errors.Join(err, unlock()) }()
	var text bytes.Buffer
	for i := range list {
		if err := list[i].appendLines(&text); err != nil {
			return err
		}
	}
	f, err := os.OpenFile(r.ledgerPath(), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("note what receiver %s gets: %w", r.Name, err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	whole, err := readLines(f, func([]byte) error { return nil })
	if err == nil {
		err = f.Truncate(whole) // without the rest of a line that a killed program was writing
	}
	if err == nil {
		_, err = f.WriteAt(text.Bytes(), whole)
	}
	if err == nil {
		err = f.Sync()
	}
	if err != nil {
		return fmt.Errorf("note what receiver %s gets: %w", r.Name, err)
	}
	return nil
}

// appendLines appends the lines of a bundle.
func (d *Delivery) appendLines(text *bytes.Buffer) error {
	part := *d
	for blobs := d.Blobs; ; blobs = blobs[len(part.Blobs):] {
		part.Blobs = blobs[:min(len(blobs), blobsInLine)]
		line, err := json.Marshal(&part)
		if err != nil {
			return err
		}
		text.Write(append(line, '\n'))
		if len(part.Blobs) == len(blobs) {
			return nil
		}
	}
}

// carried returns a delivery as a bundle's statement names it.
func (d *Delivery) carried() bundle.Carried {
	return bundle.Carried{Bundle: d.Bundle, Created: d.Created.UTC().Truncate(time.Second), Sequence: d.Sequence, File: d.File}
}
