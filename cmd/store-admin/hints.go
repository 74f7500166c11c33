package main

import (
	"fmt"
	"slices"
	"syscall"

	"offlinestore/assertion"
	"offlinestore/blob"
	"offlinestore/bundle"
	"offlinestore/cmd/internal/cli"
	"offlinestore/cmd/internal/trail"
	"offlinestore/exporter"
	"offlinestore/install"
	"offlinestore/keyring"
	"offlinestore/registration"
	"offlinestore/upstream"
)

// hints returns the table of the errors' exit codes and hints.
func hints() cli.Table {
	ofStore, tooMuch := cli.As[*exporter.StoreError], cli.Is(bundle.ErrCorrupt) // an image's manifest is damaged, or an answer exceeds a limit
	return append(slices.Concat(gatewayHints(), cli.RemoteHints(), trail.Hints(), registerKeyHints(), loginHints(), registerHints(), inputHints(), tokenHints(), receiverHints(), mediumHints(), partsHints(), imageHints(), fromHints()),
		cli.On(cli.As[*registration.URLError], cli.Untrusted, "give the URL that the store was registered for, or register this one: an assertion can't be changed"),
		cli.On(cli.All(cli.As[*registration.SignatureError], cli.As[*assertion.MissingError]), cli.Untrusted,
			"the file must contain the prerequisites of the store assertion: its account, and the keys that signed them; for tests or staging, give their root with --trusted-root"),
		cli.On(cli.As[*registration.SignatureError], cli.Untrusted, "get the file again; a root for tests or staging is given with --trusted-root"),
		cli.On(cli.Any(cli.Is(registration.ErrFormat), cli.Is(registration.ErrNoStore)), cli.Damaged, "get the file again; 'store-admin register --help' describes it"),
		cli.On(cli.As[*keyring.NameError], cli.Usage, ""),
		cli.OnType(cli.Failed, func(e *keyring.MissingError) string {
			if e.Name == defaultKey {
				return "make one with 'store-admin key generate'"
			}
			return fmt.Sprintf("make one with 'store-admin key generate %s'", e.Name)
		}),
		cli.On(cli.As[*bundle.UnknownSignerError], cli.Untrusted,
			"name the signer's key with --trusted-key, as 'store-admin key export' prints it on the exporting host"),
		cli.On(cli.Any(cli.Is(bundle.ErrBadSignature), cli.As[*assertion.VerifyError], cli.As[*assertion.MissingError], cli.As[*bundle.MismatchError]), cli.Untrusted, ""),
		cli.On(cli.All(ofStore, tooMuch, cli.As[*exporter.ImageError]), cli.Upstream, "leave the images out with --no-images"),
		cli.On(cli.All(ofStore, tooMuch), cli.Upstream, ""),
		cli.OnType(cli.Damaged, func(e *bundle.FormatError) string {
			return fmt.Sprintf("install store-admin %s or newer", e.Version)
		}),
		cli.On(cli.Is(bundle.ErrRepacked), cli.Damaged, "if the bundle was packed again, unpack it (gunzip, unzstd) and use the .tar; else copy the file again, or export it again"),
		cli.On(cli.Is(exporter.ErrNotBundle), cli.Gaps, "name the charm in a file for 'store-admin export charms'"),
		cli.On(cli.Is(exporter.ErrBundle), cli.Gaps, "export the bundle with 'store-admin export bundle'"),
		cli.OnType(cli.Damaged, kindHint),
		cli.On(cli.Any(cli.Is(bundle.ErrGone), cli.Is(syscall.EIO), cli.Is(syscall.ENODEV), cli.Is(syscall.ENXIO), cli.Is(syscall.ENOTCONN)), cli.Failed,
			"the disk fails or was removed, which tells nothing about the bundle: connect it again, and run the same command"),
		cli.On(cli.Any(cli.Is(bundle.ErrCorrupt), cli.Is(bundle.ErrNotBundle)), cli.Damaged, "copy the file again, or export it again"),
		cli.On(cli.Is(exporter.ErrConflict), cli.Usage, ""),
		cli.On(cli.Is(exporter.ErrElsewhere), cli.Gaps, "name a channel or an architecture that has it: --channel, --arch, or channel: in the file"),
		cli.On(cli.Any(cli.As[*exporter.MissingError], cli.Is(errGaps)), cli.Gaps, ""),
		cli.On(cli.As[*blob.NotRegularError], cli.Failed, "name a plain file, or give - to commands that read standard input"),
		cli.On(cli.As[*blob.UnnamedError], cli.Failed, "the bundle is complete: rename it yourself, because the next export into this folder removes it"),
		cli.On(cli.Is(errLeftOut), cli.Partial, ""),
		cli.On(cli.Is(syscall.ENOSPC), cli.NoSpace, "free some space, or choose another folder; the downloads stay in the cache"),
		cli.On(cli.Is(upstream.ErrNotStore), cli.Upstream,
			"a proxy or a captive portal answered: check the way to the store (HTTPS_PROXY, a login page of the network), and --snap-store-url"),
		cli.On(cli.Is(upstream.ErrCredentials), cli.Upstream,
			"leave the images out with --no-images, or map this one to a name of your own registry with resources: in the file; else its publisher has to release it anew"),
		cli.On(cli.Is(upstream.ErrUnavailable), cli.Upstream, "run the same command again: it continues with the downloads so far"),
		cli.On(cli.All(ofStore, cli.As[*exporter.ItemError]), cli.Upstream, "--keep-going leaves it out and exports the rest"),
		cli.On(ofStore, cli.Upstream, ""),
		cli.On(cli.Is(blob.ErrWrongDigest), cli.Damaged, ""),
	)
}

// unfetchedHint returns the hint for an optional part that could not be fetched.
func unfetchedHint(part string) string {
	return map[string]string{exporter.PartIcon: "--no-icons leaves icons out", exporter.PartReferrer: "--no-referrers leaves them out"}[part]
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

// imageHints returns the rows about images that belong to no charm.
func imageHints() cli.Table {
	return cli.Table{
		cli.OnType(cli.Upstream, func(e *exporter.RegistryLoginError) string {
			return fmt.Sprintf("if the name is right, log in with 'docker login %[1]s' or 'podman login %[1]s', and run the same command again", e.Host)
		}),
		cli.On(cli.Is(exporter.ErrNoPlatform), cli.Upstream, "name an architecture that the image has with --arch, or all"),
	}
}
