package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"offlinestore/bundle"
	"offlinestore/cmd/internal/cli"
	"offlinestore/install"
	"offlinestore/registration"
)

// secretMode keeps what has the store's private key in it from others.
func (o *registerOptions) secretMode() fs.FileMode {
	if o.withStoreKey {
		return 0o600
	}
	return 0o644
}

// settings are those that are known already, in the YAML that config --import-yaml takes.
func (o *registerOptions) settings(r *registration.Registration) []byte {
	rows := [][2]string{{"internal.store.id", r.StoreID}, {"internal.store.url", r.URL}, {"proxy.domain", r.Domain}}
	if o.withStoreKey {
		rows = append(rows, [2]string{"proxy.key.private", r.PrivateKey}, [2]string{"proxy.key.public", r.PublicKey})
	}
	switch {
	case r.HTTPS && r.Port != "443":
		rows = append(rows, [2]string{"proxy.port.https", r.Port})
	case !r.HTTPS && r.Port != "80":
		rows = append(rows, [2]string{"proxy.port.http", r.Port})
	}
	var b bytes.Buffer
	for _, row := range rows {
		value, err := json.Marshal(row[1]) // a string of JSON is one of YAML
		if err != nil {
			panic("encode a string: " + err.Error())
		}
		fmt.Fprintf(&b, "%s: %s\n", row[0], value)
	}
	return b.Bytes()
}

// findBundles are the bundles to bring along. One that the host would refuse is refused here.
func (o *registerOptions) findBundles(ctx context.Context, signer bundle.PublicKey) ([]install.File, error) {
	var out []install.File
	for _, path := range o.bundles {
		if info, err := os.Stat(path); err == nil && info.IsDir() {
			return nil, cli.Usagef("--with %s: a folder; export to an archive (.tar.gz) to bring it along", path)
		}
		r, _, key, _, err := openVerified(ctx, path, nil)
		if err != nil {
			return nil, err
		}
		if err := r.Close(); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		if key.ID() != signer.ID() {
			return nil, &cli.Error{Code: cli.Untrusted, Err: fmt.Errorf("%s: signed by %s, and the host will trust %s", path, key.ID(), signer.ID()),
				Hint: "export it again here, or name its key with --key"}
		}
		out = append(out, install.File{Name: "bundles/" + filepath.Base(path), Mode: 0o644, Path: path, Packed: true})
	}
	return out, nil
}

// findDebs are the Debian packages to bring along.
func (o *registerOptions) findDebs() ([]install.File, error) {
	var out []install.File
	for _, path := range o.debs {
		paths := []string{path}
		if info, err := os.Stat(path); err == nil && info.IsDir() {
			// The one error that Glob has is a malformed pattern, which the folder's name may be.
			if paths, err = filepath.Glob(filepath.Join(path, "*.deb")); err != nil || len(paths) == 0 {
				return nil, cli.Usagef("--with-debs %s: no Debian packages (*.deb) are in it", path)
			}
		}
		for _, p := range paths {
			if err := checkDeb(p); err != nil {
				return nil, err
			}
			out = append(out, install.File{Name: "debs/" + filepath.Base(p), Mode: 0o644, Path: p, Packed: true})
		}
	}
	return out, nil
}

func checkDeb(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	const magic = "!<arch>\ndebian-binary"
	head := make([]byte, len(magic))
	if _, err := io.ReadFull(f, head); err != nil || string(head) != magic || filepath.Ext(path) != ".deb" {
		return cli.Usagef("%s is no Debian package", path)
	}
	return nil
}

// readRootFiles are the roots that the host is to trust. They were parsed when the registration was verified.
func (o *registerOptions) readRootFiles() ([]install.File, error) {
	var out []install.File
	for i, path := range o.roots {
		text, err := cli.ReadFile(path, 4<<20)
		if err != nil {
			return nil, err
		}
		out = append(out, install.File{Name: fmt.Sprintf("trust/roots/%d.assert", i+1), Mode: 0o644, Content: text})
	}
	return out, nil
}
