package bundle

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"syscall"

	"offlinestore/blob"
)

// maxMembers bounds the files of a folder, each of which is open.
const maxMembers = 4000

// Member is a file in a folder that is no layout of a bundle, or in a folder in that.
type Member struct {
	Name string
	// File is nil for something else than a regular file.
	File *os.File
	Size int64
}

// Members returns the files of a folder that is no layout of a bundle. OpenInput has opened them, with the rights of that moment. Close
// closes them.
func (in *Input) Members() ([]Member, error) { return in.members, in.membersErr }

// openMembers opens the files of a folder, and of the folders in it. Foreign files are left out.
func (in *Input) openMembers(dir string, depth int) error {
	names, err := listNames(in.root, dir)
	if err != nil {
		return err
	}
	for _, name := range names {
		name = path.Join(dir, name)
		f, err := in.root.OpenFile(name, os.O_RDONLY|blob.NonBlocking, 0)
		if err != nil {
			if !isNoFile(in.root, name) {
				return err
			}
			in.members = append(in.members, Member{Name: name})
			continue
		}
		info, err := f.Stat()
		if err == nil && info.Mode().IsRegular() && len(in.members) < maxMembers {
			in.members = append(in.members, Member{name, f, info.Size()})
			continue
		}
		if err := errors.Join(err, f.Close()); err != nil {
			return err
		}
		switch {
		case len(in.members) >= maxMembers:
			return fmt.Errorf("%w: more than %d files in a folder", ErrCorrupt, maxMembers)
		case info.IsDir() && depth == 0:
			if err := in.openMembers(name, depth+1); err != nil {
				return err
			}
		default:
			in.members = append(in.members, Member{Name: name})
		}
	}
	return nil
}

// isNoFile reports whether a name that could not be opened belongs to something else than a file or a folder: a socket, or a link that
// leads nowhere or outside. A link to a file that can't be read is a file.
func isNoFile(root *os.Root, name string) bool {
	info, err := root.Lstat(name)
	if err != nil {
		return false
	}
	if info.Mode()&fs.ModeSymlink != 0 {
		if info, err = root.Stat(name); err != nil {
			var number syscall.Errno
			isOutside := !errors.As(err, &number) // package os has no number for it
			return isOutside || errors.Is(err, fs.ErrNotExist) || number == syscall.ELOOP || number == syscall.ENOTDIR
		}
	}
	return !info.Mode().IsRegular() && !info.IsDir()
}

// listNames returns the sorted names in a folder.
func listNames(root *os.Root, dir string) (names []string, err error) {
	f, err := root.Open(dir)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	for {
		more, err := f.Readdirnames(256)
		for _, name := range more {
			if !blob.IsForeign(name) {
				names = append(names, name)
			}
		}
		if len(names) > maxMembers {
			return nil, fmt.Errorf("%w: more than %d files in a folder", ErrCorrupt, maxMembers)
		}
		if errors.Is(err, io.EOF) {
			slices.Sort(names)
			return names, nil
		}
		if err != nil {
			return nil, err
		}
	}
}
