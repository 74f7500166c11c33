package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"offlinestore/catalog"
	"offlinestore/cmd/internal/cli"
	"offlinestore/instance"
)

func newPushImages(dir *instance.Dir) *cobra.Command {
	var o pushImagesOptions
	c := &cobra.Command{
		Use:   "push-images [CHARM…]",
		Short: "Copy the images of charms to a registry",
		Long: `Copy the container images of all charms, or of the named ones, to an existing
registry. proxy.oci-registry.domain names the registry, and .username and .password
the account. Images keep their digests. Layers that the registry has are not sent
again; to continue an interrupted push, run it again. Juju's clusters get the same
account; --username and --password-file name one with the right to write, only for
this push.

While no domain is set, 'serve' is the registry itself, and no copy is needed.`,
		Example: `  snap-store-proxy push-images
  snap-store-proxy push-images --to registry.example.internal:5000 --plain-http --dry-run postgresql-k8s`,
		RunE: func(c *cobra.Command, charms []string) (err error) {
			// A file that only root can read must be read before root's rights are given up.
			if o.login, err = readLogin(o.username, o.password); err != nil {
				return err
			}
			return withSnapshot(c.Context(), dir, func(in *instance.Instance, cat *catalog.Snapshot) (err error) {
				if o.roots, err = dir.CACerts(); err != nil {
					return err
				}
				return runPushImages(c.Context(), c.OutOrStdout(), in, cat, o, charms)
			})
		},
	}
	f := c.Flags()
	f.StringVar(&o.to, "to", "", "`registry` to copy to, host or host:port (default proxy.oci-registry.domain)")
	f.StringVar(&o.username, "username", "", "user `name` for this push (default proxy.oci-registry.username)")
	f.StringVar(&o.password, "password-file", "", "`file` with its password in the first line, or - for standard input")
	f.BoolVar(&o.plainHTTP, "plain-http", false, "also accept a registry without TLS; the password then crosses the network unencrypted")
	f.BoolVar(&o.dryRun, "dry-run", false, "print the images that would be copied, and contact no registry")
	f.BoolVar(&o.json, "json", false, "print the result as JSON")
	f.IntVar(&o.jobs, "jobs", 4, "`number` of blobs to copy at once")
	return c
}

// readLogin reads the password for a user name. Either both are given or neither.
func readLogin(username, passwordFile string) (*login, error) {
	switch {
	case username == "" && passwordFile == "":
		return nil, nil
	case username == "" || passwordFile == "":
		return nil, cli.Usagef("--username and --password-file belong together")
	}
	password, err := cli.ReadPasswordFile(passwordFile)
	if err != nil {
		return nil, fmt.Errorf("--password-file: %w", err)
	}
	return &login{username, password}, nil
}
