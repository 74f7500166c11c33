//go:build linux

package blob_test

import (
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"offlinestore/blob"
)

func TestFitFile(t *testing.T) {
	t.Parallel()
	if err := blob.FitFile("/media/usb", "jq.tar.gz", math.MaxUint32, math.MaxUint32, "FAT32"); err != nil {
		t.Errorf("4 GiB - 1: %v", err)
	}
	err := blob.FitFile("/media/usb", "jq.tar.gz", math.MaxUint32+1, math.MaxUint32, "FAT32")
	if !errors.Is(err, syscall.EFBIG) || !strings.Contains(err.Error(), "jq.tar.gz would have 4294967296 bytes, and files on /media/usb (FAT32) end at 4294967295") {
		t.Errorf("4 GiB: got %v", err)
	}
	if err := blob.CheckFileSize(t.TempDir(), "jq.tar.gz", math.MaxUint32+1); err != nil {
		t.Errorf("on the disk of tests: %v", err)
	}
}

// TestOpenRegular refuses everything that is not a file, without waiting for it.
func TestOpenRegular(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	if err := errors.Join(unix.Mkfifo(path("pipe"), 0o600), os.Symlink("pipe", path("link")), os.WriteFile(path("file"), []byte("x"), 0o600), os.Symlink("file", path("good"))); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"pipe": "a named pipe", "link": "a named pipe", ".": "a folder"} {
		var wrong *blob.NotRegularError
		if f, err := blob.OpenRegular(path(name)); !errors.As(err, &wrong) || !strings.Contains(err.Error(), want) {
			t.Errorf("OpenRegular(%s) = %v, %v, want %s", name, f, err, want)
		}
	}
	for _, name := range []string{"file", "good"} {
		if text, err := blob.ReadFile(path(name), 10); err != nil || string(text) != "x" {
			t.Errorf("ReadFile(%s) = %q, %v", name, text, err)
		}
	}
	var wrong *blob.NotRegularError
	if f, err := blob.OpenRegular("/dev/null"); !errors.As(err, &wrong) {
		t.Errorf("OpenRegular(/dev/null) = %v, %v", f, err)
	}
}
