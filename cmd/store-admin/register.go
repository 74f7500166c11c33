package main

import (
	"fmt"
	"os"
	"runtime"
	"slices"

	"github.com/spf13/cobra"

	"offlinestore/cmd/internal/cli"
	"offlinestore/install"
	"offlinestore/registration"
)

func newRegister() *cobra.Command {
	var o registerOptions
	c := &cobra.Command{
		Use:   "register --offline URL",
		Short: "Make the installer of an air-gapped store that devices can join",
		Long: `Make ` + defaultInstaller + `, which contains everything that a host without
internet needs to become the store at URL: the programs, install.sh, the store
assertion, the settings that are known already, and the public key of bundles that
are made here.

Devices join a store by its assertion, which only the Snap Store can sign. Bring
the result of the registration there, in one of three forms:

  --registration-bundle  of  'store-admin register URL --output-file FILE'
  --from-archive         of  'store-admin register --offline URL'
  --store-assertion      of  'curl URL/v2/auth/store/assertions' of a running store

The original store-admin gets them from the Snap Store. The assertion is verified,
and must be for URL. Devices keep that URL for good, so the command asks you to confirm it.

The host needs PostgreSQL: Debian packages given with --with-debs, or a database
elsewhere.
` + cli.ExitHelp,
		Example: `  store-admin register --offline https://snaps.example.internal --registration-bundle registration_bundle.b64
  store-admin register --offline https://snaps.example.internal --from-archive original.tar.gz --with jq-20261120T101500.tar.gz
  store-admin register --offline http://10.0.0.5 --store-assertion proxy.assert --programs ./linux-arm64 --arch arm64`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return runRegister(c.Context(), c.OutOrStdout(), &o, args[0])
		},
	}
	f := c.Flags()
	f.BoolVar(&o.offline, "offline", false, "the store has no internet; there is no other kind here")
	f.StringVar(&o.registrationBundle, "registration-bundle", "", "`FILE` that the original's 'register --output-file' wrote")
	f.StringVar(&o.storeAssertion, "store-assertion", "", "`FILE` with the store assertion and its prerequisites (- for standard input)")
	f.StringVar(&o.fromArchive, "from-archive", "", "`FILE`, an "+defaultInstaller+" of the original")
	f.StringVar(&o.output, "output", defaultInstaller, "`FILE` to write; an existing file is never replaced")
	f.BoolVar(&o.yes, "yes", false, "do not ask whether the URL is right")
	f.StringArrayVar(&o.roots, "trusted-root", nil, "`file` with an assertion root to trust besides Canonical's (tests, staging), here and on the host; repeatable")
	f.StringArrayVar(&o.bundles, "with", nil, "`FILE` that export wrote, to include and import; repeatable")
	f.StringArrayVar(&o.debs, "with-debs", nil, "Debian package, or folder of packages, to install first: a `FILE`; repeatable")
	f.BoolVar(&o.withStoreKey, "with-store-key", false, "include the store's private key; the installer is then a secret")
	f.StringVar(&o.programs, "programs", "", "`DIR` of the host's programs (default: the programs of this machine)")
	f.StringVar(&o.arch, "arch", install.DebianArch(runtime.GOARCH), "architecture of the host: amd64, arm64, armhf, ppc64el, riscv64, s390x")
	f.StringVar(&o.keyName, "key", defaultKey, "`NAME` of the key that bundles will be signed with")
	f.BoolVar(&o.json, "json", false, "print the result as JSON")
	return c
}

// validate rejects wrong combinations of flags.
func (o *registerOptions) validate(url *registration.URL) error {
	given := slices.DeleteFunc([]string{o.storeAssertion, o.registrationBundle, o.fromArchive}, func(file string) bool { return file == "" })
	switch {
	case !o.offline:
		return &notOfflineError{url.String()}
	case len(given) > 1:
		return cli.Usagef("give one of --registration-bundle, --store-assertion and --from-archive")
	case len(given) == 0:
		return &noAssertionError{url.String()}
	}
	return cli.CheckOutput("output", o.output)
}

// confirm asks whether the URL is right, on the terminal.
func (o *registerOptions) confirm(r *registration.Registration) error {
	fmt.Fprintf(os.Stderr, "Store URL: %s\nStore ID:  %s\nOperator:  %s, on %s\n", r.URL, r.StoreID, cli.Clean(r.OperatorID), r.IssuedAt.UTC().Format("2006-01-02"))
	if o.yes {
		return nil
	}
	yes, err := cli.Confirm("Devices will look for the store there, and nowhere else. Is the URL right?")
	if err == nil && !yes {
		return errNotConfirmed
	}
	return err
}
