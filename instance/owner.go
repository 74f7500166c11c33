package instance

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// serviceUsers are the users that a data folder made by root is given to: first the installer's user, then PostgreSQL's, because
// PostgreSQL refuses to run as root.
var serviceUsers = []string{"snap-store-proxy", "postgres"}

// RootOwnedError means that root owns a data folder with content, so that there is no user to continue as.
type RootOwnedError struct{ Dir string }

func (e *RootOwnedError) Error() string {
	return fmt.Sprintf("the data folder %s has content, and belongs to root", e.Dir)
}

// ErrNoServiceUser means that there is no user to give a new data folder to.
var ErrNoServiceUser = fmt.Errorf("this system has no user to own a store: want %s", strings.Join(serviceUsers, " or "))

// Enter makes the data folder if there is none, and changes from root to the owner of the folder. Inputs that only root can read,
// and low ports, must be open before. The error may be an UnreachableError, a RootOwnedError, an ErrNoServiceUser, a LinkError or
// a HalfRestoredError.
func (d Dir) Enter() error { return d.enterWhole(true) }

// EnterExisting enters the data folder for work that changes nothing. It makes nothing, and leaves an empty folder alone. The error may also be a
// NoStoreError.
func (d Dir) EnterExisting() error { return d.enterWhole(false) }

// enterWhole enters the data folder, and refuses one that holds only a part of a store. What is changed there would end up aside.
func (d Dir) enterWhole(create bool) error {
	if err := d.enter(create); err != nil {
		return err
	}
	return d.validateWhole()
}

func (d Dir) enter(create bool) error {
	if os.Geteuid() != 0 {
		return d.open(create)
	}
	f, err := openFolder(string(d), create)
	if !create && errors.Is(err, fs.ErrNotExist) {
		return &NoStoreError{string(d)}
	}
	if err != nil {
		return fmt.Errorf("open the data folder: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return fmt.Errorf("open the data folder: %w", err)
	}
	owner, group := ownerOf(info)
	if owner == 0 {
		if owner, group, err = d.giveAway(f, create); err != nil {
			return err
		}
	}
	if err := dropTo(owner, group); err != nil {
		return err
	}
	dir, err := filepath.Abs(string(d))
	if err != nil {
		return err
	}
	if _, err := os.ReadDir(dir); errors.Is(err, fs.ErrPermission) {
		return &UnreachableError{dir, owner}
	}
	return nil
}

// open finds the data folder for a user without root's rights.
func (d Dir) open(create bool) error {
	info, err := os.Stat(string(d))
	if errors.Is(err, fs.ErrNotExist) {
		if !create {
			return &NoStoreError{string(d)}
		}
		if err := os.MkdirAll(string(d), 0o755); err != nil {
			return fmt.Errorf("make the data folder: %w", err)
		}
		info, err = os.Stat(string(d))
	}
	if err != nil {
		return fmt.Errorf("open the data folder: %w", err)
	}
	if !info.IsDir() {
		return fmt.Errorf("open the data folder: %s is no folder", d)
	}
	return nil
}

// lostFound is a folder that a file system has at its top.
const lostFound = "lost+found"

// giveAway makes a service user the owner of an empty folder of root's, if that may change. It refuses a folder with content, since
// root's rights are not kept for work that hostile files take part in.
func (d Dir) giveAway(f *os.File, change bool) (uid, gid int, err error) {
	dir, err := reopen(f)
	if err != nil {
		return 0, 0, err
	}
	defer dir.Close()
	names, err := dir.Readdirnames(2)
	if err != nil && !errors.Is(err, io.EOF) {
		return 0, 0, err
	}
	if len(names) > 1 || len(names) == 1 && names[0] != lostFound {
		// Another process may have given the folder away, and begun to fill it, since its owner was read.
		info, err := f.Stat()
		if err != nil {
			return 0, 0, err
		}
		if uid, gid = ownerOf(info); uid == 0 {
			return 0, 0, &RootOwnedError{string(d)}
		}
		return uid, gid, nil
	}
	if !change {
		return 0, 0, &NoStoreError{string(d)}
	}
	for _, name := range serviceUsers {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err1 := strconv.Atoi(u.Uid)
		gid, err2 := strconv.Atoi(u.Gid)
		if err := errors.Join(err1, err2); err != nil {
			return 0, 0, err
		}
		return uid, gid, dir.Chown(uid, gid)
	}
	return 0, 0, ErrNoServiceUser
}

// dropTo changes all threads of the process to a user without rights. If the folder's group is root's, which a plain chown leaves,
// the user's own group takes its place.
func dropTo(uid, gid int) error {
	if gid == 0 {
		u, err := user.LookupId(strconv.Itoa(uid))
		if err != nil {
			return fmt.Errorf("the data folder is of group 0, and its owner has no group of its own: %w", err)
		}
		if gid, err = strconv.Atoi(u.Gid); err != nil {
			return err
		}
	}
	for _, err := range []error{syscall.Setgroups([]int{gid}), syscall.Setgid(gid), syscall.Setuid(uid)} {
		if err != nil {
			return fmt.Errorf("change to the owner of the data folder (user %d): %w", uid, err)
		}
	}
	return os.Setenv("HOME", homeOf(uid))
}

// homeOf returns the home of a user. PostgreSQL's programs look for keys there, and fail in a home that they cannot enter, as root's.
func homeOf(uid int) string {
	u, err := user.LookupId(strconv.Itoa(uid))
	if err != nil || u.HomeDir == "" {
		return "/nonexistent"
	}
	return u.HomeDir
}

func ownerOf(info fs.FileInfo) (uid, gid int) {
	st := info.Sys().(*syscall.Stat_t)
	return int(st.Uid), int(st.Gid)
}
