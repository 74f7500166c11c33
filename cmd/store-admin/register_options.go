package main

import (
	"offlinestore/registration"
)

// defaultInstaller is the name that the original gives what register writes.
const defaultInstaller = registration.Folder + ".tar.gz"

// registerOptions are the flags of register.
type registerOptions struct {
	offline, yes, withStoreKey, json                bool
	registrationBundle, storeAssertion, fromArchive string
	output, programs, arch, keyName                 string
	roots, bundles, debs                            []string
}
