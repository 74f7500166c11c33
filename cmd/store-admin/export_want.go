package main

import (
	"context"
	"crypto"
	"errors"
	"fmt"
	"io"

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
func runWant(ctx context.Context, w io.Writer, o *wantedOptions) error {
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
	if err := o.validateKey(func(flag string) bool { return flag == "sign-key" && o.signKey != "" }); err != nil {
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
	size, err := writeWanted(ctx, sealed, cache, o.single, encryptTo)
	if err != nil {
		return err
	}
	done := delivery(sealed, p, o.single)
	if err := keepHead(ctx, wanted.Receiver, &done, sealed); err != nil {
		return err
	}
	if err := wanted.Use(ctx, done); err != nil {
		return err
	}
	return reportWanted(w, o, wanted, sealed, size)
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

func reportWanted(w io.Writer, o *wantedOptions, wanted *receiver.Wanted, sealed *bundle.SignedBundle, size int64) error {
	if o.json {
		return cli.PrintJSON(w, exportedBundle{Snaps: []string{}, File: o.single, Digest: sealed.Digest().String(), Size: size, NeededBy: []string{}, LeftOut: sealed.LeftOut()})
	}
	fmt.Fprintf(w, "For %s, with %s that it lacks for %s: %s\n", wanted.Receiver.Name, cli.Count(len(sealed.Payload()), "blob"), cli.Clean(wanted.Delivery.File), o.single)
	return nil
}

// writeWanted packs a bundle whose blobs are in the cache.
func writeWanted(ctx context.Context, s *bundle.SignedBundle, cache *exporter.Cache, file string, encryptTo []age.Recipient) (int64, error) {
	bar := cli.NewProgress("Packing", s.TarSize())
	defer bar.Done()
	open := func(d digest.Digest) (io.ReadCloser, error) { return cache.Blobs.OpenBlob(d) }
	n, err := packFile(ctx, s, file, packing{compression: bundle.None, open: open, progress: bar.Add, encryptTo: encryptTo})
	if errors.Is(err, blob.ErrNotFound) {
		return 0, fmt.Errorf("%w: %w", errNotInCache, err)
	}
	return n, err
}
