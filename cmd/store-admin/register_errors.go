package main

import (
	"errors"
	"fmt"

	"offlinestore/cmd/internal/cli"
	"offlinestore/install"
	"offlinestore/registration"
)

var (
	errNotConfirmed = errors.New("nothing was written: the URL was not confirmed")
	errFileExists   = errors.New("exists already; register never replaces a file")
)

// notOfflineError reports that register was asked for a store with internet.
type notOfflineError struct{ url string }

func (e *notOfflineError) Error() string {
	return "only stores without internet can be made: give --offline"
}

// noAssertionError reports that register was given no store assertion.
type noAssertionError struct{ url string }

func (e *noAssertionError) Error() string {
	return fmt.Sprintf("a store assertion for %s has to be given: only the Snap Store can sign one", e.url)
}

// otherSignerError reports a bundle that the host would refuse.
type otherSignerError struct{ file, signer, trusted string }

func (e *otherSignerError) Error() string {
	return fmt.Sprintf("%s: signed by %s, and the host will trust %s", e.file, e.signer, e.trusted)
}

// registerHints returns the rows about register.
func registerHints() cli.Table {
	const programs = "name the folder of the right programs with --programs DIR, or their architecture with --arch"
	return cli.Table{
		cli.OnType(cli.Usage, func(e *notOfflineError) string { return "store-admin register --offline " + e.url }),
		cli.OnType(cli.Usage, func(e *noAssertionError) string {
			return fmt.Sprintf("with the original store-admin, on a host with internet, run 'store-admin register %[1]s --output-file registration_bundle.b64' and give "+
				"--registration-bundle registration_bundle.b64; or run 'store-admin register --offline %[1]s' and give --from-archive %[2]s; --help has more", e.url, defaultInstaller)
		}),
		cli.On(cli.Is(errNotConfirmed), cli.Failed, "register the right URL; an assertion can't be changed"),
		cli.On(cli.Is(errFileExists), cli.Failed, "move it away, or give --output FILE"),
		cli.On(cli.As[*otherSignerError], cli.Untrusted, "export it again here, or name its key with --key"),
		cli.On(cli.Is(registration.ErrURL), cli.Usage, "give the address by which devices will reach the store, like https://snaps.example.internal"),
		cli.OnType(cli.Usage, func(e *install.OtherHostError) string {
			return "name the folder of those with --programs DIR --arch " + e.Arch
		}),
		cli.On(cli.As[*install.MissingProgramError], cli.Usage, "name the folder that has both programs with --programs DIR"),
		cli.On(cli.As[*install.ArchitectureError], cli.Usage, programs),
		cli.On(cli.Is(install.ErrName), cli.Usage, "rename the file: no spaces, and no two of a name"),
		cli.On(cli.Any(cli.Is(install.ErrArchitecture), cli.Is(install.ErrNotProgram), cli.Is(install.ErrNoDebs), cli.Is(install.ErrNotDeb)), cli.Usage, ""),
	}
}
