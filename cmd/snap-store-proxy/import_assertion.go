package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"offlinestore/cmd/internal/cli"
	"offlinestore/instance"
	"offlinestore/registration"
)

// withStoreAssertion gives config the flag that takes a store assertion by hand.
func withStoreAssertion(dir *instance.Dir, config *cobra.Command) *cobra.Command {
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
		return (&reregisterOptions{storeAssertion: file}).run(c.OutOrStdout(), dir)
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

// register makes the store in dir the one that a claim names.
func register(dir *instance.Dir, c *registration.Claim) (*registered, error) {
	r, err := dir.Register(c)
	if err != nil {
		return nil, err
	}
	return &registered{StoreID: r.StoreID, URL: r.URL, Domain: r.Domain, OperatorID: r.OperatorID, IssuedAt: r.IssuedAt, Replaced: r.Replaced, first: r.First}, nil
}
