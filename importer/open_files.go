package importer

import (
	"fmt"

	"offlinestore/bundle"
	"offlinestore/importer/canonical"
)

// OpenFiles opens the file or folder that an operator names, with the rights of the caller. A folder that is no bundle may have bundles in it: each of them is a
// file of its own. The snaps and assertions beside them are one more file. warn receives the names that are passed over.
func OpenFiles(name string, warn func(f *File, text string)) (files []*File) {
	in, err := bundle.OpenInput(name)
	if err != nil {
		return []*File{{Name: name, Err: err}}
	}
	bundles, err := in.TakeBundles()
	for _, b := range bundles {
		files = append(files, &File{Name: b.Name, Input: b})
	}
	folder := &File{Name: name, Input: in, Err: err}
	if err != nil || len(bundles) == 0 {
		return append(files, folder)
	}
	others, err := withoutSnaps(in)
	if err != nil || others == nil {
		folder.Err = err
		return append(files, folder)
	}
	for _, other := range others {
		warn(folder, fmt.Sprintf("%.100q is passed over: it is neither a bundle nor a snap nor an assertion", other))
	}
	in.Close() // it was only read
	return files
}

// withoutSnaps returns the names in a folder, or nil if there is a snap or an assertion among them.
func withoutSnaps(in *bundle.Input) (names []string, err error) {
	members, err := in.Members()
	if err != nil {
		return nil, err
	}
	names = []string{}
	for _, m := range members {
		if m.File != nil {
			if ok, err := canonical.IsMember(m.File); ok || err != nil {
				return nil, err
			}
		}
		names = append(names, m.Name)
	}
	return names, nil
}
