package main

import (
	"errors"
	"io"
	"math"
	"os"

	"github.com/spf13/cobra"

	"offlinestore/audit"
	"offlinestore/catalog"
	"offlinestore/cmd/internal/cli"
	"offlinestore/cmd/internal/trail"
	"offlinestore/instance"
)

func newAudit(dir *instance.Dir) *cobra.Command {
	c := &cobra.Command{
		Use:   "audit",
		Short: "List, verify and export the audit trail",
		Long: `Everything that changes what devices get, or who may change it, is a row of the
audit trail: who, from where, when, what, and the state before and after. Each row
has the hash of the row before it, and the store signs the last one.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(newAuditList(dir), newAuditVerify(dir), newAuditExport(dir), newAuditKey(dir))
	return c
}

func newAuditVerify(dir *instance.Dir) *cobra.Command {
	var o trail.Check
	c := &cobra.Command{
		Use:   "verify [FILE]",
		Short: "Find removed, altered and inserted rows",
		Long: `Verify the audit trail of this store, or a FILE of 'audit export' with the public
key of its store. Each removed, altered, moved or inserted row is named. The exit
code is 4 if there are some, and 5 if no known key has signed.

Who has the private key could make the whole trail anew. Note the number and the
hash that the command prints, outside of this host, and give them later as --row.`,
		Example: "  snap-store-proxy audit verify\n  snap-store-proxy audit verify trail.jsonl --key store-audit.pem",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 1 {
				return o.RunFile(c, args[0])
			}
			return withTrail(c.Context(), dir, func(in *instance.Instance) error {
				if err := in.SealFirst(c.Context()); err != nil {
					return err
				}
				return verifyOwn(c, in, &o)
			})
		},
	}
	o.AddFlags(c)
	return c
}

// verifyOwn verifies the trail in the database.
func verifyOwn(c *cobra.Command, in *instance.Instance, o *trail.Check) error {
	known, err := in.AuditKeys()
	if err != nil {
		return err
	}
	v, err := o.Verifier(known...)
	if err != nil {
		return err
	}
	if last := in.Dir.LastSigned(); last.Number > 0 {
		v.Expect(last)
	}
	err = in.Catalog.Trail().Read(c.Context(), 0, math.MaxInt64, catalog.Visitor{
		Row:  func(e audit.Entry) error { v.Row(e.Hash, e.Content); return nil },
		Head: func(h *audit.Head) error { v.Head(h.Content, h.Signature); return nil },
	})
	if err != nil {
		return err
	}
	others, err := in.Catalog.Trail().Contradictions(c.Context())
	if err != nil {
		return err
	}
	for _, other := range others {
		v.Contradict(other.Row, other.Text)
	}
	v.RequireSigned()
	return o.Print(c.OutOrStdout(), v.Finish())
}

func newAuditExport(dir *instance.Dir) *cobra.Command {
	var since cli.Moment
	var output string
	c := &cobra.Command{
		Use:   "export",
		Short: "Write the audit trail for an auditor",
		Long: `Write the audit trail to standard output or to a new file: a signed header, and a
line of JSON for each row. 'audit verify' verifies it with the public key, on any
host. With --since, the file begins with the first row that is not older.`,
		Example: "  snap-store-proxy audit export --output trail.jsonl\n  snap-store-proxy audit export --since 90d | zstd > quarter.jsonl.zst",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if output == "" {
				return exportTrail(c, dir, c.OutOrStdout(), since)
			}
			if err := cli.CheckOutput("output", output); err != nil {
				return err
			}
			return exportToFile(c, dir, output, since)
		},
	}
	c.Flags().Var(&since, "since", "begin `TIME` ago (36h, 30d) or at a date (2026-11-29)")
	c.Flags().StringVar(&output, "output", "", "write to this new `FILE` instead of standard output")
	return c
}

// exportToFile opens the file before root's rights are given up. Afterwards, nobody can rename or remove it, so a failure empties it.
func exportToFile(c *cobra.Command, dir *instance.Dir, path string, since cli.Moment) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	err = exportTrail(c, dir, f, since)
	if err != nil {
		err = errors.Join(err, f.Truncate(0))
	} else {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

func exportTrail(c *cobra.Command, dir *instance.Dir, w io.Writer, since cli.Moment) error {
	return withTrail(c.Context(), dir, func(in *instance.Instance) error {
		return in.ExportAudit(c.Context(), w, since.Time)
	})
}

func newAuditKey(dir *instance.Dir) *cobra.Command {
	var asJSON, lost bool
	c := &cobra.Command{
		Use:   "key",
		Short: "Print the public key that verifies the audit trail",
		Long: `Print the public key that verifies the audit trail. Give it to auditors before they
need it: a file is proved only by a key that they knew before.

All servers of a store share the key: copy audit.key of the data folder to the others.
If it is lost, and no backup has it, --lost makes another one, and the trail tells.`,
		Example: "  snap-store-proxy audit key > store-audit.pem",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			var key audit.PublicKey
			err := withInstance(c.Context(), dir, func(in *instance.Instance) (err error) {
				key, err = in.MakeAuditKey(c.Context(), lost)
				return err
			})
			if err != nil {
				return err
			}
			if asJSON {
				return cli.PrintJSON(c.OutOrStdout(), map[string]string{"fingerprint": key.ID(), "key": string(key.PEM())})
			}
			_, err = c.OutOrStdout().Write(key.PEM())
			cli.Note("Fingerprint: %s\n", key.ID())
			return err
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	c.Flags().BoolVar(&lost, "lost", false, "make another key, because the former one is lost")
	return c
}
