package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"

	"github.com/spf13/cobra"

	"offlinestore/catalog"
	"offlinestore/cmd/internal/cli"
	"offlinestore/instance"
	"offlinestore/instance/backup"
)

// restoreOptions are the flags of restore.
type restoreOptions struct {
	backupSecrets
	force, private, asJSON bool
	dsnFile                string
}

func newRestore(dir *instance.Dir) *cobra.Command {
	var o restoreOptions
	c := &cobra.Command{
		Use:   "restore FOLDER | FILE.age",
		Short: "Make this host the store that was saved",
		Long: `Make this host the store that was saved: settings, secrets, trust, database and
the blobs that are in the backup. Of a folder, the newest backup is taken. All of
it is read and checked before anything is changed. The data folder must be empty,
unless --force is given: then what is in it is put aside, and nothing is lost.

The database goes where the saved settings say, which must be empty: that of
proxy.db.connection, or a private cluster. --private and --db-connection-file
change the settings first, for a host that can't reach, or must leave alone,
the database that was saved.`,
		Example: `  snap-store-proxy restore /var/backups/store
  snap-store-proxy restore --passphrase-file /root/passphrase /mnt/usb/store.age
  snap-store-proxy restore --identity /root/key.txt --private /mnt/usb/store.age`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			r, err := runRestore(c.Context(), dir, args[0], &o)
			if err != nil {
				return err
			}
			return r.printRestored(c.OutOrStdout(), o.asJSON)
		},
	}
	f := c.Flags()
	o.addPassphrase(f)
	f.StringArrayVar(&o.identities, "identity", nil, "`file` with private keys of age (repeatable)")
	f.BoolVar(&o.force, "force", false, "put aside what is in the data folder")
	f.BoolVar(&o.private, "private", false, "restore into a private cluster, whatever the saved proxy.db.connection says")
	f.StringVar(&o.dsnFile, "db-connection-file", "", "`file` with the proxy.db.connection to restore into, - for standard input")
	f.BoolVar(&o.asJSON, "json", false, "print JSON")
	return c
}

// restored is what restore says.
type restored struct {
	backupReport
	Aside  string   `json:"put-aside,omitempty"`
	Absent int      `json:"absent-blobs"`
	Notes  []string `json:"notes"`
}

// restore reads what only the caller may read, and checks all of it, before the rights are given up and anything is changed.
func runRestore(ctx context.Context, dir *instance.Dir, from string, o *restoreOptions) (*restored, error) {
	dsn, err := o.connection()
	if err != nil {
		return nil, err
	}
	path, err := newestBackup(from)
	if err != nil {
		return nil, err
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	ids, err := o.open()
	if err != nil {
		return nil, err
	}
	key, err := backup.Unlock(f, ids...)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	contents, report, err := checkBackup(ctx, f, key)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	known, err := catalog.KnownSchema()
	if err != nil {
		return nil, err
	}
	if v := contents.Head.Schema; v > known {
		return nil, fmt.Errorf("%s: %w (%.40q): its tables are of version %d, this program knows %d", path, backup.ErrTooNew, contents.Head.Program, v, known)
	}
	if err := dir.Enter(); err != nil {
		return nil, err
	}
	r := &restoring{ctx: ctx, dir: dir, o: o, file: f, key: key, contents: contents, dsn: dsn, out: &restored{backupReport: *report, Notes: []string{}}}
	return r.run()
}

// connection is what --db-connection-file says.
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

var timeInName = regexp.MustCompile(`[0-9]{8}T[0-9]{6}Z`)

// newestBackup is the file itself, or of a folder the backup whose name, with the time in it, is the last.
func newestBackup(from string) (string, error) {
	info, err := os.Stat(from)
	if err != nil || !info.IsDir() {
		return from, err
	}
	entries, err := os.ReadDir(from)
	if err != nil {
		return "", err
	}
	newest, last := "", ""
	for _, e := range entries {
		i, err := e.Info()
		if err != nil || !i.Mode().IsRegular() || filepath.Ext(e.Name()) != backup.Ext || e.Name()[0] == '.' {
			continue
		}
		// Copying changes the time of a file. A file that was named by hand has no other.
		at := timeInName.FindString(e.Name())
		if at == "" {
			at = i.ModTime().UTC().Format(backupTime)
		}
		if at >= last {
			newest, last = e.Name(), at
		}
	}
	if newest == "" {
		return "", cli.Hint(fmt.Errorf("%s: no backup in it", from), "give a file that 'snap-store-proxy backup' wrote, or the folder that it is in")
	}
	return filepath.Join(from, newest), nil
}

// printRestored says what was restored, and what is left to do.
func (r *restored) printRestored(w io.Writer, asJSON bool) error {
	if asJSON {
		return cli.PrintJSON(w, r)
	}
	fmt.Fprintf(w, "Restored the backup of %s: %s.\n", r.Head.Created.Format("2006-01-02 15:04:05 MST"), r.what())
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
