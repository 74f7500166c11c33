package server

import (
	"strings"

	"github.com/opencontainers/go-digest"

	"offlinestore/catalog"
)

// file returns a file of a snap by the last part of the path of its URL.
func (ix *index) file(name string) (f file, ok bool) {
	id := name
	if i := strings.IndexAny(name, "_+"); i >= 0 {
		id = name[:i]
	}
	sn := ix.findID(id)
	if sn == nil {
		return f, false
	}
	st, err := sn.read()
	if err != nil {
		return f, false
	}
	return fileOf(st, name)
}

// fileOf returns a file of a snap by its name. The file that a revision has now takes precedence over an older one of the same name.
func fileOf(sn *catalog.Snap, name string) (f file, ok bool) {
	add := func(have string, blob digest.Digest, size int64) {
		if have == name {
			f, ok = file{blob: blob, size: size, private: sn.Store != ""}, true
		}
	}
	for i := range sn.Revisions {
		r := &sn.Revisions[i]
		add(snapFileName(sn.SnapID, r.Revision.Number), r.Blob, r.Download.Size)
		for i, c := range r.Resources {
			add(componentFileName(sn.SnapID, c.Name, c.Revision), r.ResourceBlobs[i], c.Download.Size)
		}
		for i := range r.Integrity {
			in := &r.Integrity[i]
			add(integrityFileName(sn.SnapID, r.Revision.Number, in), r.IntegrityBlobs[i], in.Download.Size)
		}
	}
	for i := 0; i < len(sn.Revisions) && !ok; i++ {
		for _, c := range sn.Revisions[i].OlderComponents {
			if !ok {
				add(componentFileName(sn.SnapID, c.Name, c.Revision), c.Blob, c.Size)
			}
		}
	}
	return f, ok
}

// icon returns an icon by the last part of the path of its URL. A private snap of the view makes it private.
func (ix *index) icon(name string) (f file, ok bool) {
	f, ok = ix.charmIcons[name]
	for _, e := range ix.icons.get(name) {
		if !ix.sees(e) {
			continue
		}
		isPrivate := f.private
		if f, _, ok = iconFile(e.icon); ok {
			f.private = isPrivate || e.store != ""
		}
	}
	return f, ok
}
