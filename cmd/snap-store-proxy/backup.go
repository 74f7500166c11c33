package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"offlinestore/cmd/internal/cli"
	"offlinestore/instance"
)

// backupOptions are the flags of backup.
type backupOptions struct {
	backupSecrets
	blobs, asJSON bool
}

func newBackup(dir *instance.Dir) *cobra.Command {
	var o backupOptions
	c := &cobra.Command{
		Use:   "backup FOLDER | FILE.age",
		Short: "Save settings, secrets, database and optionally blobs, encrypted",
		Long: `Save all of the store in one file, encrypted with a passphrase or to public keys
of age: settings and secrets, trusted keys and roots, the store assertion, the
database and, with --blobs, the blobs. Without blobs, push the bundles again after
a restore. A folder gets a new file with the time in its name. Serving and pushing
may continue meanwhile. The backup is read back and compared.`,
		Example: `  snap-store-proxy backup /var/backups/store
  snap-store-proxy backup --blobs --passphrase-file /root/passphrase /mnt/usb/store.age
  snap-store-proxy backup --recipient age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p /mnt/usb`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			to, err := o.readRecipients()
			if err != nil {
				return err
			}
			s, err := dir.Save(c.Context(), instance.SaveRequest{To: args[0], Recipients: to, Blobs: o.blobs, Progress: progress,
				WriteContent: func(ctx context.Context, w io.Writer, blobs bool) error { return backupContent(ctx, dir, w, blobs) }})
			if err != nil {
				return err
			}
			return printBackup(c.OutOrStdout(), s, o.asJSON)
		},
	}
	f := c.Flags()
	o.addPassphrase(f)
	f.StringArrayVar(&o.recipients, "recipient", nil, "public `key` of age; its owner can restore the backup without a passphrase (repeatable)")
	f.BoolVar(&o.blobs, "blobs", false, "also save the blobs; this needs as much space as they do")
	f.BoolVar(&o.asJSON, "json", false, "print JSON")
	return c
}

// printBackup prints a new backup. Missing blobs are an error.
func printBackup(w io.Writer, s *instance.BackupSummary, asJSON bool) error {
	if asJSON {
		if err := cli.PrintJSON(w, s); err != nil {
			return err
		}
	} else {
		fmt.Fprintf(w, "Saved %s: %s.\n", backupContents(s), cli.Bytes(s.Bytes))
		fmt.Fprintf(w, "It was read back and is whole: %s\n", s.File)
	}
	if len(s.Missing) == 0 {
		return nil
	}
	return cli.At(savingBlobs, &cli.Error{Code: cli.Gaps, Err: fmt.Errorf("%s of the catalogue not here, and not in the backup", cli.Count(len(s.Missing), "blob"))})
}

// backupContents returns the contents of a backup as one line.
func backupContents(s *instance.BackupSummary) string {
	text := fmt.Sprintf("%s of settings, secrets and trust, and the database", cli.Count(s.Files, "file"))
	if !s.Header.Blobs {
		return text + ", without blobs"
	}
	return fmt.Sprintf("%s and %s (%s)", text, cli.Count(s.Blobs.Number, "blob"), cli.Bytes(s.Blobs.Size))
}
