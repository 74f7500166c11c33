package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"syscall"

	"github.com/opencontainers/go-digest"

	"offlinestore/blob"
	"offlinestore/bundle"
	"offlinestore/cmd/internal/cli"
	"offlinestore/exporter"
)

// partsWriter writes the parts of a bundle.
type partsWriter struct {
	state   *partsState
	divided *bundle.DividedBundle
	cache   *exporter.Cache
	packing packing
	bar     *cli.Progress
	// insert asks for the next medium. It is nil if nobody can answer.
	insert func(ctx context.Context, text string) error
}

// nextMediumError reports a part for which the medium has no space.
type nextMediumError struct {
	number, count int
	file          string
	err           error
}

func (e *nextMediumError) Error() string {
	return fmt.Sprintf("part %d of %d (%s): %v", e.number, e.count, filepath.Base(e.file), e.err)
}

func (e *nextMediumError) Unwrap() error { return e.err }

// open opens a blob of the cache.
func (w *partsWriter) open(d digest.Digest) (io.ReadCloser, error) { return w.cache.Blobs.OpenBlob(d) }

// write writes the parts that are not done.
func (w *partsWriter) write(ctx context.Context) error {
	for n := 1; n <= len(w.divided.Files); n++ {
		if slices.Contains(w.state.Done, n) {
			continue
		}
		err := w.writePart(ctx, n)
		for errors.Is(err, syscall.ENOSPC) && w.insert != nil {
			text := fmt.Sprintf("%s needs %s, and has no space for it. Insert the next medium and press Enter: ", cli.Clean(filepath.Base(w.file(n))), cli.Bytes(w.size(n)))
			if err := w.insert(ctx, text); err != nil {
				return err
			}
			err = w.writePart(ctx, n)
		}
		if errors.Is(err, syscall.ENOSPC) {
			return &nextMediumError{n, len(w.divided.Files), w.file(n), err}
		}
		if err != nil {
			return err
		}
		w.state.Done = append(w.state.Done, n)
		w.state.Bundle.Parts = append(w.state.Bundle.Parts, exportedPart{n, w.file(n), w.size(n)})
		if err := w.state.save(); err != nil {
			return err
		}
	}
	return nil
}

// left returns the number of bytes of the payload in the parts that are not done.
func (w *partsWriter) left() (n int64) {
	for i := range w.divided.Files {
		if !slices.Contains(w.state.Done, i+1) {
			n += w.divided.Part(i + 1).PayloadSize()
		}
	}
	return n
}

// file returns the path of a part.
func (w *partsWriter) file(number int) string {
	return filepath.Join(w.state.Folder, w.divided.Files[number-1])
}

// size returns the size of a part, which is an upper bound for zstd.
func (w *partsWriter) size(number int) int64 {
	return w.packing.size(w.divided.Part(number))
}

// writePart writes a part, unless an earlier run has written it and was killed before it noted that.
func (w *partsWriter) writePart(ctx context.Context, number int) error {
	file := w.file(number)
	if w.isWritten(file, number) {
		return nil
	}
	if err := blob.MakeDir(w.state.Folder, 0o755); err != nil {
		return fmt.Errorf("make the export folder: %w", err)
	}
	p := w.packing
	p.open, p.progress = w.open, w.bar.Add
	_, err := packFile(ctx, w.divided.Part(number), file, p)
	return err
}

// isWritten reports whether a file is the part with this number.
func (w *partsWriter) isWritten(file string, number int) bool {
	info, err := os.Lstat(file)
	if err != nil || !info.Mode().IsRegular() || w.state.Compression != bundle.Zstd && info.Size() != w.size(number) {
		return false
	}
	if len(w.packing.encryptTo) > 0 { // nobody here can read it; files get their names when they are complete
		return true
	}
	r, err := bundle.Open(file)
	if err != nil {
		return false
	}
	defer r.Close()
	set, n := r.PartOf()
	return n == number && set == w.divided.Set()
}

// askForMedium waits until somebody has inserted a medium.
func askForMedium(ctx context.Context, text string) error {
	answered := make(chan error, 1)
	go func() {
		_, err := cli.Ask(text)
		answered <- err
	}()
	select {
	case err := <-answered:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// newInsert returns askForMedium if there is a terminal.
func newInsert() func(context.Context, string) error {
	if !cli.IsTerminal(os.Stdin) {
		return nil
	}
	return askForMedium
}
