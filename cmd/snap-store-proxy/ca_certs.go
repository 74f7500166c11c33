package main

import (
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"offlinestore/blob"
	"offlinestore/certificate"
	"offlinestore/cmd/internal/cli"
)

// caCertsPath is the file of the authorities that this program believes towards others. While there is none, it is the system's.
func (g *globals) caCertsPath() string { return filepath.Join(g.dataDir, "ca-certs.pem") }

func newUseCACerts(g *globals) *cobra.Command {
	return &cobra.Command{
		Use:   "use-ca-certs",
		Short: "Trust only the authorities read from standard input, towards other hosts",
		Long: `Read certificates of authorities from standard input, as PEM, and trust them alone
when this program connects to other hosts: push-images to a registry. What was
given before is replaced. Devices and clusters have their own trust, and so has the
connection to PostgreSQL: name its authority with sslrootcert in proxy.db.connection.`,
		Example: "  snap-store-proxy use-ca-certs < company-ca.pem",
		Args:    cobra.NoArgs,
		RunE:    func(c *cobra.Command, _ []string) error { return runUseCACerts(g, c.InOrStdin()) },
	}
}

func newRemoveCACerts(g *globals) *cobra.Command {
	return &cobra.Command{
		Use:     "remove-ca-certs",
		Short:   "Trust the system's authorities again, towards other hosts",
		Long:    "Forget what use-ca-certs was given, and trust the system's authorities again.",
		Example: "  snap-store-proxy remove-ca-certs",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if err := enterDataDir(g.dataDir); err != nil {
				return err
			}
			err := os.Remove(g.caCertsPath())
			if errors.Is(err, fs.ErrNotExist) {
				fmt.Fprintln(os.Stderr, "The system's authorities are trusted already.")
				return nil
			}
			if err == nil {
				fmt.Fprintln(os.Stderr, "The system's authorities are trusted from now on.")
			}
			return err
		},
	}
}

func runUseCACerts(g *globals, in io.Reader) error {
	if err := enterDataDir(g.dataDir); err != nil {
		return err
	}
	text, err := io.ReadAll(io.LimitReader(in, certificate.MaxSize+1))
	if err != nil {
		return fmt.Errorf("read the certificates: %w", err)
	}
	roots, err := certificate.ParseRoots(text)
	if err != nil {
		return cli.Hint(err, "give the certificates of authorities as PEM on standard input: snap-store-proxy use-ca-certs < ca.pem")
	}
	if err := blob.WriteFile(g.caCertsPath(), text, blob.WriteOptions{Mode: 0o644}); err != nil {
		return fmt.Errorf("write %s: %w", filepath.Base(g.caCertsPath()), err)
	}
	fmt.Fprintf(os.Stderr, "%s of authorities imported: no other is trusted from now on.\n", cli.Count(len(roots), "certificate"))
	return nil
}

// roots are the authorities to believe towards others; nil is the system's.
func (g *globals) roots() (*x509.CertPool, error) {
	text, err := os.ReadFile(g.caCertsPath())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	certs, err := certificate.ParseRoots(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Base(g.caCertsPath()), err)
	}
	pool := x509.NewCertPool()
	for _, c := range certs {
		pool.AddCert(c)
	}
	return pool, nil
}
