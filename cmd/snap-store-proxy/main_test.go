package main

import (
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestMain makes the program a command in PATH, so that tests run it as its users do.
func TestMain(m *testing.M) {
	passphraseWork = 10 // each backup with the work of age's own files takes a second
	testscript.Main(m, map[string]func(){"snap-store-proxy": main})
}
