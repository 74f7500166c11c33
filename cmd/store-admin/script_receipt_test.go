package main

import (
	"errors"
	"io/fs"
	"os"
	"time"

	"github.com/opencontainers/go-digest"
	"github.com/rogpeppe/go-internal/testscript"

	"offlinestore/audit"
	"offlinestore/receipt"
)

// writeWant implements want KEY VARIABLE, which sets a variable to a want code about a bundle that nobody has made.
func writeWant(ts *testscript.TestScript, _ bool, args []string) {
	text, err := os.ReadFile(ts.MkAbs(args[0]))
	ts.Check(err)
	k, err := audit.ParseKey(text)
	ts.Check(err)
	w := receipt.Want{Exporter: digest.FromString("x").String(), Bundle: digest.FromString("y"), Created: time.Now(), Carried: []int{0}}
	code, err := w.Code(k)
	ts.Check(err)
	ts.Setenv(args[1], code)
	other := "0"
	if code[50] == '0' {
		other = "1"
	}
	ts.Setenv(args[1]+"_MISTYPED", code[:50]+other+code[51:])
}

// writeReceipt implements receipt KEY FILE TIME, which writes the receipt of a store without blobs. It makes the key if there is none, and writes the
// public half into KEY.pem.
func writeReceipt(ts *testscript.TestScript, _ bool, args []string) {
	path := ts.MkAbs(args[0])
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		k, err := audit.GenerateKey()
		ts.Check(err)
		text, err = k.PEM()
		ts.Check(err)
		ts.Check(os.WriteFile(path, text, 0o600))
		ts.Check(os.WriteFile(path+".pem", k.Public().PEM(), 0o600))
	} else {
		ts.Check(err)
	}
	k, err := audit.ParseKey(text)
	ts.Check(err)
	created, err := time.Parse(time.RFC3339, args[2])
	ts.Check(err)
	r := receipt.Receipt{Store: "ship", Created: created, Channels: []receipt.Channel{}, Exporters: []receipt.Exporter{}}
	file, err := r.Sign(k)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), file, 0o600))
}
