package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"syscall"

	"offlinestore/assertion"
	"offlinestore/blob"
	"offlinestore/bundle"
	"offlinestore/catalog"
	"offlinestore/cmd/internal/cli"
	"offlinestore/importer"
	"offlinestore/importer/canonical"
	"offlinestore/instance"
	"offlinestore/instance/backup"
	"offlinestore/instance/pgcluster"
	"offlinestore/instance/settings"
	"offlinestore/registration"
	"offlinestore/registry"
	"offlinestore/service"
)

// hints returns the table of the errors' exit codes and hints.
func hints() cli.Table {
	return slices.Concat(stepHints(), cli.RemoteHints(), auditHints(), registrationHints(), registryHints(), backupHints(), bundleHints(), listenHints(), serviceHints())
}

// bundleHints returns the rows about bundles and their contents.
func bundleHints() cli.Table {
	return cli.Table{
		cli.On(cli.As[*blob.UnnamedError], cli.Failed, "the file is complete: rename it yourself, because the next run removes it"),
		cli.On(cli.All(cli.As[*importer.AssertionFileError], cli.As[*assertion.MissingError]), cli.Untrusted,
			"add what is missing to the file ('snap known --remote account account-id=ACCOUNT' prints an account), or make a bundle with 'store-admin export account-keys', which has everything"),
		cli.On(cli.All(cli.As[*importer.AssertionFileError], cli.As[*assertion.FormatError]), cli.Damaged,
			"get the file again, with 'snap known --remote' or 'store-admin export account-keys'"),
		cli.On(cli.All(cli.As[*importer.SnapsError], cli.Is(canonical.ErrNoAssertion)), cli.Untrusted,
			"give the .assert that 'snap download' wrote beside it, in the same command or folder; if it is there, one of the two is damaged or of another revision"),
		cli.On(cli.All(cli.As[*importer.SnapsError], cli.As[*canonical.LooseAssertionError]), cli.Untrusted,
			"give the .snap or .comp that 'snap download' wrote beside it, in the same command or folder; if it is there, it is damaged or of another revision"),
		cli.On(cli.All(cli.As[*importer.SnapsError], cli.Any(cli.As[*assertion.VerifyError], cli.As[*assertion.MissingError], cli.As[*bundle.MismatchError])), cli.Untrusted,
			"download it again, with 'snap download NAME'; a root for tests or staging is added with 'snap-store-proxy trust root add FILE'"),
		cli.On(cli.All(cli.As[*importer.SnapsError], cli.Is(bundle.ErrCorrupt)), cli.Damaged, "copy the file again, or download it again with 'snap download NAME'"),
		cli.OnType(cli.Untrusted, func(e *bundle.UnknownSignerError) string {
			return fmt.Sprintf("run 'store-admin key list' on the exporting host: if it shows %s, bring the file of 'store-admin key export' and run 'snap-store-proxy trust add FILE'", e.KeyID)
		}),
		cli.On(cli.Any(cli.Is(bundle.ErrGone), cli.Is(syscall.EIO), cli.Is(syscall.ENODEV), cli.Is(syscall.ENXIO), cli.Is(syscall.ENOTCONN)), cli.Failed,
			"the disk fails or was removed, which tells nothing about the bundle: connect it again, and run the same command"),
		cli.On(cli.Is(importer.ErrUnsigned), cli.Untrusted, "if you know where it comes from, give --allow-unsigned; better, export again with this store-admin, which signs"),
		cli.On(cli.Is(bundle.ErrBadSignature), cli.Untrusted, "the bundle was altered after it was signed; export it again"),
		cli.On(cli.Any(cli.As[*assertion.VerifyError], cli.As[*assertion.MissingError], cli.As[*bundle.MismatchError], cli.Is(assertion.ErrUntrustedRoot)), cli.Untrusted,
			"export it again; a root for tests or staging is added with 'snap-store-proxy trust root add FILE'"),
		cli.OnType(cli.Untrusted, func(e *catalog.NameError) string {
			return fmt.Sprintf("if the store upstream has given the name to another publisher, add --plan --take-over %s to see what taking it over would do", e.Name)
		}),
		cli.On(cli.As[*unknownKeyError], cli.Failed, "export the store again with --key ID, push it with the same flags, and they are kept"),
		cli.On(cli.As[*storeAdminError], cli.Failed, "push the export of one store alone, with the token that was written beside it"),
		cli.On(cli.As[*catalog.ConflictError], cli.Untrusted,
			"find out who signed the imported revision ('snap-store-proxy history'), and which of the two is right"),
		cli.On(cli.Is(importer.ErrFuture), cli.Untrusted, "set this host's clock, or give --accept-time if the bundle is right"),
		cli.On(cli.All(cli.As[*importer.UnsignedError], cli.Is(bundle.ErrCorrupt)), cli.Damaged,
			"copy the file again; if it is whole where it was made, export again with this store-admin"),
		cli.On(cli.As[*importer.PipeError], cli.Damaged, "give an export of the original store-admin by the name of its file: it is read twice"),
		cli.On(cli.As[*importer.ExpectedError], cli.Gaps, "push these bundles first, or together with this one; if they are lost, 'store-admin export … --for NAME --full' leaves nothing out"),
		cli.On(cli.As[*bundle.BlobError], cli.Damaged, "bring the bundle again and push it; the blobs that were good are kept and not copied again"),
		cli.OnType(cli.Damaged, func(e *bundle.FormatError) string {
			return fmt.Sprintf("install snap-store-proxy %s or newer, or export again with the store-admin that belongs to this one", e.Version)
		}),
		cli.On(cli.Is(bundle.ErrRepacked), cli.Damaged,
			"if the bundle was packed again after store-admin wrote it, unpack it (gunzip, unzstd) and use the .tar; else copy the file again"),
		cli.OnType(cli.Damaged, kindHint),
		cli.On(cli.Is(bundle.ErrNotBundle), cli.Damaged,
			"give a bundle of 'store-admin export', and copy it again if this is one; for a folder with several, name the files, as in FOLDER/*.tar.gz"),
		cli.On(cli.Is(bundle.ErrCorrupt), cli.Damaged, "copy the file again, and check it with 'store-admin verify' before it is carried over"),
		cli.On(cli.As[*blob.CorruptError], cli.Damaged, ""),
		cli.On(cli.Is(syscall.EFBIG), cli.NoSpace, "FAT32 holds files of less than 4 GiB: use a disk with another file system (exFAT, ext4)"),
		cli.On(cli.Is(syscall.ENOSPC), cli.NoSpace, "free space in the data folder ('snap-store-proxy gc' may help) and push again"),
	}
}

// serviceHints returns the rows about the foundations of the store: its database, its settings, the rights of its user.
func serviceHints() cli.Table {
	return cli.Table{
		cli.OnType(cli.Failed, func(e *instance.HalfRestoredError) string {
			if len(e.Aside) > 0 {
				return fmt.Sprintf("run 'snap-store-proxy restore' again; to go back to what was here, move the content of %s back, then remove %s", strings.Join(e.Aside, " and "), e.Path)
			}
			return fmt.Sprintf("run 'snap-store-proxy restore' again; to do without it, remove %s", e.Path)
		}),
		cli.OnType(cli.Failed, func(e *instance.RootOwnedError) string {
			return fmt.Sprintf("give it to the user who shall run the store: chown -R snap-store-proxy: %s", e.Dir)
		}),
		cli.On(cli.Is(instance.ErrNoServiceUser), cli.Failed, "make one: useradd --system --user-group snap-store-proxy"),
		cli.On(cli.As[*instance.LinkError], cli.Failed, "name the folder itself with --data-dir, or run the command as the owner of the link"),
		cli.On(cli.As[*instance.NoStoreError], cli.Failed, "name its folder with --data-dir, or set up a new store with 'snap-store-proxy enable-airgap-mode'"),
		cli.On(cli.Any(cli.Is(instance.ErrNoDatabase), cli.Is(catalog.ErrNoTables)), cli.Database, "'snap-store-proxy enable-airgap-mode' makes it"),
		cli.On(cli.As[*instance.UnreachableError], cli.Failed, "let that user enter each folder above it (chmod o+x FOLDER), or choose another with --data-dir"),
		cli.On(cli.As[*instance.AmbiguousError], cli.Usage, ""),
		cli.On(cli.As[*instance.CertificateError], cli.Failed,
			fmt.Sprintf("bring it again with 'snap-store-proxy import-certificate', or go back to plain HTTP with 'snap-store-proxy config %s= %s='", settings.TLSCert, settings.TLSKey)),
		cli.On(cli.Any(cli.Is(pgcluster.ErrNotInstalled), cli.As[*pgcluster.VersionError]), cli.Database, ""),
		cli.On(cli.Any(cli.As[*pgcluster.StartError], cli.Is(pgcluster.ErrNoAnswer)), cli.Database, "PostgreSQL's log is in the data folder, in postgresql/log"),
		cli.On(cli.Is(catalog.ErrUnavailable), cli.Database, "check that PostgreSQL runs and that proxy.db.connection is right, then run the same command again"),
		cli.On(cli.Is(catalog.ErrRights), cli.Database,
			"the role of proxy.db.connection must be able to create tables and own them; the role of proxy.db.server-connection needs SELECT on them"),
		cli.On(cli.As[*catalog.OptionError], cli.Database, "set proxy.db.connection and proxy.db.server-connection without it"),
		cli.On(cli.Is(catalog.ErrTooNew), cli.Database, "run the newer snap-store-proxy, or restore a backup from before it"),
		cli.On(cli.Is(catalog.ErrBusy), cli.Failed, "wait until the other command has ended, then run this one again"),
		cli.On(cli.As[*catalog.NotFoundError], cli.Gaps,
			"'snap-store-proxy list-pushed-snaps --long' and 'list-pushed-charms --long' list the revisions of this store; export and push others first"),
		cli.On(cli.As[*catalog.ChannelError], cli.Usage, ""),
		cli.On(cli.As[*instance.NeededError], cli.Failed, "remove first what needs it; --force removes it nevertheless"),
		cli.OnType(cli.Usage, func(e *instance.KindError) string {
			return fmt.Sprintf("use 'snap-store-proxy remove-%s %s'", e.Kind, e.Name)
		}),
		cli.On(cli.Is(errNotRemoved), cli.Failed, ""),
		cli.On(cli.Is(errNotTakenOver), cli.Failed, ""),
		cli.On(cli.Any(cli.As[*settings.UnknownKeyError], cli.As[*settings.ValueError]), cli.Usage, "'snap-store-proxy config' lists the settings"),
		cli.On(cli.As[*blob.NotRegularError], cli.Failed, "name a plain file, or give - to commands that read standard input"),
		cli.On(cli.As[*blob.SizeError], cli.Failed, "check that it is the right input: no valid one is so large; nothing was changed"),
		cli.On(cli.Is(os.ErrPermission), cli.Failed,
			fmt.Sprintf("use sudo, to run it as root, or run it as the owner of the data folder, who must be able to read the named files and folders (this ran as user %d)", os.Geteuid())),
		cli.On(cli.As[*instance.ClusterError], cli.Database, "see the kernel's log and postgresql/log in the data folder"),
	}
}

// listenHints returns the rows about the listeners of serve.
func listenHints() cli.Table {
	return cli.Table{
		cli.OnType(cli.Failed, func(e *service.ListenError) string {
			switch e.Role {
			case service.RoleHTTP:
				return "choose another address with --listen, or the port with 'snap-store-proxy config proxy.port.http=8080'"
			case service.RoleHTTPS:
				return "choose another address with --https-listen, or the port with 'snap-store-proxy config proxy.port.https=8443'"
			case service.RoleRegistry:
				return "choose another address for images with 'snap-store-proxy config proxy.oci-registry.listen=[::]:5001', or have none with proxy.oci-registry.builtin=false"
			}
			return "choose another address for administration with 'snap-store-proxy config proxy.admin.listen=127.0.0.1:8014'"
		}),
		cli.On(cli.As[*service.PlainAdminError], cli.Usage, "import a certificate with 'snap-store-proxy import-certificate', or listen on 127.0.0.1"),
		cli.On(cli.Is(instance.ErrNoCertificate), cli.Usage, "import one with 'snap-store-proxy import-certificate'"),
		cli.On(cli.Is(instance.ErrNoDomain), cli.Usage, "set it: snap-store-proxy config proxy.domain=HOST"),
		cli.On(cli.Is(catalog.ErrNoAdmin), cli.Failed, "'snap-store-proxy list-admins' lists them"),
		cli.On(cli.Is(instance.ErrNoNames), cli.Usage, "set proxy.domain with 'snap-store-proxy config proxy.domain=HOST', or give --name HOST"),
		cli.On(cli.As[*instance.UseError], cli.Failed, "get one for a server from its authority, or make one with --selfsigned"),
		cli.On(cli.As[*instance.RefusedError], cli.Failed, "devices would refuse it; --force accepts it nevertheless, for instance before its time"),
		cli.On(cli.Is(instance.ErrLonelyLogin), cli.Usage, ""),
		cli.On(cli.As[*service.SecretError], cli.Failed, fmt.Sprintf("let the store make another one: snap-store-proxy config %s=", settings.AuthSecret)),
	}
}

// registrationHints returns the rows about the store assertion.
func registrationHints() cli.Table {
	return cli.Table{
		cli.OnType(cli.Untrusted, func(e *instance.DomainError) string {
			return fmt.Sprintf("if the assertion is right: snap-store-proxy config %s=%s", settings.Domain, e.Domain)
		}),
		cli.On(cli.All(cli.As[*registration.SignatureError], cli.As[*assertion.MissingError]), cli.Untrusted,
			"the file must contain the prerequisites of the store assertion: its account, and the keys that signed them; a root for tests or staging is added with 'snap-store-proxy trust root add FILE'"),
		cli.On(cli.As[*registration.SignatureError], cli.Untrusted, "bring the file again; a root for tests or staging is added with 'snap-store-proxy trust root add FILE'"),
		cli.On(cli.As[*registration.URLError], cli.Untrusted, ""),
		cli.On(cli.Any(cli.Is(registration.ErrFormat), cli.Is(registration.ErrNoStore)), cli.Damaged, "bring the file again; the registration of the store wrote it"),
	}
}

// registryHints returns the rows about a target registry of images.
func registryHints() cli.Table {
	refused := func(err error) bool {
		var access *registry.AccessError
		return errors.As(err, &access) && access.Refused
	}
	return cli.Table{
		cli.On(cli.As[*registry.UnknownCharmError], cli.Usage, "'snap-store-proxy list-pushed-charms' lists the charms of this store"),
		cli.On(cli.Is(registry.ErrPlainHTTP), cli.Upstream,
			"give --plain-http if the registry speaks no TLS; else check that it runs, and that this host trusts its certificate (SSL_CERT_FILE names a file of CAs)"),
		cli.On(refused, cli.Upstream, "set proxy.oci-registry.username and proxy.oci-registry.password to an account of the registry"),
		cli.On(cli.As[*registry.AccessError], cli.Upstream, "check that the registry runs, and that this host trusts its certificate (SSL_CERT_FILE names a file of CAs)"),
		cli.On(cli.As[*registry.SparseError], cli.Gaps,
			"export with all platforms (without --arch), let the registry accept sparse indexes, or use the built-in registry of 'serve'"),
	}
}

// backupHints returns the rows about backup and restore.
func backupHints() cli.Table {
	return cli.Table{
		cli.On(cli.All(cli.As[*instance.WriteError], cli.Is(fs.ErrExist)), cli.Failed, "give another name, or a folder; a backup is never written over another one"),
		cli.On(cli.All(cli.As[*instance.WriteError], cli.Is(syscall.ENOSPC)), cli.NoSpace, "free space there, or save to another disk; nothing was left behind"),
		cli.On(cli.As[*instance.DamagedContentError], cli.Damaged, "'snap-store-proxy check --blobs' puts damaged blobs into quarantine; push their bundle again, then save"),
		cli.On(cli.Is(errNotRestored), cli.Failed, ""),
		cli.On(cli.Is(instance.ErrNoBackup), cli.Failed, "give a file that 'snap-store-proxy backup' wrote, or the folder that it is in"),
		cli.On(cli.Is(instance.ErrOccupied), cli.Failed, "restore with another --data-dir, or with --force, which moves the existing content aside"),
		cli.On(cli.Is(instance.ErrClusterInUse), cli.Failed, "stop 'snap-store-proxy serve' and the other commands, then restore"),
		cli.On(cli.As[*instance.RestoreSpaceError], cli.NoSpace, "free space there, or choose another --data-dir; nothing was changed"),
		cli.On(cli.Is(backup.ErrTooNew), cli.Damaged, "install the snap-store-proxy that made it, or a newer one"),
		cli.On(cli.Is(backup.ErrNotBackup), cli.Damaged, "give a file that 'snap-store-proxy backup' wrote"),
		cli.On(cli.Is(backup.ErrCorrupt), cli.Damaged, "copy the file again, or take another backup; nothing was changed"),
		cli.On(cli.Is(backup.ErrKey), cli.Failed, "give the passphrase (--passphrase-file) or the key (--identity) that it was made with; nothing was changed"),
		cli.On(cli.Is(catalog.ErrNotEmpty), cli.Failed, "restore into a new database ('createdb'; --db-connection-file), or into a private cluster with --private"),
		cli.On(cli.As[*backup.ToolError], cli.Database, "PostgreSQL here must not be older than the one that was saved, and its role must be able to create tables"),
	}
}
