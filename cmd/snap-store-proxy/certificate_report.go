package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"offlinestore/certificate"
	"offlinestore/cmd/internal/cli"
)

// importCertificate are the flags of import-certificate.
type importCertificate struct {
	selfSigned, force, asJSON bool
	names                     []string
}

// importedCertificate is the result of import-certificate.
type importedCertificate struct {
	certificate.Info
	// CA is the certificate that devices must trust, if the input contained it.
	CA string `json:"ca,omitempty"`
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
	return c, cli.At(readingCertificate, err)
}

// warnOfReplaced describes the certificate that a new authority has replaced.
func warnOfReplaced(old certificate.Info) {
	fmt.Fprintf(os.Stderr, "Warning: this replaced the certificate for %s by %s, valid until %s (SHA-256 %.16s…). Devices that trusted it refuse this store until they trust the new one: 'snap-store-proxy client-config' prints how.\n",
		cli.Clean(strings.Join(old.Names, ", ")), cli.Clean(old.Issuer), old.NotAfter.Format(time.DateOnly), old.SHA256)
}

func (o *importCertificate) report(out io.Writer, c *certificate.Certificate) error {
	info := c.Info()
	for _, u := range c.Unused() {
		fmt.Fprintf(os.Stderr, "Warning: the certificate of %s issued none of the others, and is left out.\n", cli.Clean(u))
	}
	if o.asJSON {
		return cli.PrintJSON(out, importedCertificate{info, string(c.RootPEM())})
	}
	cli.Note("Certificate for %s imported; it expires on %s, in %s.\n", cli.Clean(strings.Join(info.Names, ", ")), info.NotAfter.Format(time.DateOnly),
		cli.Count(info.DaysLeft(time.Now()), "day"))
	cli.Note("A running 'snap-store-proxy serve' takes it up.\n")
	if !info.PrivateRoot {
		return nil
	}
	cli.Note("Devices must trust the following certificate; 'snap-store-proxy client-config' prints how.\n")
	_, err := out.Write(c.RootPEM())
	return err
}
