package main

import (
	"context"
	"fmt"
	"io"

	"offlinestore/cmd/internal/cli"
	"offlinestore/instance"
)

// checkBlobs hashes every blob of the catalogue, takes damaged ones out of service, and prints them.
func checkBlobs(ctx context.Context, w io.Writer, in *instance.Instance, asJSON bool) error {
	list, err := in.ListBlobs(ctx)
	if err != nil {
		return err
	}
	defer list.Release()
	bar := cli.NewProgress("Checking", list.Size)
	bad, err := list.Verify(ctx, bar.Add)
	bar.Done()
	if err != nil {
		return err
	}
	if err := printDamaged(w, bad, list, asJSON); err != nil || len(bad) == 0 {
		return err
	}
	return cli.At(checkingBlobs, &cli.Error{Code: cli.Damaged, Err: fmt.Errorf("%d of %d blobs are damaged or missing", len(bad), list.Len())})
}

func printDamaged(w io.Writer, bad []instance.DamagedBlob, list *instance.BlobList, asJSON bool) error {
	if asJSON {
		type row struct {
			Digest  string `json:"digest"`
			Problem string `json:"problem"`
			MovedTo string `json:"moved-to,omitempty"`
		}
		rows := []row{}
		for _, b := range bad {
			rows = append(rows, row{b.Digest.String(), b.Problem.Error(), b.MovedTo})
		}
		return cli.PrintJSON(w, map[string]any{"blobs": list.Len(), "size": list.Size, "damaged": rows})
	}
	for _, b := range bad {
		fmt.Fprintf(w, "%s: %v\n", b.Digest, b.Problem)
		if b.MovedTo != "" {
			fmt.Fprintf(w, "  moved to %s\n", b.MovedTo)
		}
	}
	if len(bad) == 0 {
		fmt.Fprintf(w, "All %d blobs (%s) are good.\n", list.Len(), cli.Bytes(list.Size))
	}
	return nil
}
