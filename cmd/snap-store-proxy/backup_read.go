package main

import (
	"context"
	"fmt"
	"io"
	"os"

	"filippo.io/age"

	"offlinestore/blob"
	"offlinestore/cmd/internal/cli"
	"offlinestore/instance/backup"
)

// readBack reads the backup that was just written.
func readBack(ctx context.Context, path string, key age.Identity) (*backupReport, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	_, r, err := checkBackup(ctx, f, key)
	return r, err
}

// checkBackup reads a whole backup and changes nothing.
func checkBackup(ctx context.Context, f *os.File, key age.Identity) (*backup.Contents, *backupReport, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, nil, err
	}
	p := cli.NewProgress("Checking", max(info.Size(), 1))
	defer p.Done()
	c, err := readBackup(ctx, f, key, p, backup.Sinks{})
	if err != nil {
		return nil, nil, err
	}
	m := &c.Manifest
	r := &backupReport{File: f.Name(), Bytes: info.Size(), Head: c.Head, Files: len(m.Files), Database: m.Database.Size, Blobs: m.Blobs, Missing: m.Missing, manifest: m}
	if r.Missing == nil {
		r.Missing = []blob.Digest{}
	}
	return c, r, nil
}

func readBackup(ctx context.Context, f *os.File, key age.Identity, p *cli.Progress, sinks backup.Sinks) (*backup.Contents, error) {
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	plain, err := backup.Decrypt(blob.NewMeter(ctx, f, p.Add), key)
	if err != nil {
		return nil, err
	}
	c, err := backup.Read(plain, sinks)
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	return c, err
}

// print prints a new backup.
func (r *backupReport) print(w io.Writer, asJSON bool) error {
	if asJSON {
		if err := cli.PrintJSON(w, r); err != nil {
			return err
		}
	} else {
		fmt.Fprintf(w, "Saved %s: %s.\n", r.what(), cli.Bytes(r.Bytes))
		fmt.Fprintf(w, "It was read back and is whole: %s\n", r.File)
	}
	if len(r.Missing) == 0 {
		return nil
	}
	err := &cli.Error{Code: cli.Gaps, Err: fmt.Errorf("%s of the catalogue not here, and not in the backup", cli.Count(len(r.Missing), "blob"))}
	return cli.Hint(err, "push the bundles that have them again; 'snap-store-proxy check --blobs' names them")
}

// what lists what is in a backup.
func (r *backupReport) what() string {
	s := fmt.Sprintf("%s of settings, secrets and trust, and the database", cli.Count(r.Files, "file"))
	if !r.Head.Blobs {
		return s + ", without blobs"
	}
	return fmt.Sprintf("%s and %s (%s)", s, cli.Count(r.Blobs.Number, "blob"), cli.Bytes(r.Blobs.Size))
}
