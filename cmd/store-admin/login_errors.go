package main

import (
	"errors"

	"offlinestore/cmd/internal/cli"
)

// atLogin is the step at which the services of a login are asked.
const atLogin cli.Occasion = "login"

// errCandidWanted rejects the setting of snapcraft for the former login in a browser.
var errCandidWanted = errors.New("SNAPCRAFT_STORE_AUTH=candid: Candid, the login in a browser, was shut down in 2026")
