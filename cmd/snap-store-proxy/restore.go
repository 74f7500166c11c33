package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"offlinestore/cmd/internal/cli"
	"offlinestore/instance"
)

// restoreOptions are the flags of restore.
type restoreOptions struct {
	backupSecrets
	force, private, asJSON bool
	yes                    bool
	dsnFile                string
}

func newRestore(dir *instance.Dir) *cobra.Command {
	var o restoreOptions
	c := &cobra.Command{
		Use:   "restore FOLDER | FILE.age",
		Short: "Make this host the store that was saved",
		Long: `Make this host the store that was saved: settings, secrets, trust, database and
the blobs in the backup. The whole backup is read and verified before anything is
changed. For a folder, the newest backup by the time in its name is read; the
command says which one that is and when it was made, and asks, unless --yes is
given. The data folder must be empty, unless --force is given: then its content is
moved aside, and nothing is lost.

The database is restored to the place in the saved settings, which must be empty:
proxy.db.connection, or a private cluster. --private and --db-connection-file
change the settings first, for a host that can't reach the saved database, or must
not change it.`,
		Example: `  snap-store-proxy restore /var/backups/store
  snap-store-proxy restore --yes --passphrase-file /root/passphrase /var/backups/store
  snap-store-proxy restore --passphrase-file /root/passphrase /mnt/usb/store.age
  snap-store-proxy restore --identity /root/key.txt --private /mnt/usb/store.age`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			r, err := runRestore(c.Context(), dir, args[0], &o)
			if err != nil {
				return err
			}
			return printRestored(c.OutOrStdout(), r, o.asJSON)
		},
	}
	f := c.Flags()
	o.addPassphrase(f)
	f.StringArrayVar(&o.identities, "identity", nil, "`file` with private keys of age (repeatable)")
	f.BoolVar(&o.yes, "yes", false, "do not ask whether the backup that was found in a folder is the right one")
	f.BoolVar(&o.force, "force", false, "move the content of the data folder aside")
	f.BoolVar(&o.private, "private", false, "restore into a private cluster, and ignore the saved proxy.db.connection")
	f.StringVar(&o.dsnFile, "db-connection-file", "", "`file` with the proxy.db.connection to restore into, - for standard input")
	f.BoolVar(&o.asJSON, "json", false, "print JSON")
	return c
}

// runRestore reads the files that only the caller may read, and restores the backup.
func runRestore(ctx context.Context, dir *instance.Dir, from string, o *restoreOptions) (*instance.RestoreResult, error) {
	dsn, err := o.connection()
	if err != nil {
		return nil, err
	}
	path, err := instance.FindBackup(from)
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(path); err != nil {
		return nil, err
	}
	found := path != from
	if found && !o.yes && !cli.IsTerminal(os.Stdin) {
		return nil, cli.Usagef("the newest backup in %s is %s, and there is no terminal to confirm it: name the file, or give --yes", from, filepath.Base(path))
	}
	ids, err := o.readIdentities()
	if err != nil {
		return nil, err
	}
	r := instance.RestoreRequest{Identities: ids, Force: o.force, Private: o.private, DSN: dsn, Options: options(), Progress: progress}
	if found {
		fmt.Fprintf(os.Stderr, "The newest backup there is %s.\n", cli.Clean(path))
		r.Confirm = o.confirm
	}
	return dir.Restore(ctx, path, r)
}

// errNotRestored means that the answer to the question was no.
var errNotRestored = errors.New("nothing was restored")

// confirm shows when a backup was made, and asks whether it is the right one.
func (o *restoreOptions) confirm(s *instance.BackupSummary) error {
	domain := s.Header.Domain
	if domain != "" {
		domain = " of " + cli.Clean(domain)
	}
	made := s.Header.Created.Format("2006-01-02 15:04:05 MST")
	fmt.Fprintf(os.Stderr, "%s was made%s at %s and has %s.\n", cli.Clean(filepath.Base(s.File)), domain, made, backupContents(s))
	if o.yes {
		return nil
	}
	yes, err := cli.Confirm("Restore this one?")
	if err == nil && !yes {
		err = errNotRestored
	}
	return err
}

// connection reads the connection in --db-connection-file.
func (o *restoreOptions) connection() (string, error) {
	if o.dsnFile == "" {
		return "", nil
	}
	if o.private {
		return "", cli.Usagef("--private and --db-connection-file: give one of them")
	}
	if o.dsnFile == "-" && o.passphraseFile == "-" {
		return "", cli.Usagef("--passphrase-file and --db-connection-file: only one of them can be standard input")
	}
	text, err := cli.ReadFile(o.dsnFile, maxKeyFile)
	if err != nil {
		return "", err
	}
	return oneSecret(text, o.dsnFile, "the connection")
}

// printRestored prints the restored content and the remaining steps.
func printRestored(w io.Writer, r *instance.RestoreResult, asJSON bool) error {
	if asJSON {
		return cli.PrintJSON(w, r)
	}
	fmt.Fprintf(w, "Restored the backup of %s: %s.\n", r.Header.Created.Format("2006-01-02 15:04:05 MST"), backupContents(&r.BackupSummary))
	if r.Aside != "" {
		fmt.Fprintf(w, "What was in the data folder before is in %s.\n", r.Aside)
	}
	if r.Absent > 0 {
		fmt.Fprintf(w, "%s of the catalogue not here: push the bundles that have them again.\n", cli.Count(r.Absent, "blob"))
	}
	for _, n := range r.Notes {
		fmt.Fprintln(w, n)
	}
	return nil
}
