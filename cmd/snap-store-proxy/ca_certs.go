package main

import (
	"io"

	"github.com/spf13/cobra"

	"offlinestore/certificate"
	"offlinestore/cmd/internal/cli"
	"offlinestore/instance"
)

func newUseCACerts(dir *instance.Dir) *cobra.Command {
	return &cobra.Command{
		Use:   "use-ca-certs",
		Short: "Trust only the authorities from standard input when connecting to other hosts",
		Long: `Read certificates of authorities from standard input, as PEM, and trust them alone
when this program connects to other hosts: to the stores upstream while it is online,
to S3, and with push-images to a registry. They replace the authorities from an
earlier call, and a running server takes them up within seconds. Devices and clusters
have their own trust. The connection to PostgreSQL does, too: name its authority with
sslrootcert in proxy.db.connection.`,
		Example: "  snap-store-proxy use-ca-certs < company-ca.pem",
		Args:    cobra.NoArgs,
		RunE:    func(c *cobra.Command, _ []string) error { return runUseCACerts(dir, c.InOrStdin()) },
	}
}

func newRemoveCACerts(dir *instance.Dir) *cobra.Command {
	return &cobra.Command{
		Use:     "remove-ca-certs",
		Short:   "Trust the system's authorities again when connecting to other hosts",
		Long:    "Forget the authorities from use-ca-certs, and trust the system's authorities again.",
		Example: "  snap-store-proxy remove-ca-certs",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if err := dir.Enter(); err != nil {
				return err
			}
			removed, err := dir.RemoveCACerts()
			if err != nil {
				return err
			}
			if removed {
				cli.Note("The system's authorities are trusted from now on.\n")
			} else {
				cli.Note("The system's authorities are trusted already.\n")
			}
			return nil
		},
	}
}

func runUseCACerts(dir *instance.Dir, in io.Reader) error {
	if err := dir.Enter(); err != nil {
		return err
	}
	var n int
	text, err := cli.ReadInput(in, certificate.MaxSize)
	if err == nil {
		n, err = dir.SetCACerts(text)
	}
	if err != nil {
		return cli.At(readingAuthorities, err)
	}
	cli.Note("%s of authorities imported: no other is trusted from now on.\n", cli.Count(n, "certificate"))
	return nil
}
