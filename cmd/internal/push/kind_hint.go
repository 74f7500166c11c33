package push

import "offlinestore/bundle"

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
