package main

import (
	"offlinestore/cmd/internal/cli"
	"offlinestore/hsm"
)

// tokenHints returns the rows about keys on tokens.
func tokenHints() cli.Table {
	return cli.Table{
		cli.On(cli.Is(hsm.ErrNoCgo), cli.Failed, "build it with cgo, on a host with a C compiler, for the system that it runs on"),
		cli.On(cli.Is(hsm.ErrURI), cli.Usage, "write pkcs11:token=LABEL;object=NAME, with %20 for a space; 'p11tool --list-token-urls' prints the tokens"),
		cli.On(cli.Is(hsm.ErrNoModule), cli.Failed, "name the module of the token's maker: '?module-path=/usr/lib/softhsm/libsofthsm2.so' at the end of the URI"),
		cli.On(cli.Any(cli.Is(hsm.ErrNoToken), cli.Is(hsm.ErrUnreachable)), cli.Failed, "connect the token; 'p11tool --list-token-urls' prints the tokens that are here"),
		cli.On(cli.Is(hsm.ErrTokens), cli.Failed, "'p11tool --list-token-urls' prints them"),
		cli.On(cli.Is(hsm.ErrNoPIN), cli.Failed, "add ?pin-source=file:/… to the URI, or set "+pinVariable),
		cli.On(cli.Is(hsm.ErrWrongPIN), cli.Untrusted, "give the right PIN; the token locks itself after a few wrong ones"),
		cli.On(cli.Is(hsm.ErrFewTries), cli.Untrusted, "log in by hand once, which sets the token's counter back: p11tool --login --list-all 'pkcs11:token=LABEL'"),
		cli.On(cli.Is(hsm.ErrLocked), cli.Untrusted, "the token's security officer sets another PIN, with the program of the token's maker"),
		cli.On(cli.Is(hsm.ErrKeyExists), cli.Failed, "use it: 'store-admin key import NAME URI' notes it under a name"),
		cli.On(cli.Any(cli.Is(hsm.ErrNoKey), cli.Is(hsm.ErrKeys)), cli.Failed, "'p11tool --login --list-all' with the token's URI prints the keys"),
		cli.On(cli.Is(errKeyOnToken), cli.Untrusted, "connect the token on which the key was made, or note the other key under another name"),
		cli.On(cli.Any(cli.Is(hsm.ErrName), cli.Is(hsm.ErrBusy)), cli.Failed, ""),
	}
}
