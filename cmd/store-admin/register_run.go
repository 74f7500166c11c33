package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"offlinestore/blob"
	"offlinestore/bundle"
	"offlinestore/cmd/internal/cli"
	"offlinestore/install"
	"offlinestore/registration"
)

// installerResult is the description of an installer that --json prints.
type installerResult struct {
	File        string `json:"file"`
	URL         string `json:"url"`
	StoreID     string `json:"store-id"`
	OperatorID  string `json:"operator-id"`
	Arch        string `json:"architecture"`
	Fingerprint string `json:"signer"`
	StoreKey    bool   `json:"has-store-key"`
}

func runRegister(ctx context.Context, w io.Writer, o *registerOptions, address string) error {
	url, err := registration.ParseURL(address)
	if err != nil {
		return err
	}
	if err := o.validate(url); err != nil {
		return err
	}
	r, err := o.readRegistration(url)
	if err != nil {
		return err
	}
	if o.withStoreKey && r.PrivateKey == "" {
		return cli.Usagef("--with-store-key: no key came with the store assertion; a registration bundle has one")
	}
	if err := o.confirm(r); err != nil {
		return err
	}
	at, _, err := now()
	if err != nil {
		return err
	}
	files, mode, id, err := o.collect(ctx, r)
	if err != nil {
		return err
	}
	if err := o.write(files, mode, at); err != nil {
		return err
	}
	if o.json {
		return cli.PrintJSON(w, installerResult{o.output, r.URL, r.StoreID, r.OperatorID, o.arch, id, o.withStoreKey})
	}
	fmt.Fprintf(w, "Wrote the installer of %s for %s: %s\n", r.URL, o.arch, o.output)
	o.advise()
	return nil
}

// readRegistration reads and verifies the store assertion, and accepts it only for the requested URL.
func (o *registerOptions) readRegistration(url *registration.URL) (*registration.Registration, error) {
	trust, err := readRoots(o.roots)
	if err != nil {
		return nil, err
	}
	file := o.registrationBundle + o.storeAssertion + o.fromArchive // only one of them is set
	claim, err := o.read()
	if err == nil {
		var r *registration.Registration
		if r, err = registration.Verify(claim, trust, url.String(), time.Now()); err == nil {
			return r, nil
		}
	}
	return nil, fmt.Errorf("%s: %w", file, err)
}

func (o *registerOptions) read() (*registration.Claim, error) {
	switch {
	case o.fromArchive != "":
		f, err := blob.OpenNamed(o.fromArchive)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		return registration.ReadArchive(f)
	case o.registrationBundle != "":
		text, err := cli.ReadFile(o.registrationBundle, registration.MaxBundle)
		if err != nil {
			return nil, err
		}
		return registration.ParseBundle(text)
	}
	text, err := cli.ReadFile(o.storeAssertion, registration.MaxStream)
	if err != nil {
		return nil, err
	}
	return registration.ParseStream(text)
}

// collect finds all files of the installer, and any faults in them, before anything is written. It makes the signer's key
// if there is none.
func (o *registerOptions) collect(ctx context.Context, r *registration.Registration) (files []install.File, mode fs.FileMode, signer string, err error) {
	if files, err = install.Programs(o.programs, o.arch); errors.Is(err, install.ErrArchitecture) {
		return nil, 0, "", fmt.Errorf("--arch %w", err)
	} else if err != nil {
		return nil, 0, "", err
	}
	debs, err := install.Debs(o.debs)
	if errors.Is(err, install.ErrNoDebs) {
		return nil, 0, "", fmt.Errorf("--with-debs %w", err)
	} else if err != nil {
		return nil, 0, "", err
	}
	blob.RemoveAbandoned(filepath.Dir(o.output)) // also beside a complete installer
	if _, err := os.Lstat(o.output); err == nil {
		return nil, 0, "", fmt.Errorf("%s %w", o.output, errFileExists)
	}
	key, _, err := signingKey(ctx, o.keyName)
	if err != nil {
		return nil, 0, "", err
	}
	public, err := bundle.NewPublicKey(key.Public())
	if err != nil {
		return nil, 0, "", err
	}
	bundles, err := o.findBundles(ctx, public)
	if err != nil {
		return nil, 0, "", err
	}
	roots, err := o.readRootFiles()
	if err != nil {
		return nil, 0, "", err
	}
	store := &install.Store{Arch: o.arch, Registration: r, WithKey: o.withStoreKey, Signer: public.PEM(), Roots: roots}
	return slices.Concat(files, debs, bundles, store.Files()), store.Mode(), public.ID(), nil
}

func (o *registerOptions) write(files []install.File, mode fs.FileMode, at time.Time) error {
	var size int64
	for _, f := range files {
		if info, err := os.Stat(f.Path); f.Packed && err == nil {
			size += info.Size() // these files do not compress
		}
	}
	dir := filepath.Dir(o.output)
	if err := blob.CheckFileSize(dir, filepath.Base(o.output), size); err != nil {
		return err
	}
	if free, err := blob.Free(dir); err == nil && free < size {
		return &blob.NoSpaceError{Path: dir, Need: size, Have: free}
	}
	out, err := blob.CreateFile(o.output, 0, mode)
	if err != nil {
		return err
	}
	defer out.Discard()
	if err := install.Write(out, files, at); err != nil {
		return err
	}
	return out.Commit()
}

// advise prints the next steps.
func (o *registerOptions) advise() {
	fmt.Fprintf(os.Stderr, `Carry it to the host, and there:
    tar xvzf %s
    cd %s && sudo ./install.sh
`, filepath.Base(o.output), registration.Folder)
	if len(o.debs) == 0 {
		fmt.Fprintln(os.Stderr, "The host needs PostgreSQL: install it there, bring its packages with --with-debs, or have\nthe connection string of a database elsewhere.")
	}
	if len(o.roots) > 0 {
		fmt.Fprintln(os.Stderr, "Warning: the host will trust the roots given with --trusted-root, whose owners can sign any snap for it.")
	}
	if o.withStoreKey {
		fmt.Fprintln(os.Stderr, "The store's private key is in it: keep it to yourself, and delete it once it is installed.")
	}
}
