package main

import (
	"github.com/spf13/cobra"

	"offlinestore/cmd/internal/push"
	"offlinestore/instance"
)

// newPushes returns the commands that import bundles, with the original's names. Each accepts any bundle and imports all
// of it.
func newPushes(dir *instance.Dir) []*cobra.Command {
	return []*cobra.Command{
		newPush(dir, "push-snap FILE…", "Verify and import bundles of snaps", "'store-admin export snaps'",
			"  snap-store-proxy push-snap jq-20261120T101500.tar.gz\n  snap-store-proxy push-snap --plan /media/usb/*.tar.gz\n"+
				"  snap-store-proxy push-snap /media/usb/week47.part*.tar.gz\n"+
				"  snap-store-proxy push-snap --channel latest/candidate jq_6.snap jq_6.assert\n  snap-store-proxy push-snap /media/usb/downloads"),
		newPush(dir, "push-charms FILE…", "Verify and import bundles of charms, with their resources and images", "'store-admin export charms'",
			"  snap-store-proxy push-charms charms-export-20261120T101500.tar.gz\n  snap-store-proxy push-charms --plan /media/usb/*.tar.gz"),
		newPush(dir, "push-charm-bundle FILE…", "Verify and import charm bundles, with all their charms", "'store-admin export bundle'",
			"  snap-store-proxy push-charm-bundle cos-lite-20261120T101500.tar.gz"),
		newPush(dir, "push-account-keys FILE…", "Verify and import account keys", "'store-admin export account-keys'",
			"  snap-store-proxy push-account-keys account-keys-20261120T101500.tar.gz\n  snap-store-proxy push-account-keys my-brand.assert"),
		newPush(dir, "push-validation-sets FILE…", "Verify and import validation sets, with the snaps that they pin", "'store-admin export validation-sets'",
			"  snap-store-proxy push-validation-sets validation-sets-20261120T101500.tar.gz"),
		newPushStore(dir),
	}
}

func newPush(dir *instance.Dir, use, short, source, example string) *cobra.Command {
	o := newPushOptions()
	c := &cobra.Command{
		Use:   use,
		Short: short,
		Long: `Verify bundles and import them. FILE is the output of ` + source + `:
an archive (encrypted, too), a folder, or - for standard input. The signature is
verified before the first blob is read, and clients see all of a bundle or
nothing of it. Several bundles are imported side by side, each on its own; a bad
one does not stop the others. To continue an interrupted push, run it again.
The parts of a divided bundle may come in any order; the last one imports it.
A folder with bundles or parts in it stands for all of them.

FILE may also be a file of assertions, as 'snap known --remote' prints them.
Their own signatures vouch for it.

Snaps need no bundle: give the pairs of files that 'snap download' writes
(jq_6.snap jq_6.assert), a folder or an archive of such files, or a snap archive of
the original store-admin. The names do not matter. The assertions of the store
vouch for each file; none is imported without. A snap that is new here goes to
latest/stable, or to each --channel.

An older bundle does not change a channel that a newer one has set, unless
--push-channel-map is given; its revisions are added nevertheless. The flag also
brings back its components, its names of images and its descriptions. Several
bundles are then applied together, in the order in which they were signed, and the
same command a second time changes nothing.

If the store upstream has given the name of a snap or charm to another one,
--take-over NAME removes everything about the former one and imports the other.
It first prints what will happen, and asks.`,
		Example: example,
		Args:    cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			o.By = instance.Operator() // before root's rights are given up
			return push.Run(c.Context(), c.OutOrStdout(), dir, o, args)
		},
	}
	o.AddFlags(c.Flags())
	return c
}
