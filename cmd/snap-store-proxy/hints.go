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
	"offlinestore/catalog"
	"offlinestore/cmd/internal/cli"
	"offlinestore/cmd/internal/filecache"
	"offlinestore/cmd/internal/outside"
	"offlinestore/cmd/internal/parts"
	"offlinestore/cmd/internal/push"
	"offlinestore/cmd/internal/takeback"
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
	return slices.Concat(stepHints(), cli.RemoteHints(), auditHints(), registrationHints(), registryHints(), backupHints(), storeHints(), parts.Hints(), filecache.Hints(), push.Hints(), takeback.Hints(), outside.Hints(), listenHints(), storageHints(), serviceHints())
}

// storeHints returns the rows about the flags of push-store.
func storeHints() cli.Table {
	return cli.Table{
		cli.On(cli.As[*unknownKeyError], cli.Failed, "export the store again with --key ID, push it with the same flags, and they are kept"),
		cli.On(cli.As[*storeAdminError], cli.Failed, "push the export of one store alone, with the token that was written beside it"),
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
		cli.On(cli.As[*catalog.ChannelError], cli.Usage, ""),
		cli.On(cli.As[*instance.NeededError], cli.Failed, "remove first what needs it; --force removes it nevertheless"),
		cli.OnType(cli.Usage, func(e *instance.KindError) string {
			return fmt.Sprintf("use 'snap-store-proxy remove-%s %s'", e.Kind, e.Name)
		}),
		cli.On(cli.Is(errNotRemoved), cli.Failed, ""),
		cli.On(cli.Is(push.ErrNotTakenOver), cli.Failed, ""),
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
