package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"offlinestore/assertion"
	"offlinestore/cmd/internal/cli"
	"offlinestore/upstream"
)

// registerKeyOptions are the flags of register-key.
type registerKeyOptions struct {
	loginOptions
	offline offlineOptions
}

func newRegisterKey() *cobra.Command {
	var o registerKeyOptions
	c := &cobra.Command{
		Use:   "register-key FILE|SHA3-384",
		Short: "Register the key of a brand with the Snap Store",
		Long: `Register a key that signs for a brand with the Snap Store, which makes the account-key of
it. FILE is the account-key-request that 'store-admin export key-request' has written, on
the side of the air-gapped store. The key stays on its token. On a host that reaches both
the Snap Store and the store where you are logged in, the SHA3-384 of the key does, as in
the original.

Keys are registered for the account of the brand: log in as the account that the request
names. The command asks for the password, because the login that 'store-admin login' keeps
may not change keys; this one is used once, and not kept. A login in the environment
(STORE_ADMIN_TOKEN, SNAPCRAFT_STORE_CREDENTIALS, UBUNTU_STORE_AUTH) is used as it is, and
needs the permission modify_account_key.

A key that is registered already is no error. Afterwards, bring the account-key to the
air-gapped store: 'store-admin export account-keys', then 'push-account-keys' there.
` + cli.ExitHelp,
		Example: `  store-admin register-key serials.request --email brand@example.com
  store-admin register-key serials.request --email brand@example.com --password-stdin <password
  SNAPCRAFT_STORE_CREDENTIALS=$(cat credentials) store-admin register-key serials.request`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if err := o.validatePassword(); err != nil {
				return err
			}
			return runRegisterKey(c, &o, args[0])
		},
	}
	o.addAccountFlags(c.Flags())
	o.offline.addFlags(c.Flags())
	return c
}

// maxKeyRequest bounds a file with an account-key-request, in bytes.
const maxKeyRequest = 64 << 10

// readKeyRequest reads an account-key-request.
func readKeyRequest(path string) (*assertion.Assertion, *assertion.KeyRequest, error) {
	text, err := cli.ReadFile(path, maxKeyRequest)
	if err != nil {
		return nil, nil, err
	}
	a, err := assertion.Decode(text)
	if err != nil {
		return nil, nil, &keyRequestError{path, err}
	}
	k, err := assertion.ReadKeyRequest(a)
	if err != nil {
		return nil, nil, &keyRequestError{path, err}
	}
	return a, k, nil
}

// registeredKey is the result of register-key.
type registeredKey struct {
	Account string `json:"account-id"`
	Name    string `json:"name"`
	ID      string `json:"public-key-sha3-384"`
	Before  bool   `json:"already-registered"`
}

// request returns the request in a file, or the one for the key with a SHA3-384 in an air-gapped store.
func (o *registerKeyOptions) request(c *cobra.Command, named string) (*assertion.Assertion, *assertion.KeyRequest, error) {
	if _, err := assertion.ParseDigestHeader(named); err != nil {
		return readKeyRequest(named)
	}
	s, err := o.offline.openBrand(c.Context())
	if err != nil {
		return nil, nil, &byIDError{err}
	}
	k, err := s.findKey(c.Context(), named)
	if err != nil {
		return nil, nil, &byIDError{err}
	}
	return s.keyRequest(c.Context(), k)
}

func runRegisterKey(c *cobra.Command, o *registerKeyOptions, named string) error {
	a, k, err := o.request(c, named)
	if err != nil {
		return err
	}
	if !o.offline.json {
		fmt.Fprintln(c.OutOrStdout(), "Registering signing key with the global Snap Store...")
	}
	before, err := o.register(c, a, k)
	if _, answered := errors.AsType[*upstream.StatusError](err); !answered && errors.Is(err, upstream.ErrUnavailable) {
		return newUnreachableError(named, k, err)
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(c.ErrOrStderr(), "Bring the account-key to the air-gapped store:\n    store-admin export account-keys %s %s (here)\n    snap-store-proxy push-account-keys FILE (there)\n",
		k.AccountID, k.KeyID)
	if o.offline.json {
		return cli.PrintJSON(c.OutOrStdout(), registeredKey{k.AccountID, k.Name, k.KeyID, before})
	}
	said := "registered."
	if before {
		said = "is registered already."
	}
	_, err = fmt.Fprintf(c.OutOrStdout(), "Key %s %s\n", k.KeyID, said)
	return err
}

// register registers a key, and reports whether it was registered before.
func (o *registerKeyOptions) register(c *cobra.Command, a *assertion.Assertion, k *assertion.KeyRequest) (before bool, err error) {
	dashboard, err := o.keyClient(c)
	if err != nil {
		return false, err
	}
	account, err := dashboard.StoreAccount(c.Context())
	if r, ok := errors.AsType[*upstream.RoleError](err); ok {
		err = &upstream.KeyError{Permission: r.Permission, Err: err}
	}
	if err != nil {
		return false, cli.At(atLogin, err)
	}
	if account.ID != k.AccountID {
		return false, &keyAccountError{want: k.AccountID, got: account.ID}
	}
	for _, known := range account.Keys {
		if known.ID == k.KeyID {
			return true, nil
		}
		if known.Name == k.Name {
			return false, &keyNameError{name: k.Name, id: known.ID}
		}
	}
	return false, cli.At(atLogin, dashboard.RegisterKey(c.Context(), a))
}

// keyClient returns a client of the dashboard with a login that may register keys.
func (o *registerKeyOptions) keyClient(c *cobra.Command) (*upstream.Client, error) {
	session, dashboard, err := o.keyLogin(c)
	if err != nil {
		return nil, err
	}
	return o.services.client(dashboard, session)
}
