package main

import (
	"context"
	"fmt"
	"os"

	"offlinestore/bundle"
	"offlinestore/cmd/internal/cli"
	"offlinestore/install"
)

// findBundles returns the bundles that the installer contains. It refuses every bundle that the host would refuse.
func (o *registerOptions) findBundles(ctx context.Context, signer bundle.PublicKey) ([]install.File, error) {
	var out []install.File
	for _, path := range o.bundles {
		if info, err := os.Stat(path); err == nil && info.IsDir() {
			return nil, cli.Usagef("--with %s: a folder; export to an archive (.tar.gz) to bring it along", path)
		}
		r, err := new(opening).open(ctx, path)
		if err != nil {
			return nil, err
		}
		if err := r.Close(); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		if id := r.key.ID(); id != signer.ID() {
			return nil, &otherSignerError{path, id, signer.ID()}
		}
		out = append(out, install.Bundle(path))
	}
	return out, nil
}

// readRootFiles reads the roots that the host will trust. The verification of the registration has already parsed them.
func (o *registerOptions) readRootFiles() ([][]byte, error) {
	var out [][]byte
	for _, path := range o.roots {
		text, err := cli.ReadFile(path, 4<<20)
		if err != nil {
			return nil, err
		}
		out = append(out, text)
	}
	return out, nil
}
