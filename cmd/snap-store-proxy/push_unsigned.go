package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"offlinestore/bundle"
	"offlinestore/catalog"
	"offlinestore/cmd/internal/cli"
	"offlinestore/importer/canonical"
)

// errUnsigned is a file of the original store-admin, without leave to import it.
var errUnsigned = errors.New("an export of the original store-admin, which nobody has signed")

// isOriginal says whether an input is a file of the original store-admin. What can be read only once is not looked into.
func isOriginal(in *bundle.Input) (bool, error) {
	r, err := in.File()
	if err != nil || r == nil {
		return false, err
	}
	return canonical.IsExport(r)
}

// planUnsigned reads such a file: it says nothing of its content beforehand, so all of it is staged to find out.
func (p *push) planUnsigned(ctx context.Context, f *pushFile) error {
	if !p.o.allowUnsigned {
		return errUnsigned
	}
	r, err := f.input.File()
	if err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "Warning: %s is not signed: nothing says that it is what Charmhub published\n", cli.Clean(f.Name))
	bar := cli.NewProgress("Reading", sizeOf(r))
	f.unsigned, err = p.im.ReadUnsigned(ctx, f.Name, r, bar.Add)
	bar.Done()
	if errors.Is(err, bundle.ErrCorrupt) {
		return cli.Hint(err, "copy the file again; if it is whole where it was made, export again with this store-admin")
	}
	if err != nil {
		return err
	}
	for _, w := range f.unsigned.Warnings {
		fmt.Fprintf(os.Stderr, "Warning: %s: %s\n", cli.Clean(f.Name), cli.Clean(w))
	}
	f.signer, f.content = catalog.Unsigned, content{f.unsigned.Content()}
	f.candidate = f.unsigned.Candidate()
	if p.o.pushChannelMap {
		f.planned = &catalog.Report{}
		return nil
	}
	f.planned, err = p.im.PlanVerified(ctx, f.unsigned.Verified)
	return err
}

// explainPipe says to whoever pipes such a file that it has to be given by its name.
func (p *push) explainPipe(f *pushFile, err error) error {
	if p.o.allowUnsigned && !f.input.Rewindable() && (errors.Is(err, bundle.ErrCorrupt) || errors.Is(err, bundle.ErrNotBundle)) {
		return cli.Hint(err, "give an export of the original store-admin by the name of its file: it is read twice")
	}
	return err
}

// sizeOf is the size of a file that is open: by its name, it may be out of reach by now.
func sizeOf(r io.Reader) int64 {
	if f, ok := r.(*os.File); ok {
		if info, err := f.Stat(); err == nil {
			return info.Size()
		}
	}
	return 0
}
