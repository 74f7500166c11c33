package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/spf13/cobra"

	"offlinestore/assertion"
	"offlinestore/blob"
	"offlinestore/cmd/internal/cli"
	"offlinestore/instance/settings"
	"offlinestore/registration"
)

// withStoreAssertion gives config the flag that takes a store assertion by hand.
func withStoreAssertion(g *globals, config *cobra.Command) *cobra.Command {
	const flag = "import-store-assertion"
	var file string
	config.Flags().StringVar(&file, flag, "", "take the store assertion, with all that it needs, from a `FILE` (- for standard input)")
	config.Example += "\n  snap-store-proxy config --import-store-assertion proxy.assert"
	others := config.RunE
	config.RunE = func(c *cobra.Command, args []string) error {
		switch {
		case !c.Flags().Changed(flag):
			return others(c, args)
		case len(args) > 0 || c.Flags().NFlag() > 1 && !c.Flags().Changed("data-dir") || c.Flags().NFlag() > 2:
			return cli.Usagef("--%s goes without arguments and other flags", flag)
		}
		return (&reregisterOptions{storeAssertion: file}).run(c.OutOrStdout(), g)
	}
	return config
}

// registered is what --json says of a registration.
type registered struct {
	StoreID    string    `json:"store-id"`
	URL        string    `json:"url"`
	Domain     string    `json:"domain"`
	OperatorID string    `json:"operator-id"`
	IssuedAt   time.Time `json:"issued-at"`
	// Replaced is the store that this one was before.
	Replaced string `json:"replaced,omitempty"`
	first    bool
}

// register makes this store the one that a claim is about, once that is verified.
func (g *globals) register(c *registration.Claim) (*registered, error) {
	t, err := g.trustStore() // which gives up root's rights
	if err != nil {
		return nil, err
	}
	trust, err := t.trust()
	if err != nil {
		return nil, err
	}
	r, err := registration.Verify(c, trust, "", time.Now())
	if err != nil {
		return nil, registrationError(err)
	}
	s, err := settings.Open(g.settingsPath())
	if err != nil {
		return nil, err
	}
	before, err := checkDomain(s, r)
	if err != nil {
		return nil, err
	}
	_, err = os.Lstat(g.storeAssertionPath())
	first := errors.Is(err, fs.ErrNotExist)
	if err := blob.WriteFile(g.storeAssertionPath(), r.Stream, blob.WriteOptions{Mode: 0o644}); err != nil {
		return nil, fmt.Errorf("save the store assertion: %w", err)
	}
	changes := map[string]string{settings.StoreID: r.StoreID, settings.StoreURL: r.URL, settings.Domain: r.Domain}
	if r.PrivateKey != "" {
		changes[settings.KeyPrivate], changes[settings.KeyPublic] = r.PrivateKey, r.PublicKey
	}
	if err := s.Set(changes); err != nil {
		return nil, err
	}
	out := &registered{StoreID: r.StoreID, URL: r.URL, Domain: r.Domain, OperatorID: r.OperatorID, IssuedAt: r.IssuedAt, first: first}
	if before != r.StoreID {
		out.Replaced = before
	}
	return out, nil
}

// checkDomain refuses an assertion for another name than the one in the settings, and says which store this one is until now. A move
// begins with that setting: an assertion is too easily the wrong file, and would take a whole fleet's store elsewhere.
func checkDomain(s *settings.Settings, r *registration.Registration) (before string, err error) {
	domain, err := s.Get(settings.Domain)
	if err != nil {
		return "", err
	}
	if before, err = s.Get(settings.StoreID); err != nil {
		return "", err
	}
	if domain == "" || domain == r.Domain {
		return before, nil
	}
	return "", &cli.Error{Code: cli.Untrusted, Err: fmt.Errorf("the store assertion is for %s, and %s is %s", r.URL, settings.Domain, domain),
		Hint: "if the assertion is right: snap-store-proxy config " + settings.Domain + "=" + r.Domain}
}

// print says what devices have to be told.
func (r *registered) print(w io.Writer) {
	fmt.Fprintf(w, "This store is %s at %s, registered by %s on %s.\n", r.StoreID, r.URL, cli.Clean(r.OperatorID), r.IssuedAt.UTC().Format(time.DateOnly))
	if r.first {
		fmt.Fprintln(os.Stderr, "Devices join it by:")
	} else {
		fmt.Fprintln(os.Stderr, "Devices that joined it before have to acknowledge the assertion again:")
	}
	fmt.Fprintf(os.Stderr, "    curl -s %s/v2/auth/store/assertions | sudo snap ack /dev/stdin\n", r.URL)
	if r.first || r.Replaced != "" {
		fmt.Fprintf(os.Stderr, "    sudo snap set system proxy.store=%s\n", r.StoreID)
	}
}

// registrationError says how a registration that was refused is put right.
func registrationError(err error) error {
	var unverified *assertion.VerifyError
	var missing *assertion.MissingError
	var url *registration.URLError
	switch {
	case errors.As(err, &missing):
		return &cli.Error{Code: cli.Untrusted, Err: err, Hint: "the file has to have all that the store assertion needs: its account, and the keys that signed them; a root for tests or staging is added with 'snap-store-proxy trust root add FILE'"}
	case errors.As(err, &unverified), errors.Is(err, assertion.ErrUntrustedRoot):
		return &cli.Error{Code: cli.Untrusted, Err: err, Hint: "bring the file again; a root for tests or staging is added with 'snap-store-proxy trust root add FILE'"}
	case errors.As(err, &url):
		return &cli.Error{Code: cli.Untrusted, Err: err}
	case errors.Is(err, registration.ErrFormat), errors.Is(err, registration.ErrNoStore):
		return &cli.Error{Code: cli.Damaged, Err: err, Hint: "bring the file again; it is what registering the store wrote"}
	}
	return err
}
