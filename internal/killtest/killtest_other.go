//go:build !(linux && amd64)

package killtest

import (
	"os/exec"
	"testing"
)

// AtRename needs to read the registers of a traced process.
func AtRename(t *testing.T, _ *exec.Cmd, _ int) bool {
	t.Helper()
	skip(t)
	return false
}

// TreeAtChange needs to read the registers of a traced process.
func TreeAtChange(t *testing.T, _ *exec.Cmd, _ int) bool {
	t.Helper()
	skip(t)
	return false
}

// SyncedFiles needs to read the registers of a traced process.
func SyncedFiles(t *testing.T, _ *exec.Cmd) map[string]bool {
	t.Helper()
	skip(t)
	return nil
}

func skip(t *testing.T) {
	t.Helper()
	t.Skip("this test traces processes on amd64")
}
