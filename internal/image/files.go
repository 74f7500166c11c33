package main

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// file is a file or folder of the image.
type file struct {
	name string
	mode int64
	// owner is the number of the user and of the group.
	owner int
	data  []byte
	link  string // of a symbolic link
	dir   bool
}

// files returns the files of the image, in their order.
func (b *build) files() ([]file, error) {
	content, err := os.ReadFile(b.program)
	if err != nil {
		return nil, err
	}
	licence, err := os.ReadFile(b.licence)
	if err != nil {
		return nil, err
	}
	line := fmt.Sprintf("store:x:%d:", userID)
	folder := func(name string) file { return file{name: name, mode: 0o755, dir: true} }
	return []file{
		folder("etc/"),
		{name: "etc/group", mode: 0o644, data: []byte("root:x:0:\n" + line + "\n")},
		{name: "etc/passwd", mode: 0o644, data: fmt.Appendf(nil, "root:x:0:0:root:/:/nowhere\n%s%d:store:%s:/nowhere\n", line, userID, dataDir)},
		{name: "tmp/", mode: 0o1777, dir: true},
		folder("usr/"), folder("usr/bin/"),
		{name: "usr/bin/enterprise-store", link: "snap-store-proxy"},
		{name: "usr/bin/snap-proxy", link: "snap-store-proxy"},
		{name: program[1:], mode: 0o755, data: content},
		folder("usr/share/"), folder("usr/share/doc/"), folder("usr/share/doc/snap-store-proxy/"),
		{name: "usr/share/doc/snap-store-proxy/copyright", mode: 0o644, data: licence},
		folder("var/"), folder("var/lib/"),
		{name: dataDir[1:] + "/", mode: 0o700, owner: userID, dir: true},
	}, nil
}

// layer returns the one layer of the image.
func (b *build) layer() (v1.Layer, error) {
	list, err := b.files()
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for _, f := range list {
		h := &tar.Header{Name: f.name, Mode: f.mode, Uid: f.owner, Gid: f.owner, Size: int64(len(f.data)), ModTime: b.created, Typeflag: tar.TypeReg, Format: tar.FormatPAX}
		switch {
		case f.dir:
			h.Typeflag = tar.TypeDir
		case f.link != "":
			h.Typeflag, h.Linkname, h.Mode = tar.TypeSymlink, f.link, 0o777
		}
		if err := w.WriteHeader(h); err != nil {
			return nil, err
		}
		if _, err := w.Write(f.data); err != nil {
			return nil, err
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	open := func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(out.Bytes())), nil }
	return tarball.LayerFromOpener(open, tarball.WithMediaType(types.OCILayer))
}

// packFolder writes the files of a folder into a tar archive, sorted and without times.
func packFolder(dir, output string) error {
	var names []string
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err == nil && e.Type().IsRegular() {
			names = append(names, path)
		}
		return err
	})
	if err != nil {
		return err
	}
	slices.Sort(names)
	f, err := os.Create(output)
	if err != nil {
		return err
	}
	defer f.Close()
	w := tar.NewWriter(f)
	for _, path := range names {
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		if err := w.WriteHeader(&tar.Header{Name: filepath.ToSlash(name), Mode: 0o644, Size: int64(len(data)), ModTime: time.Unix(0, 0), Format: tar.FormatUSTAR}); err != nil {
			return err
		}
		if _, err := w.Write(data); err != nil {
			return err
		}
	}
	if err := w.Close(); err != nil {
		return err
	}
	return f.Close()
}
