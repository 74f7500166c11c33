package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"filippo.io/age"
	"github.com/spf13/cobra"

	"offlinestore/blob"
	"offlinestore/bundle"
	"offlinestore/cmd/internal/cli"
	"offlinestore/cmd/internal/secrecy"
)

// repacking are the flags of repack.
type repacking struct {
	opening
	layout     string
	json       bool
	recipients secrecy.Recipients
	encryptTo  []age.Recipient
	size       string
	partSize   int64
}

func newRepack() *cobra.Command {
	var o repacking
	var trusted []string
	c := &cobra.Command{
		Use:   "repack FROM TO",
		Short: "Write a bundle in another form, with its signature",
		Long: `Write bundle FROM in another form: an archive, an OCI layout, or a folder for
inspection, in which each snap, charm and resource is a file with its own name. The
bundle keeps its signature: every signed byte stays the same, so a store takes both
for the same bundle. Every blob is verified while it is copied.

TO is a new archive if it ends in .tar, .tar.gz or .tar.zst, or one of these and .age
with --encrypt-to; else it is a folder that is empty or is made. To continue an interrupted run into a folder, run it again. FROM
may be -, standard input, or a folder with all parts of a bundle.
` + cli.ExitHelp,
		Example: "  store-admin repack week47.tar.gz /media/usb/week47 --layout files\n  store-admin repack /media/usb/week47 week47.tar.gz\n  store-admin repack week47.tar.gz layout --layout oci\n  store-admin repack week47.tar.gz week47.tar.gz.age --encrypt-to age1…",
		Args:    cobra.ExactArgs(2),
		RunE: func(c *cobra.Command, args []string) (err error) {
			if o.keys, err = readKeys(trusted); err != nil {
				return err
			}
			if o.encryptTo, err = o.recipients.Parse(); err != nil {
				return err
			}
			if o.size != "" {
				if o.partSize, err = parsePartSize(o.size); err != nil {
					return cli.Usagef("--part-size: %w", err)
				}
			}
			return o.run(c.Context(), c.OutOrStdout(), args[0], args[1])
		},
	}
	c.Flags().StringVar(&o.layout, "layout", "", "`form` of the folder TO: oci, or files for inspection")
	c.Flags().StringVar(&o.size, "part-size", "", "write an archive in parts of at most this `size` each (650M, 4.7G, 4GiB)")
	c.Flags().StringArrayVar(&trusted, "trusted-key", nil, "public `key` (PEM) that must have signed; repeatable")
	o.recipients.AddFlags(c.Flags())
	o.identities.AddFlags(c.Flags())
	c.Flags().BoolVar(&o.json, "json", false, "print JSON")
	return c
}

func (o *repacking) run(ctx context.Context, w io.Writer, from, to string) error {
	if err := o.validate(to); err != nil {
		return err
	}
	s, err := openSource(ctx, &o.opening, from)
	if err != nil {
		return err
	}
	defer s.Close()
	bar := cli.NewProgress("Copying", s.size())
	files, err := o.write(ctx, s, to, bar.Add)
	bar.Done()
	if err != nil {
		return err
	}
	r := s.first()
	done := repacked{from, to, s.sealed.Digest().String(), r.key.ID(), r.trusted, s.size(), files}
	if o.json {
		return cli.PrintJSON(w, done)
	}
	note := ""
	if !r.trusted {
		note = ", a key that is not known here"
	}
	_, err = fmt.Fprintf(w, "%s: the bundle of %s, %s, signed by %s%s\n", cli.Clean(strings.Join(files, ", ")), cli.Clean(from), cli.Bytes(done.PayloadSize), done.Signer, note)
	return err
}

// repacked is the result of repack.
type repacked struct {
	From        string `json:"from"`
	To          string `json:"to"`
	Digest      string `json:"digest"`
	Signer      string `json:"signer"`
	Trusted     bool   `json:"trusted"`
	PayloadSize int64  `json:"payload-size"`
	// Files are the parts, or TO alone.
	Files []string `json:"files"`
}

// validate refuses a target that exists or is unclear, before anything is read.
func (o *repacking) validate(to string) error {
	if err := cli.CheckOutput("TO", to); err != nil {
		return err
	}
	c := compressionOf(to)
	switch {
	case c != "" && o.layout != "":
		return cli.Usagef("--layout %s is for a folder, and %s is an archive", o.layout, to)
	case c == "" && !slices.Contains([]string{layoutOCI, layoutFiles}, o.layout):
		return cli.Usagef("%s: name an archive (.tar.gz, .tar.zst, .tar), or give --layout oci or --layout files for a folder", to)
	case c == "" && o.partSize > 0:
		return cli.Usagef("--part-size is for an archive, and %s is a folder", to)
	case c == "" && o.recipients.Given():
		return cli.Usagef("--encrypt-to is for an archive, and %s is a folder", to)
	case strings.HasSuffix(to, bundle.EncryptedExtension) != o.recipients.Given():
		return cli.Usagef("%s: the name of an archive ends in %s exactly if --encrypt-to is given", to, bundle.EncryptedExtension)
	case c == "":
		return bundle.ValidateFolder(to)
	}
	if _, err := os.Lstat(to); err == nil {
		return &bundle.ExistsError{Dir: filepath.Dir(to), Name: filepath.Base(to)}
	}
	return nil
}

// write writes the bundle, and returns the names of its files.
func (o *repacking) write(ctx context.Context, s *repackSource, to string, progress func(int64)) ([]string, error) {
	files := []string{to}
	if c := compressionOf(to); c != "" {
		blob.RemoveAbandoned(filepath.Dir(to))
		if o.partSize > 0 {
			return writeParts(ctx, s.sealed, to, o.partSize, packing{compression: c, open: s.any, progress: progress, encryptTo: o.encryptTo})
		}
		_, err := packFile(ctx, s.sealed, to, packing{compression: c, open: s.open, progress: progress, end: s.end, encryptTo: o.encryptTo})
		return files, err
	}
	write := s.sealed.WriteFiles
	if o.layout == layoutOCI {
		write = s.sealed.WriteNewLayout
	}
	if err := write(ctx, to, s.open, progress); err != nil {
		return nil, err
	}
	return files, s.end()
}
