package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"offlinestore/cmd/internal/cli"
	"offlinestore/instance"
)

func newClientConfig(dir *instance.Dir) *cobra.Command {
	var shell, cloudInit, juju, asJSON bool
	c := &cobra.Command{
		Use:   "client-config",
		Short: "Print the configuration of a device, a cloud-init or a Juju model for this store",
		Long: `Print the configuration that clients need to use this store: its URL, its store
assertion and, if it is private, the authority of its certificate. --shell is a script for a device,
--cloud-init user data for a new machine, and --juju the configuration of a model
('juju bootstrap' and 'juju add-model' take it with --config FILE).

Without a store assertion, devices are pointed here by an environment variable of
snapd; stock snapd still trusts only its own root.`,
		Example: `  snap-store-proxy client-config | ssh device sudo sh
  snap-store-proxy client-config --cloud-init > user-data
  snap-store-proxy client-config --juju > model.yaml && juju add-model apps --config model.yaml`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			cc, err := dir.ClientConfig()
			if err != nil {
				return err
			}
			if cc.StoreID == "" {
				fmt.Fprintln(os.Stderr, "Warning: this store has no store assertion ('snap-store-proxy config --import-store-assertion FILE' takes one), so proxy.store can't name it.")
			}
			var text string
			switch {
			case asJSON:
				return cli.PrintJSON(c.OutOrStdout(), cc)
			case cloudInit:
				text, err = cc.CloudInit()
			case juju:
				text, err = cc.Juju()
			default:
				text = cc.Shell()
			}
			if err == nil {
				_, err = fmt.Fprint(c.OutOrStdout(), text)
			}
			return err
		},
	}
	f := c.Flags()
	f.BoolVar(&shell, "shell", false, "a shell script for a device, to be run as root (default)")
	f.BoolVar(&cloudInit, "cloud-init", false, "user data for cloud-init")
	f.BoolVar(&juju, "juju", false, "configuration of a Juju model")
	f.BoolVar(&asJSON, "json", false, "print JSON")
	c.MarkFlagsMutuallyExclusive("shell", "cloud-init", "juju", "json")
	return c
}
