package main

import (
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"

	"golang.org/x/sync/errgroup"

	"offlinestore/blob"
	"offlinestore/catalog"
	"offlinestore/cmd/internal/cli"
	"offlinestore/instance"
)

// checkBlobs hashes every blob of the catalogue, and takes the damaged ones out of service.
func checkBlobs(ctx context.Context, w io.Writer, in *instance.Instance, asJSON bool) error {
	release, err := in.Catalog.Lock(ctx, false)
	if err != nil {
		return err
	}
	defer release()
	blobs, err := in.Catalog.Blobs(ctx)
	if err != nil {
		return err
	}
	var total int64
	for _, b := range blobs {
		total += b.Size
	}
	bar := cli.NewProgress("Checking", total)
	bad := hashAll(ctx, in, blobs, bar)
	bar.Done()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err := quarantine(in, bad); err != nil {
		return err
	}
	if err := printBad(w, bad, len(blobs), total, asJSON); err != nil || len(bad) == 0 {
		return err
	}
	return &cli.Error{
		Code: cli.Damaged, Err: fmt.Errorf("%d of %d blobs are damaged or missing", len(bad), len(blobs)),
		Hint: "push the bundles that brought them again: only the missing blobs are copied",
	}
}

// quarantine takes the damaged blobs out of service. One that can't be moved does not keep the others in.
func quarantine(in *instance.Instance, bad []badBlob) error {
	var errs []error
	for i := range bad {
		if errors.Is(bad[i].err, blob.ErrNotFound) {
			bad[i].err = errors.New("it is missing")
			continue
		}
		var err error
		bad[i].movedTo, err = in.Blobs.Quarantine(bad[i].Digest)
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

func printBad(w io.Writer, bad []badBlob, blobs int, total int64, asJSON bool) error {
	if asJSON {
		type row struct {
			Digest  string `json:"digest"`
			Problem string `json:"problem"`
			MovedTo string `json:"moved-to,omitempty"`
		}
		rows := []row{}
		for _, b := range bad {
			rows = append(rows, row{b.Digest.String(), b.err.Error(), b.movedTo})
		}
		return cli.PrintJSON(w, map[string]any{"blobs": blobs, "size": total, "damaged": rows})
	}
	for _, b := range bad {
		fmt.Fprintf(w, "%s: %v\n", b.Digest, b.err)
		if b.movedTo != "" {
			fmt.Fprintf(w, "  moved to %s\n", b.movedTo)
		}
	}
	if len(bad) == 0 {
		fmt.Fprintf(w, "All %d blobs (%s) are good.\n", blobs, cli.Bytes(total))
	}
	return nil
}

// badBlob is one that is not what the catalogue says, and where it was moved to, if anywhere.
type badBlob struct {
	catalog.Blob
	err     error
	movedTo string
}

// hashAll returns the blobs that are not what the catalogue says. Those without a SHA3-384 (what charms bring, and icons) need the
// much faster SHA-256 alone.
func hashAll(ctx context.Context, in *instance.Instance, blobs []catalog.Blob, bar *cli.Progress) []badBlob {
	hasher := blob.NewHasher(0)
	var readers errgroup.Group
	readers.SetLimit(runtime.GOMAXPROCS(0))
	results := make(chan badBlob, len(blobs))
	for _, b := range blobs {
		f, err := in.Blobs.OpenBlob(b.Digest)
		if err != nil {
			results <- badBlob{Blob: b, err: err}
			continue
		}
		done := func(sum blob.Sum, err error) {
			f.Close() // only read from
			bar.Add(b.Size)
			results <- badBlob{Blob: b, err: errors.Join(err, compare(b, sum, err))}
		}
		if b.SHA3384 == "" {
			readers.Go(func() error {
				done(blob.Sum{}, blob.Copy(io.Discard, blob.NewMeter(ctx, f, nil), b.Digest, b.Size))
				return nil
			})
			continue
		}
		if err := hasher.Submit(ctx, blob.Job{Reader: f, Size: b.Size, SHA256: true, Done: done}); err != nil {
			done(blob.Sum{}, err)
		}
	}
	readers.Wait() // their errors are in the results
	hasher.Close()
	close(results)
	var bad []badBlob
	for r := range results {
		if r.err != nil {
			bad = append(bad, r)
		}
	}
	slices.SortFunc(bad, func(a, b badBlob) int { return cmp.Compare(a.Digest, b.Digest) })
	return bad
}

func compare(b catalog.Blob, sum blob.Sum, err error) error {
	switch {
	case err != nil || b.SHA3384 == "":
		return nil
	case hex.EncodeToString(sum.SHA256[:]) != b.Digest.Encoded():
		return errors.New("its content has another SHA-256")
	case hex.EncodeToString(sum.SHA3_384[:]) != b.SHA3384:
		return errors.New("its content has another SHA3-384")
	}
	return nil
}
