//go:build unix

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
	"syscall"
)

// enterAsRoot opens the data folder, and changes to its owner.
func (d Dir) enterAsRoot(create bool) error {
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
