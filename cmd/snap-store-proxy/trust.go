package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"offlinestore/assertion"
	"offlinestore/blob"
	"offlinestore/bundle"
	"offlinestore/cmd/internal/cli"
)

// maxTrustFile bounds what is read as a key or a root.
const maxTrustFile = 4 << 20

// trustStore is the folder of what this host trusts: signers/<fingerprint>.pem and roots/<digest>.assert.
type trustStore struct{ dir string }

func (t trustStore) signersDir() string { return filepath.Join(t.dir, "signers") }
func (t trustStore) rootsDir() string   { return filepath.Join(t.dir, "roots") }

// signers reads the keys whose bundles are accepted. A file that is no key is an error: silence would hide a mistake.
func (t trustStore) signers() ([]bundle.PublicKey, error) {
	var out []bundle.PublicKey
	err := eachFile(t.signersDir(), ".pem", func(path string, text []byte) error {
		k, err := bundle.ParsePublicKey(text)
		if err != nil {
			return fmt.Errorf("trusted signer %s: %w", path, err)
		}
		out = append(out, k)
		return nil
	})
	return out, err
}

// trust is Canonical's root and those that the operator added.
func (t trustStore) trust() (*assertion.Trust, error) {
	trust := assertion.Canonical()
	err := eachFile(t.rootsDir(), ".assert", func(path string, text []byte) error {
		as, err := assertion.DecodeAll(text)
		if err == nil {
			trust, err = trust.With(as...)
		}
		if err != nil {
			return fmt.Errorf("trusted root %s: %w", path, err)
		}
		return nil
	})
	return trust, err
}

func eachFile(dir, end string, fn func(path string, text []byte) error) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), end) || strings.HasPrefix(e.Name(), ".") {
			continue
		}
		path := filepath.Join(dir, e.Name())
		text, err := readSmall(path, maxTrustFile)
		if err != nil {
			return err
		}
		if err := fn(path, text); err != nil {
			return err
		}
	}
	return nil
}

// readSmall reads a file, or standard input for "-", that must be small.
func readSmall(path string, max int64) ([]byte, error) {
	f := os.Stdin
	if path != "-" {
		var err error
		if f, err = os.Open(path); err != nil {
			return nil, err
		}
		defer f.Close()
	}
	b, err := io.ReadAll(io.LimitReader(f, max+1))
	if err == nil && int64(len(b)) > max {
		err = fmt.Errorf("%s: more than %d bytes", path, max)
	}
	return b, err
}

func newTrust(g *globals) *cobra.Command {
	c := &cobra.Command{
		Use:   "trust",
		Short: "Say whose bundles this store accepts",
		Long:  "Bundles are accepted only from signers whose key was added here. The key comes\nfrom 'store-admin key export' on the exporting host.",
		Args:  cobra.NoArgs,
		RunE:  func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(newTrustAdd(g), newTrustList(g), newTrustRemove(g), newTrustRoot(g))
	return c
}

func newTrustAdd(g *globals) *cobra.Command {
	return &cobra.Command{
		Use:     "add FILE",
		Short:   "Trust a signer: FILE is what 'store-admin key export' printed",
		Example: "  snap-store-proxy trust add exporter.pem",
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			text, err := readSmall(args[0], maxTrustFile)
			if err != nil {
				return err
			}
			k, err := bundle.ParsePublicKey(text)
			if err != nil {
				return cli.Usagef("%s: %w", args[0], err)
			}
			t, err := g.trustStore()
			if err != nil {
				return err
			}
			path := filepath.Join(t.signersDir(), strings.TrimPrefix(k.ID(), "sha256:")+".pem")
			if err := writeTrust(path, k.PEM()); err != nil {
				return err
			}
			fmt.Fprintf(c.OutOrStdout(), "Bundles signed by %s (%s) are accepted from now on.\n", k.ID(), k.Algorithm())
			return nil
		},
	}
}

func writeTrust(path string, text []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return blob.WriteFile(path, text, blob.WriteOptions{Mode: 0o644})
}

func newTrustList(g *globals) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:     "list",
		Short:   "List the trusted signers",
		Example: "  snap-store-proxy trust list",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			t, err := g.trustStore()
			if err != nil {
				return err
			}
			keys, err := t.signers()
			if err != nil {
				return err
			}
			if asJSON {
				ids := []map[string]string{}
				for _, k := range keys {
					ids = append(ids, map[string]string{"fingerprint": k.ID(), "algorithm": k.Algorithm()})
				}
				return cli.PrintJSON(c.OutOrStdout(), ids)
			}
			w := tabwriter.NewWriter(c.OutOrStdout(), 0, 0, 2, ' ', 0)
			fmt.Fprintln(w, "Fingerprint\tAlgorithm")
			for _, k := range keys {
				fmt.Fprintf(w, "%s\t%s\n", k.ID(), k.Algorithm())
			}
			return w.Flush()
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

func newTrustRemove(g *globals) *cobra.Command {
	return &cobra.Command{
		Use:     "remove FINGERPRINT",
		Short:   "Stop accepting a signer's bundles; what was imported stays",
		Example: "  snap-store-proxy trust remove sha256:3c0a…",
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			t, err := g.trustStore()
			if err != nil {
				return err
			}
			return removeTrust(c.OutOrStdout(), t.signersDir(), strings.TrimPrefix(args[0], "sha256:"), ".pem")
		},
	}
}

// removeTrust removes the one file whose name begins with prefix.
func removeTrust(w io.Writer, dir, prefix, end string) error {
	path, err := findOne(dir, prefix, end)
	if err != nil {
		return err
	}
	if err := os.Remove(path); err != nil {
		return err
	}
	fmt.Fprintln(w, "Removed.")
	return nil
}

// findOne finds the file whose name begins with prefix: people copy the first digits of a fingerprint.
func findOne(dir, prefix, end string) (string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	var found []string
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), prefix) && strings.HasSuffix(e.Name(), end) {
			found = append(found, filepath.Join(dir, e.Name()))
		}
	}
	if len(found) != 1 || len(prefix) < 6 {
		return "", cli.Usagef("%q names %d of the trusted ones; give at least six digits, as the list shows them", prefix, len(found))
	}
	return found[0], nil
}
