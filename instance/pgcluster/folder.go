package pgcluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"time"
)

// systemUser is the user that distributions make for PostgreSQL.
const systemUser = "postgres"

// pollInterval is the longest time between two looks at a lock, a start or a stop. The first looks follow each other faster: a start and a
// stop take only some of these intervals, and every command of a store that is not served waits for both.
const pollInterval = 10 * time.Millisecond

// folder is the cluster's folder with its owner. Everything in it is reached through root, so that files which the owner puts there
// can't lead a process of the user root outside.
type folder struct {
	path string
	root *os.Root
	// cred is the owner, for commands that must run as another user; nil if we are the owner ourselves.
	cred *identity
}

func openFolder(dir string) (*folder, error) {
	if dir == "" {
		return nil, errors.New("open the database cluster: no folder given")
	}
	path, err := makeFolder(dir)
	if err != nil {
		return nil, fmt.Errorf("make the folder of the database cluster: %w", err)
	}
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, fmt.Errorf("open the folder of the database cluster: %w", err)
	}
	f := &folder{path: path, root: root}
	if err := f.settleOwner(); err != nil {
		root.Close()
		return nil, err
	}
	return f, nil
}

// makeFolder makes dir and returns its path without links. It makes missing folders above dir so that others may enter them, since
// their owner may be root, and PostgreSQL must pass.
func makeFolder(dir string) (string, error) {
	path, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return "", err
	}
	if err := os.Mkdir(path, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return "", err
	}
	return filepath.EvalSymlinks(path)
}

// settleOwner determines the user who runs PostgreSQL, which refuses root: the owner of the folder; if that is root, the owner of
// the folder around it; if that is root too, the user that the distribution made for PostgreSQL.
func (f *folder) settleOwner() error {
	info, err := f.root.Stat(".")
	if err != nil {
		return fmt.Errorf("read the folder of the database cluster: %w", err)
	}
	uid, gid := owner(info)
	if me := uint32(os.Geteuid()); me != 0 {
		if uid != me {
			return fmt.Errorf("%s belongs to %s: run this command as that user", f.path, userName(uid))
		}
		return nil
	}
	if uid != 0 {
		f.cred = credential(uid, gid)
		return nil
	}
	if f.cred, err = heir(filepath.Dir(f.path)); err != nil {
		return err
	}
	return f.handOver()
}

// heir returns the user who gets a new folder in parent.
func heir(parent string) (*identity, error) {
	info, err := os.Stat(parent)
	if err != nil {
		return nil, fmt.Errorf("read the folder around the database cluster: %w", err)
	}
	if uid, gid := owner(info); uid != 0 {
		return credential(uid, gid), nil
	}
	u, err := user.Lookup(systemUser)
	if err != nil {
		return nil, fmt.Errorf("find a user to run PostgreSQL as: %w", err)
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil || uid == 0 {
		return nil, fmt.Errorf("find a user to run PostgreSQL as: user %s has no id of its own", systemUser)
	}
	return credential(uint32(uid), uint32(uid)), nil
}

// credential returns a user with the group of its login, or with gid if it has no login. The group of a folder is unsuitable: it is
// often root's, left over from a chown of the user alone.
func credential(uid, gid uint32) *identity {
	if u, err := user.LookupId(strconv.FormatUint(uint64(uid), 10)); err == nil {
		if id, err := strconv.ParseUint(u.Gid, 10, 32); err == nil {
			gid = uint32(id)
		}
	}
	return &identity{Uid: uid, Gid: gid}
}

// owner returns the id of the user who runs PostgreSQL.
func (f *folder) owner() int {
	if f.cred != nil {
		return int(f.cred.Uid)
	}
	return os.Geteuid()
}

// handOver gives root's folder to the new owner. If there is something in it, it is not ours to give away.
func (f *folder) handOver() error {
	dir, err := f.root.Open(".")
	if err != nil {
		return fmt.Errorf("read the folder of the database cluster: %w", err)
	}
	defer dir.Close()
	if _, err := dir.Readdirnames(1); !errors.Is(err, io.EOF) {
		// Since the first look, another process may have handed it over and begun to fill it.
		if info, err := dir.Stat(); err == nil {
			if uid, _ := owner(info); uid == f.cred.Uid {
				return nil
			}
		}
		return fmt.Errorf("%s belongs to root, as whom PostgreSQL refuses to run, and isn't empty: chown -R it to %s, or choose another folder",
			f.path, userName(f.cred.Uid))
	}
	if err := dir.Chown(int(f.cred.Uid), int(f.cred.Gid)); err != nil {
		return fmt.Errorf("hand over the folder of the database cluster: %w", err)
	}
	return nil
}

// mkdir makes a folder that only the owner can enter, or verifies that it is one.
func (f *folder) mkdir(name string) error {
	made := f.root.Mkdir(name, 0o700)
	if made != nil && !errors.Is(made, fs.ErrExist) {
		return fmt.Errorf("make a folder of the database cluster: %w", made)
	}
	dir, err := f.root.OpenFile(name, onlyFolder|noFollow, 0)
	if err != nil {
		return fmt.Errorf("open a folder of the database cluster: %w", err)
	}
	defer dir.Close()
	info, err := dir.Stat()
	if err != nil {
		return fmt.Errorf("read a folder of the database cluster: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return fmt.Errorf("%s is open to others than its owner: chmod 0700 it", filepath.Join(f.path, name))
	}
	if made == nil && f.cred != nil {
		if err := dir.Chown(int(f.cred.Uid), int(f.cred.Gid)); err != nil {
			return fmt.Errorf("hand over a folder of the database cluster: %w", err)
		}
	}
	return nil
}

// create makes a file that belongs to the owner. It gives away only a file that it has just created.
func (f *folder) create(name string) (*os.File, error) {
	file, err := f.root.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil || f.cred == nil {
		return file, err
	}
	if err := file.Chown(int(f.cred.Uid), int(f.cred.Gid)); err != nil {
		file.Close()
		return nil, err
	}
	return file, nil
}

// lock waits for a lock. The lock is held until the file is closed or the process ends.
func (f *folder) lock(ctx context.Context, name string, how int) (*os.File, error) {
	file, err := f.create(name)
	if errors.Is(err, fs.ErrExist) {
		file, err = f.root.OpenFile(name, os.O_RDWR, 0)
	}
	if err != nil {
		return nil, fmt.Errorf("lock the database cluster: %w", err)
	}
	for began := time.Now(); ; {
		mine, err := tryLock(file, how)
		if mine {
			return file, nil
		}
		if err == nil {
			err = nextLook(ctx, began)
		}
		if err != nil {
			file.Close()
			return nil, fmt.Errorf("lock the database cluster in %s: %w", f.path, err)
		}
	}
}

// nextLook waits until the next look at something that began at that time, or returns an error if there is no time left.
func nextLook(ctx context.Context, began time.Time) error {
	return pause(ctx, min(pollInterval, max(time.Millisecond, time.Since(began)/8)))
}

// pause waits, or returns an error if there is no time left.
func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-t.C:
		return nil
	}
}

func userName(uid uint32) string {
	id := strconv.FormatUint(uint64(uid), 10)
	if u, err := user.LookupId(id); err == nil {
		return "user " + u.Username
	}
	return "user " + id
}
