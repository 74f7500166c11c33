package main

import (
	"errors"
	"fmt"
)

var (
	errNotConfirmed = errors.New("nothing was written: the URL was not confirmed")
	errFileExists   = errors.New("exists already; register never replaces a file")
)

// notOfflineError reports that register was asked for a store with internet.
type notOfflineError struct{ url string }

func (e *notOfflineError) Error() string {
	return "register supports only stores without internet: give --offline"
}

// noAssertionError reports that register was given no store assertion.
type noAssertionError struct{ url string }

func (e *noAssertionError) Error() string {
	return fmt.Sprintf("give a store assertion for %s: only the Snap Store can sign one", e.url)
}

// otherSignerError reports a bundle that the host would refuse.
type otherSignerError struct{ file, signer, trusted string }

func (e *otherSignerError) Error() string {
	return fmt.Sprintf("%s: signed by %s, and the host will trust %s", e.file, e.signer, e.trusted)
}
