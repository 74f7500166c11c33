package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"offlinestore/cmd/internal/cli"
)

// originalCommand is a command of the original product that this store does not have.
type originalCommand struct {
	name string
	// unneeded reports that a script may go on without the command.
	unneeded bool
	// why is the reason, and instead the way to the same end.
	why, instead string
}

func originalCommands() []originalCommand {
	const outside = "this program fetches no exports, online or not"
	return []originalCommand{
		{"create-database", false, "the tables are made in a database that exists", "snap-store-proxy config proxy.db.connection=URL, then snap-store-proxy enable-airgap-mode; without a connection the store makes a database of its own"},
		{"fetch-account-keys", false, outside, "on a host with internet: store-admin export account-keys ACCOUNT; here: snap-store-proxy push-account-keys FILE"},
		{"fetch-brand-store-metadata", false, outside, "on a host with internet: store-admin export store STORE_ID; here: snap-store-proxy push-store FILE"},
		{"fetch-snaps", false, outside, "on a host with internet: store-admin export snaps NAME --channel CHANNEL --arch ARCHITECTURE; here: snap-store-proxy push-snap FILE"},
		{"generate-keys", true, "the key of the store comes with its registration", "on a host with internet: store-admin register --offline URL"},
		{"migrate-from-beta", true, "there is no beta of this store", "snap-store-proxy migrate takes over another store"},
		{"push-brand-store-metadata", false, "the export of a store has its metadata", "on a host with internet: store-admin export store STORE_ID; here: snap-store-proxy push-store FILE"},
	}
}

// newOriginal returns the commands of the original that do nothing here. They accept the original's arguments, and tell what to do.
func newOriginal() []*cobra.Command {
	var list []*cobra.Command
	for _, o := range originalCommands() {
		list = append(list, &cobra.Command{
			Use: o.name, Short: "What to do instead of the original's " + o.name, Long: "This store does not have the original's " + o.name + ": " + o.why + ".\nInstead: " + o.instead + ".",
			Hidden: true, Args: cobra.ArbitraryArgs, FParseErrWhitelist: cobra.FParseErrWhitelist{UnknownFlags: true},
			RunE: func(c *cobra.Command, _ []string) error { return o.run(c) },
		})
	}
	return list
}

func (o originalCommand) run(c *cobra.Command) error {
	if o.unneeded {
		fmt.Fprintf(c.ErrOrStderr(), "%s is not needed: %s (%s)\n", o.name, o.why, o.instead)
		return nil
	}
	return &cli.Error{Code: cli.Failed, Err: fmt.Errorf("%s: %s", o.name, o.why), Hint: o.instead}
}
