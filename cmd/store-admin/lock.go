package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"offlinestore/blob"
	"offlinestore/bundle"
	"offlinestore/cmd/internal/cli"
	"offlinestore/upstream"
	"offlinestore/wanted"
)

// lockOptions are the flags of lock.
type lockOptions struct {
	exportOptions
	output string
	check  bool
	// update are the names of snaps and charms. The others stay as they are locked.
	update []string
	file   *wanted.File
}

func newLock() *cobra.Command {
	var o lockOptions
	o.archive, o.lock = "wanted", o.write
	c := &cobra.Command{
		Use:   "lock [FILE]",
		Short: "Write every revision and digest of a wanted.yaml into a wanted.lock",
		Long: `Look up everything that a wanted.yaml names, and write every revision and digest into a
wanted.lock beside it: a text for version control. 'store-admin export --locked' exports
exactly that, on any day and by anybody: the index of the bundle has the same digest, even
if channels have moved upstream, or titles and icons have changed.

The files are downloaded into the cache, because stores do not announce all digests. The
export then takes them from there, or from the stores by their revisions. --check writes
nothing, and fails if the lock is out of date. --update looks up one snap or charm with its
dependencies, and leaves the rest of the lock as it is.
` + cli.ExitHelp,
		Example: `  store-admin lock
  store-admin lock wanted.yaml --output site.lock
  store-admin lock --check
  store-admin lock --update jq`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if err := o.validate(c.Flags().Changed); err != nil {
				return err
			}
			return o.run(c, args)
		},
	}
	o.addLockFlags(c.Flags())
	return c
}

// addLockFlags defines the flags. The export of a lock has the others.
func (o *lockOptions) addLockFlags(f *pflag.FlagSet) {
	o.keyName, o.compression, o.cacheSize = defaultKey, string(bundle.Gzip), "0" // a lock signs, packs and trims nothing
	f.StringVar(&o.output, "output", "", "write the lock to this `file` (default FILE with the ending .lock)")
	f.BoolVar(&o.check, "check", false, "write nothing, and fail if the lock is out of date")
	f.StringArrayVar(&o.update, "update", nil, "look up only this `snap`, charm or bundle, with its dependencies; repeatable")
	f.BoolVar(&o.json, "json", false, "print the result as JSON")
	f.BoolVar(&o.strict, "strict", false, "fail if a requested item has no release")
	f.BoolVar(&o.noIcons, "no-icons", false, "leave out the icons")
	f.StringVar(&o.withdrawn, "withdrawn", "", "if a snap or charm is gone, revoked or in closed channels only: `warn` and lock that statement, or error (default warn, and error if no name is known)")
	f.IntVar(&o.jobs, "jobs", 4, "downloads at once")
	f.StringVar(&o.storeURL, "snap-store-url", os.Getenv("STORE_ADMIN_SNAP_STORE_URL"), "`URL` of the Snap Store, for snaps and assertions (default "+upstream.DefaultOrigin+")")
	f.StringVar(&o.charmhubURL, "charmhub-url", os.Getenv("STORE_ADMIN_CHARMHUB_URL"), "`URL` of Charmhub (default "+upstream.DefaultCharmhubOrigin+")")
	f.StringArrayVar(&o.roots, "trusted-root", nil, "`file` with an assertion root to trust besides Canonical's (tests, staging); repeatable")
	f.StringVar(&o.cacheDir, "cache-dir", "", "`folder` of the cache (default the user's)")
}

// run locks a wanted.yaml.
func (o *lockOptions) run(c *cobra.Command, args []string) (err error) {
	o.wanted = "wanted.yaml"
	if len(args) > 0 {
		o.wanted = args[0]
	}
	if o.output == "" {
		o.output = lockOf(o.wanted)
	}
	if err := cli.CheckOutput("output", o.output); err != nil {
		return err
	}
	if o.file, err = readWanted(o.wanted); err != nil {
		return err
	}
	part := o.file
	if len(o.update) > 0 {
		if part, err = o.file.Only(o.update); err != nil {
			return cli.Usagef("--update: %w", err)
		}
	}
	req, err := o.request(part)
	if err != nil {
		return err
	}
	return runExport(c.Context(), c.OutOrStdout(), &o.exportOptions, req)
}

// write writes the lock of a content.
func (o *lockOptions) write(w io.Writer, content *bundle.Content) (err error) {
	asked, err := o.file.Digest()
	if err != nil {
		return err
	}
	l := &wanted.Lock{Wanted: asked, Receivers: o.file.Receivers, Content: content}
	if len(o.update) > 0 {
		have, err := readLock(o.output)
		if err != nil {
			return err
		}
		l.Wanted = have.Wanted // the rest of the file may have changed since
		if l.Content, err = wanted.Update(have.Content, content); err != nil {
			return err
		}
	}
	if o.check {
		return o.compare(w, l)
	}
	text, err := l.Encode()
	if err != nil {
		return err
	}
	if err := blob.WriteFile(o.output, text, blob.WriteOptions{Mode: 0o644}); err != nil {
		return fmt.Errorf("write the lock: %w", err)
	}
	return o.report(w, l.Content)
}

// lockReport is the result of lock.
type lockReport struct {
	File    string   `json:"file"`
	Index   string   `json:"index"`
	Content []string `json:"content"`
}

func (o *lockOptions) report(w io.Writer, c *bundle.Content) error {
	r := lockReport{o.output, c.Digest().String(), wanted.Lines(c.Head())}
	if o.json {
		return cli.PrintJSON(w, r)
	}
	_, err := fmt.Fprintf(w, "Locked %s in: %s\n%s, %s in %s; index %s\n", filepath.Base(o.wanted), o.output, cli.Count(len(c.Head().Revisions)+len(c.Head().CharmRevisions), "revision"),
		cli.Bytes(c.Head().PayloadSize()), cli.Count(len(c.Head().Payload), "blob"), r.Index)
	return err
}

// compare compares the lock with the present content of the stores.
func (o *lockOptions) compare(w io.Writer, now *wanted.Lock) error {
	have, err := readLock(o.output)
	if err != nil {
		return err
	}
	diffs, err := bundle.Compare(have.Content.Head(), now.Content.Head())
	if err != nil {
		return err
	}
	current := have.Wanted == now.Wanted && have.Content.Digest() == now.Content.Digest()
	if o.json {
		err = cli.PrintJSON(w, map[string]any{"file": o.output, "current": current, "differences": diffs})
	} else {
		err = printDifferences(w, diffs)
	}
	if err == nil && !current {
		err = fmt.Errorf("%w: %s", errOutdated, o.output)
	}
	return err
}
