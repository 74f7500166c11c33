package bundle_test

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"offlinestore/bundle"
)

// TestUnreadableMembers opens folders with a file that can't be read, and with places that are no files.
func TestUnreadableMembers(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	place := func(name string) string { return filepath.Join(dir, name) }
	must(os.WriteFile(place("file"), nil, 0o600))
	must(os.WriteFile(place("through-file"), nil, 0o600))
	for name, target := range map[string]string{"nowhere": "nothing", "outside": "/etc/passwd", "loop": "loop", "through": "file/x"} {
		must(os.Symlink(target, place(name)))
	}
	var listen net.ListenConfig
	socket, err := listen.Listen(t.Context(), "unix", place("socket"))
	must(err)
	defer socket.Close()
	files := 0
	for _, m := range membersOf(t, dir) {
		if m.File != nil {
			files++
		}
	}
	if files != 2 {
		t.Errorf("%d files, want 2", files)
	}

	must(os.Mkdir(place("hidden"), 0o755))
	must(os.Rename(place("file"), place("hidden/file")))
	must(os.Remove(place("through-file")))
	must(os.Symlink("hidden/file", place("a-link")))
	must(os.Chmod(place("hidden/file"), 0))
	must(os.Chmod(filepath.Dir(dir), 0o755))
	opened := make(chan error)
	go func() {
		runtime.LockOSThread() // root reads everything, so this thread is another user, and ends with the goroutine
		if os.Geteuid() == 0 {
			if err := unix.Setfsuid(65534); err != nil {
				opened <- err
				return
			}
		}
		in, err := bundle.OpenInput(dir)
		if err == nil {
			_, err = in.Members()
			err = errors.Join(err, in.Close())
		}
		opened <- err
	}()
	if err := <-opened; !errors.Is(err, fs.ErrPermission) || !strings.Contains(err.Error(), "a-link") {
		t.Errorf("got %v, want that a-link can't be read", err)
	}
}

// membersOf returns the members of a folder.
func membersOf(t *testing.T, dir string) []bundle.Member {
	t.Helper()
	in, err := bundle.OpenInput(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := in.Close(); err != nil {
			t.Error(err)
		}
	})
	members, err := in.Members()
	if err != nil {
		t.Fatal(err)
	}
	return members
}
