package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"offlinestore/certificate"
	"offlinestore/cmd/internal/cli"
	"offlinestore/instance"
)

// importCertificate are the flags of import-certificate.
type importCertificate struct {
	selfSigned, force, asJSON bool
	names                     []string
}

// importedCertificate is what import-certificate answers.
type importedCertificate struct {
	certificate.Info
	// CA is the certificate that devices must trust, if it came along.
	CA string `json:"ca,omitempty"`
}

func newImportCertificate(dir *instance.Dir) *cobra.Command {
	var o importCertificate
	c := &cobra.Command{
		Use:   "import-certificate",
		Short: "Serve HTTPS with a certificate read from standard input",
		Long: `Read a certificate, its private key and its intermediates from standard input, as
PEM in any order, check them and serve HTTPS with them. Put the root there too if
it is private: client-config then tells it to devices.

With --selfsigned, make a certificate for ten years, for the names of proxy.domain
or --name. The certificate that devices must trust is printed.

A running 'serve' takes a new certificate up at once, and drops no connection; the
first one needs a restart, since it opens a port. Plain requests are then redirected.`,
		Example: `  cat server.crt server.key intermediates.pem | snap-store-proxy import-certificate
  snap-store-proxy import-certificate --selfsigned > ca.pem`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return o.run(dir, c.InOrStdin(), c.OutOrStdout()) },
	}
	f := c.Flags()
	f.BoolVar(&o.selfSigned, "selfsigned", false, "make a certificate instead of reading one")
	f.StringArrayVar(&o.names, "name", nil, "`host` name or address that --selfsigned makes it for (repeatable; default proxy.domain)")
	f.BoolVar(&o.force, "force", false, "take a certificate that devices refuse for its name or dates; replace one that they trust by --selfsigned")
	f.BoolVar(&o.asJSON, "json", false, "print JSON")
	return c
}

func (o *importCertificate) run(dir *instance.Dir, in io.Reader, out io.Writer) error {
	if len(o.names) > 0 && !o.selfSigned {
		return cli.Usagef("--name goes with --selfsigned")
	}
	if err := dir.Enter(); err != nil {
		return err
	}
	s, err := dir.Settings()
	if err != nil {
		return err
	}
	var c *certificate.Certificate
	if o.selfSigned {
		c, err = instance.MakeCertificate(s, o.names, o.force)
	} else {
		c, err = readCertificate(in)
	}
	if err != nil {
		return err
	}
	err = instance.ValidateCertificate(s, c)
	if refused, ok := errors.AsType[*instance.RefusedError](err); ok && o.force {
		fmt.Fprintf(os.Stderr, "Warning: %v\n", cli.Clean(refused.Error()))
		err = nil
	}
	if err != nil {
		return err
	}
	if err := instance.SaveCertificate(s, c); err != nil {
		return err
	}
	return o.report(out, c)
}

func readCertificate(in io.Reader) (*certificate.Certificate, error) {
	if in == os.Stdin && cli.IsTerminal(os.Stdin) {
		fmt.Fprintln(os.Stderr, "Paste the certificate, its private key and the intermediates, as PEM, and end with Ctrl-D.")
	}
	var c *certificate.Certificate
	text, err := cli.ReadInput(in, certificate.MaxSize)
	if err == nil {
		c, err = certificate.Parse(text)
	}
	switch {
	case errors.Is(err, certificate.ErrEncrypted):
		err = cli.Hint(err, "decrypt it first: openssl pkey -in KEY, which asks for the passphrase")
	case errors.Is(err, certificate.ErrMismatch):
		err = cli.Hint(err, "compare what 'openssl x509 -in CERTIFICATE -noout -pubkey' and 'openssl pkey -in KEY -pubout' print")
	case err != nil:
		err = cli.Hint(err, "give one certificate, its key and the intermediates as PEM on standard input: cat server.crt server.key | snap-store-proxy import-certificate")
	}
	return c, err
}

func (o *importCertificate) report(out io.Writer, c *certificate.Certificate) error {
	info := c.Info()
	for _, u := range c.Unused() {
		fmt.Fprintf(os.Stderr, "Warning: the certificate of %s issued none of the others, and is left out.\n", cli.Clean(u))
	}
	if o.asJSON {
		return cli.PrintJSON(out, importedCertificate{info, string(c.RootPEM())})
	}
	fmt.Fprintf(os.Stderr, "Certificate for %s imported; it expires on %s, in %s.\n", cli.Clean(strings.Join(info.Names, ", ")), info.NotAfter.Format(time.DateOnly),
		cli.Count(info.DaysLeft(time.Now()), "day"))
	fmt.Fprintln(os.Stderr, "A running 'snap-store-proxy serve' takes it up; restart it if it serves no HTTPS yet.")
	if !info.PrivateRoot {
		return nil
	}
	fmt.Fprintln(os.Stderr, "Devices must trust the following certificate; 'snap-store-proxy client-config' prints how.")
	_, err := out.Write(c.RootPEM())
	return err
}
