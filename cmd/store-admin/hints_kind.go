package main

import "offlinestore/bundle"

// kindHint returns the way to use a file that is no bundle.
func kindHint(e *bundle.KindError) string {
	switch e.Kind {
	case bundle.KindSnap:
		return "'store-admin export snaps NAME' makes a bundle of the snap"
	case bundle.KindCharm:
		return "'store-admin export charms FILE.yaml' makes a bundle of the charm"
	case bundle.KindAssertions:
		return "'snap-store-proxy push-account-keys' takes it, or 'store-admin register --store-assertion'"
	case bundle.KindInstaller:
		return "carry the installer to the host of the store; the bundles in it are in its folder bundles/"
	}
	return "give a bundle of 'store-admin export'"
}
