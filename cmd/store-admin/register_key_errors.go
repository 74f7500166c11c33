package main

import (
	"errors"
	"fmt"

	"offlinestore/assertion"
	"offlinestore/cmd/internal/cli"
	"offlinestore/server/admin/api"
	"offlinestore/upstream"
)

// keyRequestError reports a file that holds no account-key-request.
type keyRequestError struct {
	path string
	err  error
}

func (e *keyRequestError) Error() string {
	return fmt.Sprintf("%s is no account-key-request: %v", e.path, e.err)
}

func (e *keyRequestError) Unwrap() error { return e.err }

// keyAccountError reports a request for the key of another account than the login's.
type keyAccountError struct{ want, got string }

func (e *keyAccountError) Error() string {
	return fmt.Sprintf("the request is for a key of the account %s, and the login is of the account %s", e.want, e.got)
}

// keyNameError reports that the account has another key of a name.
type keyNameError struct{ name, id string }

func (e *keyNameError) Error() string {
	return fmt.Sprintf("the account has another key of the name %s: %s", e.name, e.id)
}

// unreachableError reports that the Snap Store could not be asked to register the key of a request.
type unreachableError struct {
	// file holds the request. If that is not written yet, write begins the hint.
	file, write string
	err         error
}

func newUnreachableError(named string, k *assertion.KeyRequest, err error) *unreachableError {
	if named != k.KeyID {
		return &unreachableError{file: named, err: err}
	}
	file := k.Name + ".request"
	return &unreachableError{file: file, write: fmt.Sprintf("write the request: 'store-admin export key-request %s --output %s'; ", k.Name, file), err: err}
}

// byIDError reports that no air-gapped store has given the request for the key with a SHA3-384.
type byIDError struct{ err error }

func (e *byIDError) Error() string { return e.err.Error() }

func (e *byIDError) Unwrap() error { return e.err }

func (e *unreachableError) Error() string { return e.err.Error() }

func (e *unreachableError) Unwrap() error { return e.err }

// registerKeyHints returns the rows about register-key.
func registerKeyHints() cli.Table {
	lacksPermission := func(err error) bool {
		e, ok := errors.AsType[*upstream.KeyError](err)
		return ok && e.Permission
	}
	return cli.Table{
		cli.On(cli.All(cli.As[*keyRequestError], cli.Any(cli.Is(assertion.ErrBadSignature), cli.Is(assertion.ErrMismatch))), cli.Untrusted, "write it again: 'store-admin export key-request'"),
		cli.On(cli.As[*keyRequestError], cli.Damaged, "give the file that 'store-admin export key-request' has written"),
		cli.On(cli.As[*keyAccountError], cli.Failed, "log in as the account of the brand: --email"),
		cli.On(cli.As[*keyNameError], cli.Failed, "make a key of another name: 'store-admin create key NAME'"),
		cli.On(lacksPermission, cli.Failed,
			"unset the variable with the login, and the command asks for a password; or make one with 'snapcraft export-login --acls package_access,modify_account_key -'"),
		cli.On(cli.As[*upstream.KeyError], cli.Failed, ""),
		cli.OnType(cli.Upstream, func(e *unreachableError) string {
			return fmt.Sprintf("%[2]scarry %[1]s to a host with internet, and run 'store-admin register-key %[1]s' there; where this host has internet, check the way there (HTTPS_PROXY), --dashboard-url and --sso-url", e.file, e.write)
		}),
		cli.Advice(cli.All(cli.As[*byIDError], cli.Any(cli.Is(errNoStore), cli.As[*api.NotLoggedInError], cli.As[*api.ConnectError])),
			"where the air-gapped store is reached, run 'store-admin export key-request NAME --output FILE'; on a host with internet, 'store-admin register-key FILE'"),
	}
}
