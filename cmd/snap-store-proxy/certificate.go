package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"offlinestore/certificate"
	"offlinestore/cmd/internal/cli"
	"offlinestore/instance"
)

func newImportCertificate(dir *instance.Dir) *cobra.Command {
	var o importCertificate
	c := &cobra.Command{
		Use:   "import-certificate",
		Short: "Serve HTTPS with a certificate read from standard input",
		Long: `Read a certificate, its private key and its intermediates from standard input, as
PEM in any order, verify them and serve HTTPS with them. Include the root if it is
private: client-config then passes it to devices.

With --selfsigned, make a certificate for ten years, for the names of proxy.domain
or --name, and print the certificate that devices must trust. If there is a
certificate already, it is replaced, and the output describes it: devices that
trusted it refuse this store until they trust the new one.

A running 'serve' loads a new certificate at once, and drops no connection. The
first one opens the port of HTTPS. Plain requests are then redirected.`,
		Example: `  cat server.crt server.key intermediates.pem | snap-store-proxy import-certificate
  snap-store-proxy import-certificate --selfsigned > ca.pem`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return o.run(dir, c.InOrStdin(), c.OutOrStdout()) },
	}
	f := c.Flags()
	f.BoolVar(&o.selfSigned, "selfsigned", false, "make a certificate instead of reading one")
	f.StringArrayVar(&o.names, "name", nil, "`host` name or address for --selfsigned (repeatable; default proxy.domain)")
	f.BoolVar(&o.force, "force", false, "accept a certificate that devices refuse for its name or dates")
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
		c, err = instance.MakeCertificate(s, o.names)
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
	old, _ := instance.Certificate(s) // a certificate that cannot be read any more is no loss
	if err := instance.SaveCertificate(s, c); err != nil {
		return err
	}
	if old != nil && o.selfSigned {
		warnOfReplaced(old.Info())
	}
	return o.report(out, c)
}
