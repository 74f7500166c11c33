// Command snap-store-proxy imports signed bundles on an air-gapped host and serves snapd and Juju from them.
package main

import (
	"os"

	"github.com/spf13/cobra"

	"offlinestore/audit"
	"offlinestore/cmd/internal/cli"
	"offlinestore/cmd/internal/filecache"
	"offlinestore/cmd/internal/overrides"
	"offlinestore/cmd/internal/parts"
	"offlinestore/cmd/internal/takeback"
	"offlinestore/cmd/internal/trust"
	"offlinestore/instance"
)

func main() { os.Exit(run()) }

func run() int { return cli.Main(newRoot(), hints()) }

func newRoot() *cobra.Command {
	dir := new(instance.Dir)
	root := &cobra.Command{
		Use:   "snap-store-proxy",
		Short: "An air-gapped store of snaps and charms: import signed bundles, serve snapd and Juju",
		Long: `snap-store-proxy verifies and imports the bundles that store-admin exported on
a host with internet, and serves stock snapd, stock Juju and container runtimes
from them.`,
		Version: cli.Version(),
		Args:    cobra.NoArgs,
		RunE:    func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	root.PersistentPreRunE = func(c *cobra.Command, _ []string) error {
		c.SetContext(audit.WithActor(c.Context(), instance.HostActor()))
		return nil
	}
	root.PersistentFlags().StringVar((*string)(dir), "data-dir", string(instance.DefaultDir()), "`folder` of the store's data")
	root.AddCommand(newPushes(dir)...)
	root.AddCommand(trust.New(dir), newListPushedSnaps(dir), newListPushedCharms(dir), newListPushedImages(dir), newShow(dir), newWhy(dir), newStatus(dir), newCheck(dir), newGC(dir), newHistory(dir), newAudit(dir), newReceipt(dir), newWanted(dir), withStoreAssertion(dir, newConfig(dir)), newRegister(dir), newReregister(dir), newServe(dir), newPushImages(dir))
	root.AddCommand(newBackup(dir), newBackupContent(dir), newRestore(dir), newCheckConnections(dir), newMigrate(dir), newMigrateBlobs(dir))
	root.AddCommand(newImportCertificate(dir), newUseCACerts(dir), newRemoveCACerts(dir), newClientConfig(dir), newImageToken(dir))
	root.AddCommand(newEnableAirgapMode(dir), newIdentity(dir))
	root.AddCommand(append(newRemovals(dir), newRemoveImage(dir), newPrune(dir))...)
	root.AddCommand((&overrides.Program{Dir: dir, Open: withInstance, Read: withExisting}).Commands()...)
	root.AddCommand((&takeback.Program{Dir: dir, Open: withInstance, Read: withExisting}).Commands()...)
	root.AddCommand(parts.New(dir, withExisting, withInstance)...)
	root.AddCommand(filecache.New(dir, withExisting))
	root.AddCommand(newAdmins(dir)...)
	root.AddCommand(newOriginal()...)
	root.AddCommand(cli.NewVersion("snap-store-proxy"), cli.NewMan())
	addCompletion(root, dir)
	cli.SetConfirming(root, "push-snap", "push-charms", "push-charm-bundle", "push-account-keys", "push-validation-sets", "push-images",
		"trust add", "trust remove", "trust root add", "trust root remove", "gc", "prune", "remove-snap", "remove-charm", "remove-bundle", "remove-image",
		"override", "delete-override", "remove-parts", "rollback", "hold", "release", "promote", "close-channel", "backup", "restore", "enable-airgap-mode", "remove-admin", "register", "reregister", "use-ca-certs", "remove-ca-certs")
	// Scripts rely on the exit codes, so the help of every command lists them.
	root.SetHelpTemplate(root.HelpTemplate() + cli.ExitHelp + "\n")
	return root
}
