//go:build linux || darwin

// Package snapddriver builds the snapdclient program, which lives in a module of its own, for tests and the demo to run.
package snapddriver

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// buildTimeout leaves time for the modules to be downloaded.
const buildTimeout = 5 * time.Minute

// Build returns the path of the program. If the program can't be built, the test is skipped, or fails if the variable CI
// is set.
func Build(tb testing.TB) string {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), buildTimeout)
	defer cancel()
	path, err := Binary(ctx)
	if err != nil {
		if os.Getenv("CI") != "" {
			tb.Fatalf("build snapdclient: %v", err)
		}
		tb.Skipf("needs snapdclient: %v", err)
	}
	return path
}

// Binary returns the path of the program. It builds the program once for each state of its sources and keeps it in the
// user's cache folder. Processes that ask at the same time wait for one build. The working directory must be inside of the
// main module.
func Binary(ctx context.Context) (string, error) {
	src, err := sourceDir()
	if err != nil {
		return "", err
	}
	key, err := sourceKey(src)
	if err != nil {
		return "", fmt.Errorf("hash sources of snapdclient: %w", err)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = os.TempDir() // HOME is not set, as in a bare container
	}
	dir := filepath.Join(cache, "offlinestore-test")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	unlock, err := lock(filepath.Join(dir, "snapdclient.lock"))
	if err != nil {
		return "", fmt.Errorf("lock %s: %w", dir, err)
	}
	defer unlock()

	path := filepath.Join(dir, "snapdclient-"+key)
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	if err := build(ctx, src, path); err != nil {
		return "", err
	}
	return path, nil
}

// sourceDir finds the program's sources from anywhere in the main module.
func sourceDir() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		b, err := os.ReadFile(filepath.Join(dir, "go.mod"))
		if err == nil && bytes.HasPrefix(b, []byte("module offlinestore\n")) {
			return filepath.Join(dir, "internal", "snapdclient"), nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", errors.New("the working directory is outside of module offlinestore")
		}
		dir = parent
	}
}

// sourceKey returns a name for a build that depends on all of its inputs. go.sum pins the modules.
func sourceKey(dir string) (string, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		return "", err
	}
	files = append(files, filepath.Join(dir, "go.mod"), filepath.Join(dir, "go.sum"))
	slices.Sort(files)
	h := sha256.New()
	fmt.Fprintln(h, runtime.Version(), runtime.GOOS, runtime.GOARCH)
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			return "", err
		}
		fmt.Fprintln(h, filepath.Base(file), len(b))
		h.Write(b)
	}
	return hex.EncodeToString(h.Sum(nil)[:8]), nil
}

// lock acquires an exclusive lock, which lasts until unlock is called or the process ends.
func lock(path string) (unlock func(), err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	for {
		err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX)
		if !errors.Is(err, syscall.EINTR) {
			break
		}
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return func() { f.Close() }, nil
}

func build(ctx context.Context, src, path string) error {
	tmp := path + ".tmp"
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-o", tmp, ".")
	cmd.Dir = src
	// GOFLAGS is replaced as a whole, because flags for the main module (a race detector, a vendor folder) don't suit this
	// one.
	cmd.Env = append(os.Environ(), "GOFLAGS=-mod=readonly -buildvcs=false", "GOWORK=off", "CGO_ENABLED=0", "GOOS=", "GOARCH=")
	var stderr strings.Builder
	cmd.Stdout, cmd.Stderr = io.Discard, &stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("go build: %w\n%s", err, stderr.String())
	}
	return os.Rename(tmp, path)
}
