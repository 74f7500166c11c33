// Command store-admin exports snaps and charms, on a host with internet, into signed bundles. snap-store-proxy imports the
// bundles on a host without internet.
package main

import (
	"os"
	"runtime/debug"

	"github.com/spf13/cobra"

	"offlinestore/cmd/internal/cli"
)

func main() { os.Exit(run()) }

func run() int {
	// Writing bundles needs only a few buffers, so the collector should not wait for more garbage than this. Below it, the heap of a plan is
	// so small that the collector would run a hundred times a second.
	debug.SetMemoryLimit(64 << 20)
	debug.SetGCPercent(400)
	return cli.Main(newRoot(), hints())
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "store-admin",
		Short: "Export snaps and charms into signed bundles for an air-gapped store",
		Long: `store-admin exports snaps and charms, with their dependencies, into signed and
content-addressed bundles. Carry them to the air-gapped host and import them
there with 'snap-store-proxy push-snap' or 'push-charms'.
` + cli.ExitHelp,
		Example: "  store-admin export snaps jq --arch amd64 --arch arm64\n  store-admin export bundle cos-lite\n  store-admin key export --output exporter.pem",
		Version: cli.Version(),
		Args:    cobra.NoArgs,
		RunE:    func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	root.AddCommand(newExport(), newKey(), newInspect(), newVerify(), newDiff(), newLock(), newRepack(), newCache(), newReceiver(), newLogin(), newLogout(), newWhoAmI(), newRegister(), newRegisterKey(), newAudit(), newCreate(), newUpdate(), newList(), newDelete(), cli.NewVersion("store-admin"), cli.NewMan())
	addCompletion(root)
	cli.SetConfirming(root, "export", "lock", "export snaps", "export charms", "export bundle", "export account-keys", "export validation-sets", "export model", "verify", "repack", "cache clean", "receiver add", "receiver update", "receiver remove", "register", "register-key", "login", "logout",
		"create key", "create model", "create serial-policy", "create remodel", "update model", "update remodel", "delete key", "delete model", "delete serial-policy", "delete remodel")
	return root
}
