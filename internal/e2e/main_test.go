//go:build linux

package e2e_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"offlinestore/instance/pgcluster"
)

// programs holds the folder of both programs while the tests run.
type programs struct {
	dir   string
	build func() error
}

// built is filled in by TestMain, and used by every test.
var built programs

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "e2e-bin-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	built = programs{dir, sync.OnceValue(func() error {
		out, err := exec.Command("go", "build", "-buildvcs=false", "-ldflags=-w", "-o", dir+"/", "offlinestore/cmd/store-admin", "offlinestore/cmd/snap-store-proxy").CombinedOutput()
		if err != nil {
			return fmt.Errorf("build the programs: %w: %s", err, out)
		}
		return nil
	})}
	code := m.Run()
	if err := os.RemoveAll(dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	os.Exit(code)
}

// program returns the path of one of our programs.
func program(t *testing.T, name string) string {
	t.Helper()
	if err := built.build(); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(built.dir, name)
}

// needTools skips the test on machines that lack a tool, and fails it in CI.
func needTools(t *testing.T) {
	t.Helper()
	_, _, err := pgcluster.Find()
	if err == nil {
		_, err = exec.LookPath("mksquashfs")
	}
	if err != nil && os.Getenv("CI") != "" {
		t.Fatal(err)
	}
	if err != nil {
		t.Skip(err)
	}
}

// run runs a program, requires success, and returns its output.
func run(t *testing.T, env []string, name string, args ...string) string {
	t.Helper()
	stdout, stderr, err := tryRun(t, env, name, args...)
	if err != nil {
		t.Fatalf("%s %q: %v\n%s%s", filepath.Base(name), args, err, stdout, stderr)
	}
	return stdout
}

func tryRun(t *testing.T, env []string, name string, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Env = append(os.Environ(), env...)
	var out, errOut bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errOut
	err = cmd.Run()
	return out.String(), errOut.String(), err
}

// newDir returns a folder that PostgreSQL's user can reach: root gives the data folder to that user, but only the owner
// can enter t.TempDir.
func newDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "e2e-")
	if err == nil {
		err = os.Chmod(dir, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Errorf("remove the test's folder: %v", err)
		}
	})
	return dir
}

// realdata returns the folder of genuine data.
func realdata(t *testing.T) string {
	t.Helper()
	dir := os.Getenv("OFFLINESTORE_REALDATA")
	if dir != "" {
		if _, err := os.Stat(dir); err != nil {
			t.Fatal(err)
		}
		return dir
	}
	root, err := os.Getwd()
	for err == nil {
		if _, err := os.Stat(filepath.Join(root, "go.mod")); err == nil {
			break
		}
		if root == filepath.Dir(root) {
			err = errors.New("no go.mod above the test")
		}
		root = filepath.Dir(root)
	}
	if err != nil {
		t.Fatal(err)
	}
	dir = filepath.Join(root, "..", "shared", "realdata")
	if _, err := os.Stat(dir); err != nil {
		t.Skip("no genuine data; OFFLINESTORE_REALDATA names its folder")
	}
	return dir
}
