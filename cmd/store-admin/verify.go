package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"offlinestore/assertion"
	"offlinestore/blob"
	"offlinestore/bundle"
	"offlinestore/cmd/internal/cli"
	"offlinestore/cmd/internal/secrecy"
)

func newVerify() *cobra.Command {
	var trusted, roots []string
	var asJSON, medium bool
	var identities secrecy.Files
	c := &cobra.Command{
		Use:   "verify FILE…",
		Short: "Verify all of a bundle: its signature, its assertions and every byte",
		Long: `Read a whole bundle and verify it as the air-gapped host will: the signature,
every assertion up to the trusted root, the SHA-256 of every blob, the SHA3-384
of snaps, the SHA-384 of charms' resources, and that the files in a charm match
the store's description. FILE may be a folder, also one of archives, or - for
standard input. A part of a bundle is verified alone; of several parts, the missing
ones are named.

Right after a copy the system has the files in memory, and would read them from
there. --medium makes it forget them first, so that every byte comes from the disk,
and fails where it does not forget. Linux only. The disk's own cache is not its
business: to be surest, unplug the disk and plug it in again.
` + cli.ExitHelp,
		Example: "  store-admin verify jq-20261120T101500.tar.gz\n  store-admin verify --trusted-key exporter.pem /media/usb/*.tar.gz\n  store-admin verify --medium /media/usb/week47",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			keys, err := readKeys(trusted)
			if err != nil {
				return err
			}
			trust, err := readRoots(roots)
			if err != nil {
				return err
			}
			if medium && slices.Contains(args, "-") {
				return cli.Usagef("--medium: standard input is no medium: name the file")
			}
			return runVerify(c.Context(), c.OutOrStdout(), args, &verification{opening: opening{keys: keys, identities: identities}, trust: trust, json: asJSON, medium: medium})
		},
	}
	c.Flags().StringArrayVar(&trusted, "trusted-key", nil, "public `key` (PEM) that must have signed; repeatable")
	c.Flags().StringArrayVar(&roots, "trusted-root", nil, "`file` with an assertion root to trust besides Canonical's; repeatable")
	identities.AddFlags(c.Flags())
	c.Flags().BoolVar(&medium, "medium", false, "read from the disk, past the system's cache")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

// verification holds the keys and roots that verify uses.
type verification struct {
	opening
	trust *assertion.Trust
	json  bool
	// medium requests that every byte comes from the disk.
	medium bool
	// joiner joins the divided blobs of parts.
	joiner bundle.Joiner
}

// verifiedBundle is the result for a good bundle.
type verifiedBundle struct {
	File        string `json:"file"`
	Digest      string `json:"digest"`
	Signer      string `json:"signer"`
	Trusted     bool   `json:"trusted"`
	PayloadSize int64  `json:"payload-size"`
	// Expected counts the blobs that are left out, which could not be verified.
	Expected int `json:"expected-blobs,omitempty"`
	// Medium tells how the bytes were read, for --medium.
	Medium *mediumRead `json:"medium,omitempty"`
	// Part is there for a part of a divided bundle.
	Part *filePart `json:"part,omitempty"`

	head *bundle.Head
}

// runVerify continues after a bad file, so that one run names all bad files.
func runVerify(ctx context.Context, w io.Writer, files []string, v *verification) error {
	files, err := expandFolders(files)
	if err != nil {
		return err
	}
	good, failed, err := readEach(ctx, files, func(f string) (*verifiedBundle, error) { return v.file(ctx, w, f) })
	if err != nil {
		return err
	}
	v.noteParts(w, good)
	if len(failed) == 0 && v.json {
		return cli.PrintJSON(w, good)
	}
	return badBundles(failed, len(files))
}

// noteParts names missing parts, and the blobs that could not be verified because ranges are in other parts.
func (v *verification) noteParts(w io.Writer, good []*verifiedBundle) {
	var parts []*filePart
	for _, g := range good {
		if g.Part != nil {
			parts = append(parts, g.Part)
		}
	}
	setMissing(parts)
	if v.json {
		return
	}
	printMissing(w, parts)
	noted := make(map[string]bool)
	for _, g := range good {
		if g.Part == nil || noted[g.Part.Set] {
			continue
		}
		noted[g.Part.Set] = true
		if unread := v.joiner.Unread(g.head.Part); len(unread) > 0 {
			fmt.Fprintf(w, "Only the ranges of %s were verified. Name all parts, in their order, to verify the whole.\n", cli.Clean(strings.Join(unread, ", ")))
		}
	}
}

// readEach reads each file. If there are several, it names the bad ones at once and goes on. It returns an error if ctx ends.
func readEach[T any](ctx context.Context, files []string, read func(file string) (T, error)) (good []T, failed []error, err error) {
	good = []T{} // a list in JSON
	for _, f := range files {
		g, err := read(f)
		switch {
		case ctx.Err() != nil:
			return nil, nil, context.Cause(ctx)
		case err != nil:
			failed = append(failed, err)
			if len(files) > 1 {
				fmt.Fprintf(os.Stderr, "store-admin: %s\n", cli.Clean(err.Error()))
			}
		default:
			good = append(good, g)
		}
	}
	return good, failed, nil
}

// badBundles returns the error of a command that has read several bundles, some or all of which failed.
func badBundles(failed []error, files int) error {
	switch {
	case len(failed) == 0:
		return nil
	case files == 1:
		return failed[0]
	}
	err := fmt.Errorf("%d of %d bundles are bad; the first: %w", len(failed), files, failed[0])
	if len(failed) < files {
		return &cli.Error{Code: cli.Partial, Err: err}
	}
	return err
}

func (v *verification) file(ctx context.Context, w io.Writer, file string) (*verifiedBundle, error) {
	o := v.opening
	if v.medium {
		o.medium = new(blob.Medium)
	}
	r, err := o.open(ctx, file)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	h, err := r.Head()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	if _, err := bundle.Check(h, v.trust, r.predicate.Created); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	r.Join(&v.joiner)
	progress := cli.NewProgress("Verifying", h.PayloadSize())
	defer progress.Done()
	if err := r.VerifyPayload(ctx, h, progress.Add); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	read, err := describeMedium(o.medium)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	note := ""
	if !r.trusted {
		note = ", a key that is not known here"
	}
	if n := len(h.Expected); n > 0 {
		note += fmt.Sprintf("; %s left out, since %s should have them", cli.Count(n, "blob"), r.predicate.Increment.Receiver)
	}
	if p := h.Part; p != nil {
		note += fmt.Sprintf("; part %d of %d", p.Number, p.Count)
	}
	if !v.json {
		progress.Printf(w, "%s: good, %s, signed by %s%s%s\n", cli.Clean(file), cli.Bytes(h.PayloadSize()), r.key.ID(), note, read)
	}
	return &verifiedBundle{file, r.Digest().String(), r.key.ID(), r.trusted, h.PayloadSize(), len(h.Expected), read, partOf(h), h}, nil
}

// readRoots adds the roots of --trusted-root to Canonical's.
func readRoots(files []string) (*assertion.Trust, error) {
	trust := assertion.Canonical()
	for _, f := range files {
		text, err := cli.ReadFile(f, 4<<20)
		if err != nil {
			return nil, err
		}
		as, err := assertion.DecodeAll(text)
		if err == nil {
			trust, err = trust.With(as...)
		}
		if err != nil {
			return nil, cli.Usagef("trusted root %s: %w", f, err)
		}
	}
	return trust, nil
}
