package main

import (
	"math"
	"strings"
	"testing"

	"offlinestore/cmd/internal/cli"
)

// TestFitFile replaces a test with a FAT32 disk, which not every kernel can mount.
func TestFitFile(t *testing.T) {
	t.Parallel()
	if err := fitFile("/media/usb", "jq.tar.gz", math.MaxUint32, math.MaxUint32, "FAT32"); err != nil {
		t.Errorf("4 GiB - 1: %v", err)
	}
	err := fitFile("/media/usb", "jq.tar.gz", math.MaxUint32+1, math.MaxUint32, "FAT32")
	if err == nil || codeOf(err) != cli.NoSpace || !strings.Contains(err.Error(), "jq.tar.gz would be 4.3 GB, and files on /media/usb (FAT32) end at 4.3 GB") {
		t.Errorf("4 GiB: got %v", err)
	}
	if err := checkFileSize(t.TempDir(), "jq.tar.gz", math.MaxUint32+1); err != nil {
		t.Errorf("on the disk of tests: %v", err)
	}
}
