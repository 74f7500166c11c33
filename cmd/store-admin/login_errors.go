package main

import (
	"errors"
	"fmt"

	"offlinestore/cmd/internal/cli"
)

// atLogin is the step at which the services of a login are asked.
const atLogin cli.Occasion = "login"

// errCandidWanted rejects the setting of snapcraft for the former login in a browser.
var errCandidWanted = errors.New("SNAPCRAFT_STORE_AUTH=candid: Candid, the login in a browser, was shut down in 2026")

// tokenVariable is the variable whose token is exchanged for a login at an air-gapped store.
const tokenVariable = "STORE_ADMIN_TOKEN"

// tokenError reports that an air-gapped store refuses the token of an administrator.
type tokenError struct {
	email string
	err   error
}

func (e *tokenError) Error() string { return fmt.Sprintf("%s: %v", tokenVariable, e.err) }

func (e *tokenError) Unwrap() error { return e.err }
