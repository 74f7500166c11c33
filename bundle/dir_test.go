//go:build unix

package bundle_test

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"offlinestore/bundle"
)

// TestHostileDirectory alters a layout directory in one way at a time.
func TestHostileDirectory(t *testing.T) {
	t.Parallel()
	c := sample(t)
	s := c.seal(t)
	packed := c.pack(t, s, bundle.None)
	payload := filepath.Join("blobs", "sha256", s.Payload()[0].Digest.Encoded())
	put := func(dir, name, text string) error {
		path := filepath.Join(dir, name)
		return errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o644))
	}
	link := func(dir, name string) error {
		path := filepath.Join(dir, name)
		return errors.Join(os.Rename(path, filepath.Join(dir, ".moved")), os.Symlink(filepath.Join(dir, ".moved"), path))
	}
	tests := map[string]struct {
		edit func(dir string) error
		want string
		is   error
	}{
		"missing oci-layout": {func(d string) error { return os.Remove(filepath.Join(d, "oci-layout")) }, "no oci-layout", bundle.ErrNotBundle},
		"missing index.json": {func(d string) error { return os.Remove(filepath.Join(d, "index.json")) }, "did not finish", bundle.ErrCorrupt},
		"missing blob":       {func(d string) error { return os.Remove(filepath.Join(d, payload)) }, "missing", bundle.ErrCorrupt},
		"missing blobs":      {func(d string) error { return os.RemoveAll(filepath.Join(d, "blobs")) }, "missing", bundle.ErrCorrupt},
		"extra file":         {func(d string) error { return put(d, "README", "x") }, `"README" is extra`, bundle.ErrCorrupt},
		"extra folder":       {func(d string) error { return put(d, "folder/file", "x") }, "extra", bundle.ErrCorrupt},
		"extra blob":         {func(d string) error { return put(d, "blobs/sha256/"+strings.Repeat("0", 64), "x") }, "extra", bundle.ErrCorrupt},
		"extra algorithm":    {func(d string) error { return put(d, "blobs/sha512/x", "x") }, "extra", bundle.ErrCorrupt},
		"folder in blobs":    {func(d string) error { return put(d, "blobs/sha256/a/b", "x") }, "extra", bundle.ErrCorrupt},
		"symlinked blob":     {func(d string) error { return link(d, payload) }, "no plain file", bundle.ErrCorrupt},
		"symlinked index":    {func(d string) error { return link(d, "index.json") }, "no plain file", bundle.ErrCorrupt},
		"symlinked layout":   {func(d string) error { return link(d, "oci-layout") }, "no plain file", bundle.ErrCorrupt},
		"symlinked blobs":    {func(d string) error { return link(d, "blobs") }, "no plain folder", bundle.ErrCorrupt},
		"symlinked inside": {func(d string) error {
			return errors.Join(os.Rename(filepath.Join(d, "blobs"), filepath.Join(d, ".b")), os.Symlink(".b", filepath.Join(d, "blobs")))
		}, "no plain folder", bundle.ErrCorrupt},
		"fifo for a blob":     {func(d string) error { return fifo(filepath.Join(d, payload)) }, "no plain file", bundle.ErrCorrupt},
		"folder for a blob":   {func(d string) error { return folder(filepath.Join(d, payload)) }, "no plain file", bundle.ErrCorrupt},
		"shorter blob":        {func(d string) error { return os.Truncate(filepath.Join(d, payload), 5) }, "5 bytes, want", bundle.ErrCorrupt},
		"altered blob":        {func(d string) error { return alter(filepath.Join(d, payload)) }, "wrong content", bundle.ErrCorrupt},
		"altered index.json":  {func(d string) error { return alter(filepath.Join(d, "index.json")) }, "index.json", bundle.ErrCorrupt},
		"altered layout file": {func(d string) error { return alter(filepath.Join(d, "oci-layout")) }, "oci-layout", bundle.ErrCorrupt},
		"huge index.json":     {func(d string) error { return os.Truncate(filepath.Join(d, "index.json"), bundle.MaxIndexSize+1) }, "index.json", bundle.ErrLimit},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := unpack(t, packed)
			if err := test.edit(dir); err != nil {
				t.Fatal(err)
			}
			_, err := receivePath(t, dir)
			if err == nil {
				t.Fatal("it was read")
			}
			if test.is != nil && !errors.Is(err, test.is) || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want one with %q", err, test.want)
			}
		})
	}
}

func fifo(path string) error { return errors.Join(os.Remove(path), syscall.Mkfifo(path, 0o644)) }

func folder(path string) error { return errors.Join(os.Remove(path), os.Mkdir(path, 0o755)) }

func alter(path string) error {
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	b[0] ^= 1
	return os.WriteFile(path, b, 0o644)
}

// TestDirectoryWithForeignFiles reads a layout that contains files of desktop systems.
func TestDirectoryWithForeignFiles(t *testing.T) {
	t.Parallel()
	c := sample(t)
	s := c.seal(t)
	dir := unpack(t, c.pack(t, s, bundle.None))
	blobs := filepath.Join(dir, "blobs", "sha256")
	for _, path := range []string{filepath.Join(dir, ".DS_Store"), filepath.Join(dir, "blobs", "._sha256"), filepath.Join(blobs, "._"+s.Payload()[0].Digest.Encoded()),
		filepath.Join(dir, ".Trashes", "x"), filepath.Join(dir, "blobs", ".staging", "x"), filepath.Join(dir, "lost+found", "x"),
		filepath.Join(dir, "System Volume Information", "x"), filepath.Join(dir, "$Recycle.bin", "x"), filepath.Join(dir, "blobs", "Thumbs.db"), filepath.Join(blobs, "desktop.ini")} {
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte("x"), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	got, err := receivePath(t, dir)
	if err != nil {
		t.Fatal(err)
	}
	checkReceived(t, got, c, s)
}

// TestDamagedDirectory shows that the errors name a missing and a damaged blob, and that the others can be read.
func TestDamagedDirectory(t *testing.T) {
	t.Parallel()
	c := sample(t)
	s := c.seal(t)
	dir := unpack(t, c.pack(t, s, bundle.None))
	file := func(i int) string { return filepath.Join(dir, "blobs", "sha256", s.Payload()[i].Digest.Encoded()) }
	if err := errors.Join(os.Remove(file(0)), alter(file(2))); err != nil {
		t.Fatal(err)
	}
	r, err := bundle.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var bad []string
	for {
		_, blob, err := r.Next()
		if err == io.EOF {
			break
		}
		if err == nil {
			_, err = io.Copy(io.Discard, blob)
		}
		var damaged *bundle.BlobError
		if err != nil && !errors.As(err, &damaged) {
			t.Fatal(err)
		}
		if err != nil {
			bad = append(bad, damaged.Title)
		}
	}
	if got, want := strings.Join(bad, " "), "core24_1196.snap jq+compa_1.comp"; got != want {
		t.Errorf("damaged: %s, want %s", got, want)
	}
}

// TestOpen opens paths that are no bundles, and reads inputs twice.
func TestOpen(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if _, err := bundle.Open(filepath.Join(dir, "nothing")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a path of nothing: got %v", err)
	}
	if _, err := bundle.Open(dir); !errors.Is(err, bundle.ErrNotBundle) {
		t.Errorf("an empty folder: got %v", err)
	}
	c := sample(t)
	s := c.seal(t)
	file := filepath.Join(dir, "jq.tar")
	if err := os.WriteFile(file, c.pack(t, s, bundle.None), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{file, unpack(t, c.pack(t, s, bundle.None))} {
		in, err := bundle.OpenInput(path)
		if err != nil {
			t.Fatal(err)
		}
		if !in.Rewindable() {
			t.Errorf("%s can't be read twice", path)
		}
		for range 2 {
			r, err := in.Reader()
			if err != nil {
				t.Fatal(err)
			}
			got, err := receive(t.Context(), r, trusted(t))
			if err != nil {
				t.Fatal(err)
			}
			checkReceived(t, got, c, s)
			if err := r.Close(); err != nil {
				t.Error(err)
			}
		}
		if err := in.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestPipe reads a bundle from a pipe that the shell has opened, which can be read once.
func TestPipe(t *testing.T) {
	t.Parallel()
	c := sample(t)
	s := c.seal(t)
	pipe, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer pipe.Close()
	packed := c.pack(t, s, bundle.Gzip)
	done := make(chan error)
	go func() {
		_, err := w.Write(packed)
		done <- errors.Join(err, w.Close())
	}()
	in, err := bundle.OpenInput(fmt.Sprintf("/dev/fd/%d", pipe.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	r, err := in.Reader()
	if err != nil {
		t.Fatal(err)
	}
	got, err := receive(t.Context(), r, trusted(t))
	if err := errors.Join(err, <-done); err != nil {
		t.Fatal(err)
	}
	checkReceived(t, got, c, s)
	if in.Rewindable() {
		t.Error("a pipe is said to be readable twice")
	}
	if _, err := in.Reader(); err == nil {
		t.Error("a pipe was read twice")
	}
}
