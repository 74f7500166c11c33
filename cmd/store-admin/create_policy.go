package main

import (
	"cmp"
	"context"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"offlinestore/assertion"
	"offlinestore/cmd/internal/cli"
	gateway "offlinestore/server/gateway/api"
)

func newCreateSerialPolicy() *cobra.Command {
	var o offlineOptions
	var model, key string
	c := &cobra.Command{
		Use:   "serial-policy",
		Short: "Name the key that signs the serials of a model",
		Long: `Name the key that signs the serials of a model from now on. Each policy is a new revision,
and the newest one is active. Serials that devices have stay valid.

Without flags, the command asks for the model and the key. A key is named by its SHA3-384,
as 'store-admin list keys' prints it; --key also takes its name.
` + storeHelp + cli.ExitHelp,
		Example: `  store-admin create serial-policy
  store-admin create serial-policy --model pump-3000 --key serials`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return runCreateSerialPolicy(c, &o, model, key) },
	}
	o.addFlags(c.Flags())
	c.Flags().StringVar(&model, "model", "", "`name` of the model")
	c.Flags().StringVar(&key, "key", "", "SHA3-384 or `name` of the signing key")
	return c
}

func runCreateSerialPolicy(c *cobra.Command, o *offlineOptions, model, key string) error {
	s, err := o.openBrand(c.Context())
	if err != nil {
		return err
	}
	if model, err = askFor(model, "Model to attach the serial signing policy", "--model"); err != nil {
		return err
	}
	if err := validatePart("model", model); err != nil {
		return err
	}
	if key, err = askFor(key, "Signing key to use (SHA3-384)", "--key"); err != nil {
		return err
	}
	if key, err = s.keyID(c.Context(), key); err != nil {
		return err
	}
	p, err := s.CreateSerialPolicy(c.Context(), s.brand, model, key)
	if err != nil {
		return err
	}
	if !p.Registered {
		fmt.Fprintln(os.Stderr, "The store has no account-key of this key yet: devices of the model get no serials before it is registered and pushed; see 'store-admin export key-request --help'.")
	}
	if o.json {
		return cli.PrintJSON(c.OutOrStdout(), p)
	}
	_, err = fmt.Fprintf(c.OutOrStdout(), "Model '%s' configured to sign serials with key '%s'.\n", cli.Clean(p.ModelName), cli.Clean(p.SigningKey))
	return err
}

// askFor asks for a value that no flag gives.
func askFor(value, prompt, flag string) (string, error) {
	if value != "" {
		return value, nil
	}
	if !cli.IsTerminal(os.Stdin) {
		return "", cli.Usagef("there is no terminal to ask for it: give %s", flag)
	}
	value, err := cli.Ask(prompt + ": ")
	if err == nil && value == "" {
		err = cli.Usagef("nothing was given: give %s", flag)
	}
	return value, err
}

// noKeyError reports that a brand has no signing key of a name.
type noKeyError struct{ brand, name string }

func (e *noKeyError) Error() string {
	return fmt.Sprintf("the brand %s has no signing key %.80q in this store", e.brand, e.name)
}

// findKey returns the key with a name or a SHA3-384.
func (s *brandStore) findKey(ctx context.Context, named string) (*gateway.SigningKey, error) {
	keys, err := s.SigningKeys(ctx, s.brand)
	if err != nil {
		return nil, err
	}
	var found *gateway.SigningKey
	for _, k := range keys {
		if k.SHA3384 == named {
			return &k, nil
		}
		if k.Name == named {
			found = cmp.Or(found, &k)
		}
	}
	if found == nil {
		return nil, &noKeyError{s.brand, named}
	}
	return found, nil
}

// keyID returns the SHA3-384 of the key with a name. A SHA3-384 stays as it is.
func (s *brandStore) keyID(ctx context.Context, named string) (string, error) {
	if _, err := assertion.ParseDigestHeader(named); err == nil {
		return named, nil
	}
	k, err := s.findKey(ctx, named)
	if err != nil {
		return "", err
	}
	return k.SHA3384, nil
}
