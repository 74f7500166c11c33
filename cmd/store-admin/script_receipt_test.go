package main

import (
	"errors"
	"io/fs"
	"os"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"offlinestore/audit"
	"offlinestore/receipt"
)

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
