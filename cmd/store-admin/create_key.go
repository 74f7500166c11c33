package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"offlinestore/assertion"
	"offlinestore/cmd/internal/cli"
	"offlinestore/server/admin/api"
	gateway "offlinestore/server/gateway/api"
)

func newCreateKey() *cobra.Command {
	var o offlineOptions
	c := &cobra.Command{
		Use:   "key NAME",
		Short: "Make a key on the token of an air-gapped store",
		Long: `Make a key of RSA-4096 on the PKCS#11 token of an air-gapped store. It never leaves the
token. NAME is also the name under which the key is registered: lower-case letters, digits
and single dashes.

The key signs serials once the Snap Store has registered it for the brand. Carry its
request out with 'store-admin export key-request NAME', and register it there with
'store-admin register-key'.

Some tokens need minutes. If the connection breaks meanwhile, run the command again: it
takes the key that was made.
` + storeHelp + cli.ExitHelp,
		Example: "  BRAND_ACCOUNT_ID=FpA2tgNE8bUrUKSOhE6SOpsMdlcEJkDL store-admin create key serials\n  store-admin create key serials-2027 --json",
		Args:    cobra.ExactArgs(1),
		RunE:    func(c *cobra.Command, args []string) error { return runCreateKey(c, &o, args[0]) },
	}
	o.addFlags(c.Flags())
	return c
}

func runCreateKey(c *cobra.Command, o *offlineOptions, name string) error {
	if err := assertion.ValidateKeyName(name); err != nil {
		return cli.Usagef("key %w", err)
	}
	s, err := o.openBrand(c.Context())
	if err != nil {
		return err
	}
	if !o.json {
		fmt.Fprintln(c.OutOrStdout(), "Generating a signing keypair on the proxy's HSM. This may take some time.")
	}
	key, err := s.createKey(c.Context(), name)
	if err != nil {
		return err
	}
	if !key.Registered {
		fmt.Fprint(c.ErrOrStderr(), registerAdvice(key))
	}
	if o.json {
		return cli.PrintJSON(c.OutOrStdout(), key)
	}
	_, err = fmt.Fprintf(c.OutOrStdout(), "Signing key '%s' created.\n", cli.Clean(key.Name))
	return err
}

// lostKeyError reports that the connection broke while a key was made.
type lostKeyError struct {
	name string
	err  error
}

func (e *lostKeyError) Error() string { return e.err.Error() }

func (e *lostKeyError) Unwrap() error { return e.err }

// stillEvery is the time between two lines about a token that is at work.
const stillEvery = 15 * time.Second

// createKey makes a key, and tells now and then that it still waits.
func (s *brandStore) createKey(ctx context.Context, name string) (*gateway.SigningKey, error) {
	done := make(chan struct{})
	defer close(done)
	go func() {
		start, tick := time.Now(), time.NewTicker(stillEvery)
		defer tick.Stop()
		for {
			select {
			case <-done:
				return
			case <-tick.C:
				if !cli.IsQuiet() {
					fmt.Fprintf(os.Stderr, "The token is still at work, after %s.\n", time.Since(start).Round(time.Second))
				}
			}
		}
	}()
	key, err := s.CreateSigningKey(ctx, s.brand, name)
	if _, ok := errors.AsType[*api.ConnectError](err); ok && ctx.Err() == nil {
		return nil, &lostKeyError{name, err}
	}
	return key, err
}

// registerAdvice returns the steps after which a key signs serials.
func registerAdvice(k *gateway.SigningKey) string {
	name := cli.Clean(k.Name)
	return fmt.Sprintf(`Devices get no serials signed with it before the Snap Store has registered it:
    store-admin export key-request %[1]s --output %[1]s.request (here)
    store-admin register-key %[1]s.request (on a host with internet)
`, name)
}
