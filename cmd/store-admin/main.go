// Command store-admin exports snaps and charms on a host with internet into signed bundles that snap-store-proxy imports on a host
// without.
package main

import (
	"errors"
	"os"
	"runtime/debug"
	"syscall"

	"github.com/spf13/cobra"

	"offlinestore/assertion"
	"offlinestore/blob"
	"offlinestore/bundle"
	"offlinestore/cmd/internal/cli"
	"offlinestore/exporter"
	"offlinestore/upstream"
)

func main() { os.Exit(run()) }

func run() int {
	// What bundles need while they are written is a few buffers; the collector need not wait for more garbage than that.
	debug.SetMemoryLimit(64 << 20)
	return cli.Main(newRoot(), classify)
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "store-admin",
		Short: "Export snaps and charms into signed bundles for an air-gapped store",
		Long: `store-admin exports snaps and charms, with all that they need, into signed and
content-addressed bundles. Carry them to the air-gapped host and import them
there with 'snap-store-proxy push-snap' or 'push-charms'.
` + cli.ExitHelp,
		Example: "  store-admin export snaps jq --arch amd64 --arch arm64\n  store-admin export bundle cos-lite\n  store-admin key export > exporter.pem",
		Version: cli.Version(),
		Args:    cobra.NoArgs,
		RunE:    func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	root.AddCommand(newExport(), newKey(), newInspect(), newVerify(), newDiff(), newCache(), newLogin(), newRegister(), cli.NewMan())
	return root
}

// classify says how the program exits after an error, and what its user can do.
func classify(err error) (code int, hint string) {
	var unknown *bundle.UnknownSignerError
	switch {
	case errors.As(err, &unknown):
		return cli.Untrusted, "name the signer's key with --trusted-key, as 'store-admin key export' prints it on the exporting host"
	case isUntrusted(err):
		return cli.Untrusted, ""
	case isStoreError(err) && errors.Is(err, bundle.ErrCorrupt): // the manifest of an image, or too much of anything
		return cli.Upstream, imageHint(err)
	case errors.Is(err, bundle.ErrTooNew):
		return cli.Damaged, ""
	case errors.Is(err, bundle.ErrCorrupt), errors.Is(err, bundle.ErrNotBundle):
		return cli.Damaged, "copy the file again, or export it again"
	case errors.Is(err, exporter.ErrConflict):
		return cli.Usage, ""
	case isMissing(err):
		return cli.Gaps, ""
	case errors.Is(err, syscall.ENOSPC):
		return cli.NoSpace, "free some space, or choose another folder; what was downloaded stays in the cache"
	case errors.Is(err, upstream.ErrCredentials):
		return cli.Upstream, "leave the images out with --no-images, or map this one to a name of your own registry with resources: in the file; else its publisher has to release it anew"
	case errors.Is(err, upstream.ErrUnavailable):
		return cli.Upstream, "run the same command again: it goes on with what was downloaded"
	case isStoreError(err):
		return cli.Upstream, ""
	case errors.Is(err, blob.ErrWrongDigest):
		return cli.Damaged, ""
	}
	return cli.Failed, ""
}

func imageHint(err error) string {
	if _, ok := errors.AsType[*exporter.ImageError](err); ok {
		return "leave the images out with --no-images"
	}
	return ""
}

func isUntrusted(err error) bool {
	var unverified *assertion.VerifyError
	var missing *assertion.MissingError
	var mismatch *bundle.MismatchError
	return errors.Is(err, bundle.ErrBadSignature) || errors.As(err, &unverified) || errors.As(err, &missing) || errors.As(err, &mismatch)
}

func isMissing(err error) bool {
	var missing *exporter.MissingError
	return errors.As(err, &missing) || errors.Is(err, errGaps)
}

func isStoreError(err error) bool {
	var store *exporter.StoreError
	return errors.As(err, &store)
}
