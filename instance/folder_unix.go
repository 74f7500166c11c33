//go:build unix

package instance

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// maxLinks bounds the links on the way to a folder, as the kernel does.
const maxLinks = 40

// openFolder opens a folder for root by descriptors, and may make it if there is none. The owner has to get there through the folders
// above, which are made along with it.
func openFolder(path string, create bool) (*os.File, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	at, err := openAt(unix.AT_FDCWD, "/", "/")
	if err != nil {
		return nil, err
	}
	links := 0
	for todo := splitPath(path); len(todo) > 0; {
		name := todo[0]
		todo = todo[1:]
		next, target, err := step(at, name, create)
		if err == nil && target != "" {
			if links++; links > maxLinks {
				err = &os.PathError{Op: "open", Path: path, Err: unix.ELOOP}
			}
			todo = append(splitPath(target), todo...)
			if next = at; filepath.IsAbs(target) && err == nil {
				next, err = openAt(unix.AT_FDCWD, "/", "/")
			}
		}
		if next != at {
			at.Close()
		}
		if err != nil {
			return nil, err
		}
		at = next
	}
	return at, nil
}

func splitPath(path string) []string {
	return strings.FieldsFunc(path, func(r rune) bool { return r == filepath.Separator })
}

// step opens the folder name in at, or makes it. If it is a link of root's, step returns its target.
func step(at *os.File, name string, create bool) (next *os.File, target string, err error) {
	path := filepath.Join(at.Name(), name)
	f, err := openAt(int(at.Fd()), name, path)
	if errors.Is(err, unix.ENOENT) && create {
		if err := makeFolder(int(at.Fd()), name); err != nil && !errors.Is(err, unix.EEXIST) {
			return nil, "", &os.PathError{Op: "mkdir", Path: path, Err: err}
		}
		f, err = openAt(int(at.Fd()), name, path)
	}
	if err != nil {
		return nil, "", err
	}
	info, err := f.Stat()
	switch {
	case err != nil:
	case info.IsDir():
		return f, "", nil
	case info.Mode()&os.ModeSymlink == 0:
		err = fmt.Errorf("%s is no folder", path)
	default:
		if uid, _ := ownerOf(info); uid != 0 {
			err = &LinkError{path, uid}
			break
		}
		target, err = readLink(f)
	}
	f.Close()
	return nil, target, err
}

// makeFolder makes a folder that everybody may enter, also if the umask closes it. Somebody may replace it by a link at once, so the mode
// is set by its descriptor.
func makeFolder(at int, name string) error {
	if err := unix.Mkdirat(at, name, 0o755); err != nil {
		return err
	}
	fd, err := unix.Openat(at, name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	return errors.Join(unix.Fchmod(fd, 0o755), unix.Close(fd))
}

// openAt opens a file for its place alone, without reading it and without following a link.
func openAt(at int, name, path string) (*os.File, error) {
	fd, err := unix.Openat(at, name, placeOnly|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: path, Err: err}
	}
	return os.NewFile(uintptr(fd), path), nil
}

func readLink(f *os.File) (string, error) {
	target := make([]byte, unix.PathMax)
	n, err := unix.Readlinkat(int(f.Fd()), "", target)
	if err != nil {
		return "", &os.PathError{Op: "readlink", Path: f.Name(), Err: err}
	}
	return string(target[:n]), nil
}

// reopen opens a folder of openAt for reading.
func reopen(f *os.File) (*os.File, error) {
	fd, err := unix.Openat(int(f.Fd()), ".", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: f.Name(), Err: err}
	}
	return os.NewFile(uintptr(fd), f.Name()), nil
}

func ownerOf(info fs.FileInfo) (uid, gid int) {
	st := info.Sys().(*syscall.Stat_t)
	return int(st.Uid), int(st.Gid)
}

// isReadOnly reports whether the file system of a folder forbids writing.
func isReadOnly(dir string) bool { return errors.Is(unix.Access(dir, unix.W_OK), unix.EROFS) }
