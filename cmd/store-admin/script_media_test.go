package main

import (
	"os"
	"os/exec"
	"strings"

	"filippo.io/age"
	"github.com/rogpeppe/go-internal/testscript"
)

// writeIdentity implements identity VAR FILE, which writes a new identity of age into FILE and its recipient into VAR.recipients, and sets VAR
// to the recipient.
func writeIdentity(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: identity VAR FILE")
	}
	i, err := age.GenerateX25519Identity()
	ts.Check(err)
	recipient := i.Recipient().String()
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), []byte(i.String()+"\n"), 0o600))
	ts.Check(os.WriteFile(ts.MkAbs(strings.TrimSuffix(args[1], ".key")+".recipients"), []byte("# for the site\n"+recipient+"\n"), 0o644))
	ts.Setenv(args[0], recipient)
}

// onDisk reports whether the folder of temporary files is on a disk.
func onDisk() bool {
	out, err := exec.Command("stat", "--file-system", "--format=%T", os.TempDir()).Output()
	return err == nil && strings.TrimSpace(string(out)) != "tmpfs"
}
