// Command snap-store-proxy imports signed bundles on an air-gapped host and serves snapd and Juju from them.
package main

import (
	"errors"
	"fmt"
	"os"
	"syscall"

	"github.com/spf13/cobra"

	"offlinestore/assertion"
	"offlinestore/blob"
	"offlinestore/bundle"
	"offlinestore/catalog"
	"offlinestore/cmd/internal/cli"
	"offlinestore/importer"
	"offlinestore/instance"
	"offlinestore/instance/pgcluster"
	"offlinestore/instance/settings"
)

func main() { os.Exit(run()) }

func run() int { return cli.Main(newRoot(), classify) }

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
	root.PersistentFlags().StringVar((*string)(dir), "data-dir", string(instance.DefaultDir()), "`folder` of the store's data")
	root.AddCommand(newPushes(dir)...)
	root.AddCommand(newTrust(dir), newListPushedSnaps(dir), newListPushedCharms(dir), newStatus(dir), newCheck(dir), newGC(dir), newHistory(dir), withStoreAssertion(dir, newConfig(dir)), newReregister(dir), newServe(dir), newPushImages(dir))
	root.AddCommand(newBackup(dir), newBackupContent(dir), newRestore(dir), newCheckConnections(dir), newMigrate(dir))
	root.AddCommand(newImportCertificate(dir), newUseCACerts(dir), newRemoveCACerts(dir), newClientConfig(dir))
	root.AddCommand(newEnableAirgapMode(dir))
	root.AddCommand(newOverrides(dir)...)
	root.AddCommand(newAdmins(dir)...)
	root.AddCommand(cli.NewMan())
	// Scripts rely on the exit codes, so the help of every command has them.
	root.SetHelpTemplate(root.HelpTemplate() + cli.ExitHelp + "\n")
	return root
}

// classify says how the program exits after an error, and what its user can do.
func classify(err error) (code int, hint string) {
	var signer *bundle.UnknownSignerError
	var damaged *bundle.BlobError
	var corrupt *blob.CorruptError
	var conflict *catalog.ConflictError
	switch {
	case errors.As(err, &signer):
		return cli.Untrusted, "if you know that key, print it on the exporting host with 'store-admin key export', compare the fingerprint, and run 'snap-store-proxy trust add FILE'"
	case errors.Is(err, errUnsigned):
		return cli.Untrusted, "if you know where it comes from, give --allow-unsigned; better, export again with this store-admin, which signs"
	case errors.Is(err, bundle.ErrBadSignature):
		return cli.Untrusted, "the bundle was altered after it was signed; export it again"
	case isUntrustedAssertion(err):
		return cli.Untrusted, "export it again; a root for tests or staging is added with 'snap-store-proxy trust root add FILE'"
	case errors.As(err, &conflict):
		return cli.Untrusted, "find out who vouched for what is in the store ('snap-store-proxy history'), and which of the two is right"
	case errors.Is(err, importer.ErrFuture):
		return cli.Untrusted, "set this host's clock, or give --accept-time if the bundle is right"
	case errors.As(err, &damaged):
		return cli.Damaged, "bring the bundle again and push it; the blobs that were good are kept and not copied again"
	case errors.Is(err, bundle.ErrTooNew):
		return cli.Damaged, "install the newer snap-store-proxy, or export again with the store-admin that belongs to this one"
	case errors.Is(err, bundle.ErrNotBundle):
		return cli.Damaged, "give what 'store-admin export' wrote, and copy it again if this is it; of a folder with several, name the files, as in FOLDER/*.tar.gz"
	case errors.Is(err, bundle.ErrCorrupt):
		return cli.Damaged, "copy the file again, and check it with 'store-admin verify' before it is carried over"
	case errors.As(err, &corrupt):
		return cli.Damaged, ""
	case errors.Is(err, syscall.ENOSPC):
		return cli.NoSpace, "free space in the data folder ('snap-store-proxy gc' may help) and push again"
	}
	return classifyService(err)
}

func isUntrustedAssertion(err error) bool {
	var unverified *assertion.VerifyError
	var missing *assertion.MissingError
	var mismatch *bundle.MismatchError
	return errors.As(err, &unverified) || errors.As(err, &missing) || errors.As(err, &mismatch) || errors.Is(err, assertion.ErrUntrustedRoot)
}

// classifyService is about what the store runs on.
func classifyService(err error) (code int, hint string) {
	var version *pgcluster.VersionError
	var start *pgcluster.StartError
	var unknownKey *settings.UnknownKeyError
	var value *settings.ValueError
	var half *instance.HalfRestoredError
	var unreachable *instance.UnreachableError
	var ambiguous *instance.AmbiguousError
	var cert *instance.CertificateError
	switch {
	case errors.As(err, &half):
		return cli.Failed, fmt.Sprintf("run 'snap-store-proxy restore' again; to do without it, remove %s", half.Path)
	case errors.As(err, &unreachable):
		return cli.Failed, "let that user enter each folder above it (chmod o+x FOLDER), or choose another with --data-dir"
	case errors.As(err, &ambiguous):
		return cli.Usage, ""
	case errors.As(err, &cert):
		return cli.Failed, fmt.Sprintf("bring it again with 'snap-store-proxy import-certificate', or go back to plain HTTP with 'snap-store-proxy config %s= %s='", settings.TLSCert, settings.TLSKey)
	case errors.Is(err, pgcluster.ErrNotInstalled), errors.As(err, &version):
		return cli.Database, ""
	case errors.As(err, &start):
		return cli.Database, "PostgreSQL's log is in the data folder, in postgresql/log"
	case errors.Is(err, catalog.ErrUnavailable):
		return cli.Database, "see that PostgreSQL runs and that proxy.db.connection is right, then run the same command again"
	case errors.Is(err, catalog.ErrRights):
		return cli.Database, "the role of proxy.db.connection must be able to create tables and own them; that of proxy.db.server-connection needs SELECT on them"
	case errors.Is(err, catalog.ErrTooNew):
		return cli.Database, "run the newer snap-store-proxy, or restore a backup from before it"
	case errors.Is(err, catalog.ErrBusy):
		return cli.Failed, "wait until the other command has ended, then run this one again"
	case errors.As(err, &unknownKey), errors.As(err, &value):
		return cli.Usage, "'snap-store-proxy config' lists the settings"
	case errors.Is(err, errGaps):
		return cli.Gaps, ""
	case errors.Is(err, os.ErrPermission):
		return cli.Failed, fmt.Sprintf("run it as root, or as the owner of the data folder, who must be able to enter and read what is named (this ran as user %d)", os.Geteuid())
	}
	return classifyBackup(err)
}
