package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"

	"offlinestore/cmd/internal/cli"
)

// serviceUsers are the users that a data folder made by root is given to: the installer's, else PostgreSQL's, since
// PostgreSQL refuses to run as root.
var serviceUsers = []string{"snap-store-proxy", "postgres"}

// defaultDataDir is the original's inside a snap; else the system's for root, and the user's own for others.
func defaultDataDir() string {
	if dir := os.Getenv("SNAP_COMMON"); dir != "" {
		return dir
	}
	if os.Geteuid() == 0 {
		return "/var/lib/snap-store-proxy"
	}
	if dir := os.Getenv("XDG_DATA_HOME"); dir != "" {
		return filepath.Join(dir, "snap-store-proxy")
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "snap-store-proxy"
	}
	return filepath.Join(home, ".local", "share", "snap-store-proxy")
}

// enterDataDir makes the data folder if there is none, and gives up root's rights for those of its owner. Inputs that only
// root can read, and low ports, must be open by then.
func enterDataDir(dir string) error {
	info, err := os.Stat(dir)
	if errors.Is(err, fs.ErrNotExist) {
		// Its owner has to get there through the folders above, which are made along with it.
		umask := syscall.Umask(0o022)
		err = os.MkdirAll(dir, 0o755)
		syscall.Umask(umask)
		if err != nil {
			return fmt.Errorf("make the data folder: %w", err)
		}
		info, err = os.Stat(dir)
	}
	if err != nil {
		return fmt.Errorf("open the data folder: %w", err)
	}
	if !info.IsDir() {
		return fmt.Errorf("the data folder %s is no folder", dir)
	}
	if os.Geteuid() != 0 {
		return nil
	}
	owner, group := ownerOf(info)
	if owner == 0 {
		if owner, group, err = giveAway(dir); err != nil || owner == 0 {
			return err
		}
	}
	if err := dropTo(owner, group); err != nil {
		return err
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return err
	}
	if _, err := os.ReadDir(dir); errors.Is(err, fs.ErrPermission) {
		return cli.Hint(fmt.Errorf("its owner, user %d, can't get to the data folder %s", owner, dir), "let that user enter each folder above it (chmod o+x FOLDER), or choose another with --data-dir")
	}
	return nil
}

// giveAway makes a service user the owner of an empty folder of root's. A folder with something in it is left alone.
func giveAway(dir string) (uid, gid int, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return 0, 0, err
	}
	if len(entries) > 0 {
		// Another process may have given it away, and begun to fill it, since we looked.
		info, err := os.Stat(dir)
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
		return uid, gid, os.Chown(dir, uid, gid)
	}
	return 0, 0, nil
}

// dropTo changes all threads of the process to a user without rights. Where the folder's group is root's, which a plain chown
// leaves, it is the user's own group instead.
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
