package main

import (
	"offlinestore/registration"
)

// defaultInstaller is the original's name for the output of register.
const defaultInstaller = registration.Folder + ".tar.gz"

// registerOptions are the flags of register.
type registerOptions struct {
	offline, yes, withStoreKey, json                bool
	registrationBundle, storeAssertion, fromArchive string
	output, programs, arch, keyName                 string
	roots, bundles, debs                            []string
}
