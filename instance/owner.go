package instance

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
)

// serviceUsers are the users that a data folder made by root is given to: first the installer's user, then PostgreSQL's, because
// PostgreSQL refuses to run as root.
var serviceUsers = []string{"snap-store-proxy", "postgres"}

// Enter makes the data folder if there is none, and changes from root to the owner of the folder. Inputs that only root can read,
// and low ports, must be open before. The error may be an UnreachableError.
func (d Dir) Enter() error {
	info, err := d.make()
	if err != nil || os.Geteuid() != 0 {
		return err
	}
	owner, group := ownerOf(info)
	if owner == 0 {
		if owner, group, err = d.giveAway(); err != nil || owner == 0 {
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

// make returns the data folder, which it creates if there is none.
func (d Dir) make() (fs.FileInfo, error) {
	info, err := os.Stat(string(d))
	if errors.Is(err, fs.ErrNotExist) {
		// The owner has to get there through the folders above, which are made along with it.
		umask := syscall.Umask(0o022)
		err = os.MkdirAll(string(d), 0o755)
		syscall.Umask(umask)
		if err != nil {
			return nil, fmt.Errorf("make the data folder: %w", err)
		}
		info, err = os.Stat(string(d))
	}
	if err != nil {
		return nil, fmt.Errorf("open the data folder: %w", err)
	}
	if !info.IsDir() {
		return nil, fmt.Errorf("the data folder %s is no folder", d)
	}
	return info, nil
}

// giveAway makes a service user the owner of an empty folder of root's. It leaves a folder with content alone.
func (d Dir) giveAway() (uid, gid int, err error) {
	entries, err := os.ReadDir(string(d))
	if err != nil {
		return 0, 0, err
	}
	if len(entries) > 0 {
		// Another process may have given the folder away, and begun to fill it, since its owner was read.
		info, err := os.Stat(string(d))
		if err != nil {
			return 0, 0, err
		}
		uid, gid = ownerOf(info)
		return uid, gid, nil
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
		return uid, gid, os.Chown(string(d), uid, gid)
	}
	return 0, 0, nil
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
	return nil
}

func ownerOf(info fs.FileInfo) (uid, gid int) {
	st := info.Sys().(*syscall.Stat_t)
	return int(st.Uid), int(st.Gid)
}
