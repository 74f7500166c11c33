package main

import (
	"context"
	"crypto/sha3"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/spf13/cobra"

	"offlinestore/assertion"
	"offlinestore/bundle"
	"offlinestore/cmd/internal/ui"
)

func newVerify() *cobra.Command {
	var trusted, roots []string
	var asJSON bool
	c := &cobra.Command{
		Use:   "verify FILE…",
		Short: "Read a bundle whole and check all of it: signature, assertions and every byte",
		Long: `Read a bundle whole and check all of it, as the air-gapped host will: the
signature, every assertion up to the trusted root, every blob's SHA-256 and
SHA3-384. FILE may be a layout directory, or - for standard input.
` + ui.ExitHelp,
		Example: "  store-admin verify jq-20261120T101500.tar.gz\n  store-admin verify --trusted-key exporter.pem /media/usb/*.tar.gz",
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
			return runVerify(c.Context(), c.OutOrStdout(), args, &verification{keys: keys, trust: trust, json: asJSON})
		},
	}
	c.Flags().StringArrayVar(&trusted, "trusted-key", nil, "public `key` (PEM) that must have signed; repeatable")
	c.Flags().StringArrayVar(&roots, "trusted-root", nil, "`file` with an assertion root to trust besides Canonical's; repeatable")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

// verification is what verify holds bundles against.
type verification struct {
	keys  []bundle.PublicKey
	trust *assertion.Trust
	json  bool
}

// verified is the result for a good bundle.
type verified struct {
	File        string `json:"file"`
	Digest      string `json:"digest"`
	Signer      string `json:"signer"`
	Trusted     bool   `json:"trusted"`
	PayloadSize int64  `json:"payload-size"`
}

// runVerify goes on after a bad file, so that one run names all of them.
func runVerify(ctx context.Context, w io.Writer, files []string, v *verification) error {
	var failed []error
	good := []*verified{}
	for _, f := range files {
		g, err := v.file(ctx, w, f)
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case err != nil:
			failed = append(failed, err)
			if len(files) > 1 {
				fmt.Fprintf(os.Stderr, "store-admin: %s\n", ui.Clean(err.Error()))
			}
		default:
			good = append(good, g)
		}
	}
	switch {
	case len(failed) == 0 && v.json:
		return ui.PrintJSON(w, good)
	case len(failed) == 0:
		return nil
	case len(files) == 1:
		return failed[0]
	}
	err := fmt.Errorf("%d of %d bundles are bad; the first: %w", len(failed), len(files), failed[0])
	if len(good) > 0 {
		return &ui.Error{Code: ui.Partial, Err: err}
	}
	return err
}

func (v *verification) file(ctx context.Context, w io.Writer, file string) (*verified, error) {
	r, p, key, trusted, err := openVerified(ctx, file, v.keys)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	h, err := r.Head()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	if _, err := bundle.Check(h, v.trust, p.Created); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	progress := ui.NewProgress("Verifying", h.PayloadSize())
	defer progress.Done()
	if err := verifyPayload(ctx, r, progress); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	note := ""
	if !trusted {
		note = ", a key that is not known here"
	}
	if !v.json {
		progress.Printf(w, "%s: good, %s, signed by %s%s\n", ui.Clean(file), ui.Bytes(h.PayloadSize()), key.ID(), note)
	}
	return &verified{file, r.Digest().String(), key.ID(), trusted, h.PayloadSize()}, nil
}

// verifyPayload reads every blob and names every bad one.
func verifyPayload(ctx context.Context, r *bundle.Reader, progress *ui.Progress) error {
	var bad []error
	buf := make([]byte, 256<<10)
	for {
		desc, blob, err := r.Next()
		if errors.Is(err, io.EOF) {
			return errors.Join(bad...)
		}
		if err != nil {
			return errors.Join(append(bad, err)...)
		}
		sum := sha3.New384()
		_, err = io.CopyBuffer(io.MultiWriter(sum, progressWriter{ctx, progress}), struct{ io.Reader }{blob}, buf)
		var damaged *bundle.BlobError
		switch {
		case errors.As(err, &damaged):
			bad = append(bad, err)
		case err != nil:
			return errors.Join(append(bad, err)...)
		case hex.EncodeToString(sum.Sum(nil)) != desc.Annotations[bundle.AnnotationSHA3384]:
			bad = append(bad, &bundle.BlobError{Digest: desc.Digest, Title: desc.Annotations[ocispec.AnnotationTitle], Err: errors.New("another SHA3-384 than its assertion names")})
		}
	}
}

// progressWriter counts, and stops when the user wants to.
type progressWriter struct {
	ctx context.Context
	p   *ui.Progress
}

func (w progressWriter) Write(b []byte) (int, error) {
	w.p.Add(int64(len(b)))
	return len(b), context.Cause(w.ctx)
}

// readRoots adds the roots of --trusted-root to Canonical's.
func readRoots(files []string) (*assertion.Trust, error) {
	trust := assertion.Canonical()
	for _, f := range files {
		text, err := readSmall(f, 4<<20)
		if err != nil {
			return nil, err
		}
		as, err := assertion.DecodeAll(text)
		if err == nil {
			trust, err = trust.With(as...)
		}
		if err != nil {
			return nil, ui.Usagef("trusted root %s: %w", f, err)
		}
	}
	return trust, nil
}
