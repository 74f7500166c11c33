package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"offlinestore/blob"
	"offlinestore/catalog"
	"offlinestore/cmd/internal/cli"
	"offlinestore/instance"
	"offlinestore/instance/backup"
)

// contentCommand is the command by which backup, run by root, has itself read the store as the owner of the data folder.
const contentCommand = "backup-content"

func newBackupContent(dir *instance.Dir) *cobra.Command {
	var blobs bool
	c := &cobra.Command{
		Use:    contentCommand,
		Short:  "Write what a backup holds, unencrypted, for 'backup'",
		Args:   cobra.NoArgs,
		Hidden: true,
		RunE: func(c *cobra.Command, _ []string) error {
			if cli.IsTerminal(os.Stdout) {
				return cli.Usagef("this is for 'snap-store-proxy backup'")
			}
			return writeContent(c.Context(), dir, c.OutOrStdout(), blobs)
		},
	}
	c.Flags().BoolVar(&blobs, "blobs", false, "the blobs, too")
	return c
}

// content writes what a backup holds. Root has a process of its own do that, since giving up its rights is for good, and whom the data
// folder belongs to may not write where root may.
func backupContent(ctx context.Context, dir *instance.Dir, w io.Writer, blobs bool) error {
	if os.Geteuid() != 0 {
		return writeContent(ctx, dir, w, blobs)
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, self, contentCommand, "--data-dir", string(*dir), fmt.Sprintf("--blobs=%v", blobs))
	cmd.Args[0] = "snap-store-proxy"
	var words bytes.Buffer
	cmd.Stderr = &words
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = time.Minute
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	_, err = io.Copy(w, out)
	out.Close() // it ends if nobody reads any more
	ended := cmd.Wait()
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case err != nil:
		return err
	case ended != nil:
		return inItsWords(words.String(), max(cmd.ProcessState.ExitCode(), cli.Failed), ended)
	}
	return nil
}

// inItsWords is the error, and the hint, with which our other process ended.
func inItsWords(said string, code int, err error) error {
	const name, hint = "snap-store-proxy: ", "snap-store-proxy: hint: "
	out := &cli.Error{Code: code, Err: err}
	for line := range strings.Lines(said) {
		line = strings.TrimSpace(line)
		if text, ok := strings.CutPrefix(line, hint); ok {
			out.Hint = text
		} else if text, ok := strings.CutPrefix(line, name); ok {
			out.Err = errors.New(text) // the last of them
		}
	}
	return out
}

// writeContent writes what a backup holds, as of now.
func writeContent(ctx context.Context, dir *instance.Dir, w io.Writer, blobs bool) error {
	return withInstance(ctx, dir, func(in *instance.Instance) (err error) {
		// gc, which removes blobs, waits for us.
		release, err := in.Catalog.Lock(ctx, false)
		if err != nil {
			return err
		}
		defer release()
		files, err := backup.Files(string(*dir))
		if err != nil {
			return err
		}
		return (&saving{Instance: in, ctx: ctx, withBlobs: blobs}).write(w, files)
	})
}

// saving is a backup in the making.
type saving struct {
	*instance.Instance
	ctx       context.Context
	withBlobs bool
}

func (b *saving) write(out io.Writer, files []backup.File) error {
	domain := b.Settings.Values().Domain
	facts, err := b.Catalog.DatabaseInfo(b.ctx)
	if err != nil {
		return err
	}
	w, err := backup.NewWriter(out, backup.Head{Program: cli.Version(), Created: time.Now(), Domain: domain,
		PostgreSQL: facts.PostgreSQL, Schema: facts.Schema, Generation: facts.Generation, Blobs: b.withBlobs})
	if err != nil {
		return err
	}
	for _, f := range files {
		if err := w.AddFile(f); err != nil {
			return err
		}
	}
	db := database(b.Instance, facts.PostgreSQL)
	dump := w.Database()
	if err := db.Dump(b.ctx, dump); err != nil {
		return err
	}
	if err := dump.Close(); err != nil {
		return err
	}
	if b.withBlobs {
		if err := b.writeBlobs(w); err != nil {
			return err
		}
	}
	_, err = w.Close()
	return err
}

// database is where the dump comes from.
func database(in *instance.Instance, version int) backup.Database {
	if in.Cluster != nil {
		return backup.Database{Cluster: in.Cluster, Name: instance.PrivateDatabase, Version: version}
	}
	return backup.Database{DSN: in.Settings.Values().DBConnection, Version: version}
}

// writeBlobs saves all that the catalogue refers to. It is asked after the dump, so that nothing which a push brings meanwhile, and
// the dump has, is missed.
func (b *saving) writeBlobs(w *backup.Writer) error {
	blobs, err := b.Catalog.Blobs(b.ctx)
	if err != nil {
		return err
	}
	slices.SortFunc(blobs, func(x, y catalog.Blob) int { return strings.Compare(x.Digest.String(), y.Digest.String()) })
	for _, i := range blobs {
		if err := b.writeBlob(w, i.Digest); err != nil {
			return err
		}
	}
	return nil
}

func (b *saving) writeBlob(w *backup.Writer, dg blob.Digest) error {
	f, err := b.Blobs.OpenBlob(dg)
	if errors.Is(err, blob.ErrNotFound) {
		w.AddMissing(dg)
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	err = w.AddBlob(dg, info.Size(), blob.NewMeter(b.ctx, f, nil))
	var corrupt *blob.CorruptError
	if errors.As(err, &corrupt) {
		return cli.Hint(err, "'snap-store-proxy check --blobs' puts damaged blobs into quarantine; push their bundle again, then save")
	}
	return err
}
