package main

import (
	"context"
	"fmt"
	"io"

	"offlinestore/cmd/internal/cli"
	"offlinestore/instance"
)

// scrubFlags are the flags of check --blobs.
type scrubFlags struct {
	subset    string
	fromStart bool
}

func (f *scrubFlags) options(blobs bool) (o instance.ScrubOptions, err error) {
	o.FromStart = f.fromStart
	if f.subset != "" {
		if o.Subset, err = instance.ParseSubset(f.subset); err != nil {
			return o, cli.Usagef("--%w", err)
		}
	}
	if !blobs && o != (instance.ScrubOptions{}) {
		return o, cli.Usagef("--subset and --from-start need --blobs")
	}
	return o, nil
}

// checkBlobs hashes the blobs of the catalogue, takes damaged ones out of service, and prints them.
func checkBlobs(ctx context.Context, w io.Writer, in *instance.Instance, o instance.ScrubOptions, asJSON bool) error {
	list, err := in.ListBlobs(ctx, o)
	if err != nil {
		return err
	}
	defer list.Release()
	if list.Done > 0 && !asJSON {
		fmt.Fprintf(w, "Continuing an interrupted check: %d of %d blobs (%s of %s) are done.\n", list.Done, list.Len(), cli.Bytes(list.DoneSize), cli.Bytes(list.Size))
	}
	bar := cli.NewProgress("Checking", list.Size)
	bar.Add(list.DoneSize)
	bad, err := list.Verify(ctx, bar.Add)
	bar.Done()
	if err != nil {
		if !asJSON {
			printDamagedLines(w, bad) // they are in quarantine
		}
		return err
	}
	if err := printDamaged(w, bad, list, asJSON); err != nil || len(bad) == 0 {
		return err
	}
	return cli.At(checkingBlobs, &cli.Error{Code: cli.Damaged, Err: fmt.Errorf("%d of %d blobs are damaged or missing", len(bad), list.Len())})
}

func printDamaged(w io.Writer, bad []instance.DamagedBlob, list *instance.BlobList, asJSON bool) error {
	if asJSON {
		return cli.PrintJSON(w, list.Report(bad))
	}
	printDamagedLines(w, bad)
	if len(bad) == 0 {
		fmt.Fprintf(w, "All %d blobs (%s) are good.\n", list.Len(), cli.Bytes(list.Size))
	}
	return nil
}

func printDamagedLines(w io.Writer, bad []instance.DamagedBlob) {
	for _, b := range bad {
		fmt.Fprintf(w, "%s: %v\n", b.Digest, b.Problem)
		if b.MovedTo != "" {
			fmt.Fprintf(w, "  moved to %s\n", b.MovedTo)
		}
	}
}
