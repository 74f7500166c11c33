package main

import (
	"context"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"offlinestore/assertion"
	"offlinestore/blob"
	"offlinestore/cmd/internal/cli"
	gateway "offlinestore/server/gateway/api"
)

func newExportKeyRequest() *cobra.Command {
	var o offlineOptions
	var output string
	c := &cobra.Command{
		Use:   "key-request NAME|SHA3-384",
		Short: "Write the request with which a key of an air-gapped store is registered",
		Long: `Let a key on the token of an air-gapped store sign the account-key-request by which the
brand registers it. This command is for the inside. Carry the request, which holds no
secret, to a host with internet:

    store-admin register-key FILE                     registers the key
    store-admin export account-keys ACCOUNT SHA3-384  exports the account-key
    snap-store-proxy push-account-keys FILE           brings it inside
` + storeHelp + cli.ExitHelp,
		Example: "  store-admin export key-request serials --output serials.request\n  store-admin export key-request serials >serials.request",
		Args:    cobra.ExactArgs(1),
		RunE:    func(c *cobra.Command, args []string) error { return runExportKeyRequest(c, &o, args[0], output) },
	}
	o.addFlags(c.Flags())
	c.Flags().StringVar(&output, "output", "", "write to this new `FILE` instead of standard output")
	return c
}

// keyRequestFile is the result of export key-request.
type keyRequestFile struct {
	File    string `json:"file"`
	Account string `json:"account-id"`
	Name    string `json:"name"`
	ID      string `json:"public-key-sha3-384"`
	Request string `json:"account-key-request"`
}

func runExportKeyRequest(c *cobra.Command, o *offlineOptions, named, output string) error {
	if err := cli.CheckOutput("output", output); err != nil {
		return err
	}
	s, err := o.openBrand(c.Context())
	if err != nil {
		return err
	}
	k, err := s.findKey(c.Context(), named)
	if err != nil {
		return err
	}
	a, r, err := s.keyRequest(c.Context(), k)
	if err != nil {
		return err
	}
	if output != "" {
		if err := blob.WriteFile(output, a.Raw(), blob.WriteOptions{Mode: 0o644, NoReplace: true}); err != nil {
			return err
		}
		fmt.Fprintf(os.Stderr, "Register the key on a host with internet: store-admin register-key %s\n", output)
	}
	switch {
	case o.json:
		return cli.PrintJSON(c.OutOrStdout(), keyRequestFile{output, r.AccountID, r.Name, r.KeyID, string(a.Raw())})
	case output != "":
		_, err = fmt.Fprintf(c.OutOrStdout(), "Request for key '%s' written to: %s\n", cli.Clean(k.Name), output)
	default:
		_, err = c.OutOrStdout().Write(a.Raw())
	}
	return err
}

// otherRequestError reports that a store has answered with something else than the request for a key.
type otherRequestError struct {
	name string
	err  error
}

func (e *otherRequestError) Error() string {
	return fmt.Sprintf("the store's answer is not the request for the key %s: %v", e.name, e.err)
}

// keyRequest returns the account-key-request of a key, and verifies it.
func (s *brandStore) keyRequest(ctx context.Context, k *gateway.SigningKey) (*assertion.Assertion, *assertion.KeyRequest, error) {
	text, err := s.KeyRequest(ctx, s.brand, k.SHA3384)
	if err != nil {
		return nil, nil, err
	}
	a, err := assertion.Decode(text)
	if err != nil {
		return nil, nil, &otherRequestError{k.Name, err}
	}
	r, err := assertion.ReadKeyRequest(a)
	if err != nil {
		return nil, nil, &otherRequestError{k.Name, err}
	}
	if r.AccountID != s.brand || r.KeyID != k.SHA3384 {
		return nil, nil, &otherRequestError{k.Name, assertion.ErrMismatch}
	}
	return a, r, nil
}
