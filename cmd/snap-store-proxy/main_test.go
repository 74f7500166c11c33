//go:build linux

package main

import (
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// shippedWork is the work of scrypt outside tests.
var shippedWork int

// TestMain makes the program a command in PATH, so that tests run it as its users do.
func TestMain(m *testing.M) {
	shippedWork = passphraseWork
	passphraseWork = 10 // each backup with the work of age's own files takes a second
	testscript.Main(m, map[string]func(){"snap-store-proxy": main})
}

// TestPassphraseWork holds the work that makes a weak passphrase hard to guess. age has the same.
func TestPassphraseWork(t *testing.T) {
	t.Parallel()
	if shippedWork != 18 {
		t.Errorf("the work of scrypt is 2^%d, want 2^18", shippedWork)
	}
}
