package push

import (
	"fmt"

	"offlinestore/bundle"
)

// encryptedHint returns the way to a bundle that this store can open.
func encryptedHint(e *bundle.EncryptedError) string {
	switch {
	case e.Recipients == 0:
		return "'snap-store-proxy restore' takes a backup; if this is a bundle, decrypt it, or export it with --encrypt-to"
	case len(e.Tried) == 0:
		return "this store has no identity yet: 'snap-store-proxy identity' makes one and prints its recipient; export again with --encrypt-to and that"
	}
	return fmt.Sprintf("export again, or repack, with --encrypt-to %s; after a restore, restore a backup that has the former identity", e.Tried[0])
}

// kindHint returns the way to use a file that is no bundle.
func kindHint(e *bundle.KindError) string {
	switch e.Kind {
	case bundle.KindSnap:
		return "name the .snap with its .assert, as 'snap download' writes them, or push a bundle of 'store-admin export snaps NAME'"
	case bundle.KindCharm:
		return "export the charm with 'store-admin export charms FILE.yaml' on a host with internet, and push the bundle"
	case bundle.KindPEM:
		return "'trust add' takes the key of an exporter, and 'import-certificate' a certificate with its key"
	case bundle.KindBackup:
		return "'snap-store-proxy restore' takes a backup"
	case bundle.KindInstaller:
		return "unpack the installer and run its install.sh; the bundles in it are in its folder bundles/"
	}
	return "give a bundle of 'store-admin export'"
}
