package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"

	"offlinestore/cmd/internal/cli"
	"offlinestore/importer"
	"offlinestore/instance"
	"offlinestore/macaroons"
)

// storeAdmin is the administrator of a store at the Snap Store, whose macaroon the operator vouches for.
type storeAdmin struct {
	// file has the macaroon, as 'store-admin export store' writes it. It is empty if the operator vouches for none.
	file   string
	digest string
}

// read reads the macaroon with the rights with which the program was started. files are the other arguments. Only the digest is kept.
func (a *storeAdmin) read(files []string) error {
	switch {
	case a.file == "":
		return nil
	case a.file == fromInput && slices.Contains(files, "-"):
		return cli.Usagef("standard input is the bundle or the token, not both")
	}
	var text []byte
	var err error
	if a.file == fromInput {
		text, err = cli.ReadInput(os.Stdin, macaroons.MaxCredentials)
	} else {
		text, err = cli.ReadFile(a.file, macaroons.MaxCredentials)
	}
	if err != nil {
		return err
	}
	if a.digest, err = macaroons.AdminDigest(string(text)); err != nil {
		return cli.Usagef("--store-admin-token %s: %w: want the .macaroon file that 'store-admin export store' has written", a.file, err)
	}
	return nil
}

// keep makes the account in the pushed stores an admin, who logs in with the macaroon.
func (a *storeAdmin) keep(ctx context.Context, in *instance.Instance, files []*importer.File) error {
	var accounts []string
	for _, f := range files {
		for i := range f.Content.Stores {
			if id := f.Content.Stores[i].AdminID; id != "" && !slices.Contains(accounts, id) {
				accounts = append(accounts, id)
			}
		}
	}
	if len(accounts) != 1 {
		return &storeAdminError{accounts}
	}
	if err := in.AddStoreAdmin(ctx, accounts[0], a.digest); err != nil {
		return err
	}
	cli.Note("%s may administer the models of this store: store-admin login --offline URL EMAIL, with the token in STORE_ADMIN_TOKEN.\n", cli.Clean(accounts[0]))
	return nil
}

// storeAdminError reports pushed stores that do not name one account of an admin.
type storeAdminError struct{ accounts []string }

func (e *storeAdminError) Error() string {
	if len(e.accounts) == 0 {
		return "the stores were imported, and the token is not kept: they name no account of an admin"
	}
	return fmt.Sprintf("the stores were imported, and the token is not kept: they have several admins (%s)", strings.Join(e.accounts, ", "))
}
