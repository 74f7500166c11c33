package main

import (
	"fmt"
	"math"
	"testing"

	"offlinestore/blob"
	"offlinestore/cmd/internal/cli"
)

// TestCodeOfFileSize holds the exit code of a file that is too large for its file system.
func TestCodeOfFileSize(t *testing.T) {
	t.Parallel()
	if code := codeOf(fmt.Errorf("create: %w", &blob.FileSizeError{Name: "jq.tar.gz", Dir: "/media/usb", Size: math.MaxUint32 + 1})); code != cli.NoSpace {
		t.Errorf("exit code %d, want %d", code, cli.NoSpace)
	}
}
