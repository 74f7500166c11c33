package bundle

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"slices"

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
		if place, lerr := in.root.Lstat(name); err != nil && lerr == nil && !place.Mode().IsRegular() && !place.IsDir() {
			in.members = append(in.members, Member{Name: name}) // a socket, or a link that leads nowhere or outside
			continue
		}
		if err != nil {
			return err
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
