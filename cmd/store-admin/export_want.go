package main

import (
	"context"
	"crypto"
	"errors"
	"fmt"
	"io"
	"math"
	"os"

	"filippo.io/age"
	"github.com/opencontainers/go-digest"

	"offlinestore/blob"
	"offlinestore/bundle"
	"offlinestore/cmd/internal/cli"
	"offlinestore/exporter"
	"offlinestore/keyring"
	"offlinestore/receiver"
)

// runWant makes the bundle that fills the gap of a want code.
func runWant(ctx context.Context, w io.Writer, o *wantedOptions, given func(flag string) bool) error {
	if o.single == "" {
		return cli.Usagef("export --want: name the file to write with --single FILE")
	}
	if err := cli.CheckOutput("single", o.single); err != nil {
		return err
	}
	encryptTo, err := o.recipients.Parse()
	if err != nil {
		return err
	}
	d, err := openReceivers()
	if err != nil {
		return err
	}
	wanted, err := d.FindWanted(o.code)
	if err != nil {
		return err
	}
	if err := errors.Join(o.parts.validate(given), o.validateKey(given)); err != nil {
		return err
	}
	o.outputDir = "" // the bundle is a file
	cache, err := o.openCache()
	if err != nil {
		return err
	}
	defer cache.Close()
	key, ring, err := signingKey(ctx, o.keyName)
	if err != nil {
		return err
	}
	p, sealed, err := reseal(ctx, wanted, key, ring, o.keyName)
	if err != nil {
		return err
	}
	files, err := o.writeWanted(ctx, sealed, cache, encryptTo)
	if err != nil {
		return err
	}
	done := delivery(sealed, p, files[0].File)
	if err := keepHead(ctx, wanted.Receiver, &done, sealed); err != nil {
		return err
	}
	if err := wanted.Use(ctx, done); err != nil {
		return err
	}
	return reportWanted(w, o, wanted, sealed, files)
}

// reseal signs the bundle that fills the gap.
func reseal(ctx context.Context, wanted *receiver.Wanted, key crypto.Signer, ring *keyring.Ring, keyName string) (*bundle.Predicate, *bundle.SignedBundle, error) {
	first, err := bundle.ReadPredicate(ctx, wanted.Head)
	if err != nil {
		return nil, nil, err
	}
	p := wanted.Predicate(first)
	p.Program = "store-admin " + cli.Version()
	name, err := ringName(key, keyName)
	if err != nil {
		return nil, nil, err
	}
	if p.Sequence, err = ring.NextSequence(ctx, name); err != nil {
		return nil, nil, err
	}
	sealed, err := bundle.Reseal(ctx, wanted.Head, *p, key)
	return p, sealed, err
}

func reportWanted(w io.Writer, o *wantedOptions, wanted *receiver.Wanted, sealed *bundle.SignedBundle, files []exportedPart) error {
	done := exportedBundle{Snaps: []string{}, File: files[0].File, Digest: sealed.Digest().String(), NeededBy: []string{}, LeftOut: sealed.LeftOut()}
	for _, f := range files {
		done.Size += f.Size
	}
	if len(files) > 1 {
		done.Parts = files
	}
	if o.json {
		return cli.PrintJSON(w, done)
	}
	fmt.Fprintf(w, "For %s, with %s that it lacks for %s: %s\n", wanted.Receiver.Name, cli.Count(len(sealed.Payload()), "blob"), cli.Clean(wanted.Delivery.File), done.File)
	if len(files) > 1 {
		printParts(w, &done)
	}
	return nil
}

// writeWanted packs a bundle whose blobs are in the cache, in parts if the flags say so.
func (o *wantedOptions) writeWanted(ctx context.Context, s *bundle.SignedBundle, cache *exporter.Cache, encryptTo []age.Recipient) (files []exportedPart, err error) {
	bar := cli.NewProgress("Packing", s.TarSize())
	defer bar.Done()
	p := packing{compression: bundle.None, open: func(d digest.Digest) (io.ReadCloser, error) { return cache.Blobs.OpenBlob(d) }, progress: bar.Add, encryptTo: encryptTo}
	size := o.parts.bytes
	if size == 0 {
		size = math.MaxInt64
	}
	names, err := writeParts(ctx, s, o.single, size, p)
	if errors.Is(err, blob.ErrNotFound) {
		return nil, fmt.Errorf("%w: %w", errNotInCache, err)
	}
	for i, name := range names {
		info, err := os.Stat(name)
		if err != nil {
			return nil, err
		}
		files = append(files, exportedPart{i + 1, name, info.Size()})
	}
	return files, err
}
