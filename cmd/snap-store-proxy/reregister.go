package main

import (
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"offlinestore/blob"
	"offlinestore/cmd/internal/cli"
	"offlinestore/instance"
	"offlinestore/registration"
)

// reregisterOptions are the flags of reregister.
type reregisterOptions struct {
	storeAssertion, registrationBundle, fromArchive string
	json                                            bool
}

func newReregister(dir *instance.Dir) *cobra.Command {
	var o reregisterOptions
	c := &cobra.Command{
		Use:   "reregister",
		Short: "Replace the store assertion, for a new host name",
		Long: `Replace the store assertion, for a new host name or another store. Only the Snap
Store issues one: register the new URL on a host with internet, with the
original's 'store-admin register', and bring its output here.

The assertion is verified and replaces the old one. Devices have to acknowledge it.
Until then they use the old name, so let both names lead to this host.`,
		Example: `  snap-store-proxy config proxy.domain=new.example.internal
  snap-store-proxy reregister --registration-bundle registration_bundle.b64
  snap-store-proxy reregister --store-assertion proxy.assert`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return o.run(c.OutOrStdout(), dir) },
	}
	o.addFlags(c)
	return c
}

func (o *reregisterOptions) addFlags(c *cobra.Command) {
	f := c.Flags()
	f.StringVar(&o.storeAssertion, "store-assertion", "", "`FILE` with the store assertion and its prerequisites, or - for standard input")
	f.StringVar(&o.registrationBundle, "registration-bundle", "", "`FILE` with a registration bundle, which also contains the store's key")
	f.StringVar(&o.fromArchive, "from-archive", "", "installer in a `FILE`: offline-snap-store.tar.gz, the original's or ours")
	f.BoolVar(&o.json, "json", false, "print the result as JSON")
}

func (o *reregisterOptions) run(w io.Writer, dir *instance.Dir) error {
	given := slices.DeleteFunc([]string{o.storeAssertion, o.registrationBundle, o.fromArchive}, func(file string) bool { return file == "" })
	if len(given) != 1 {
		return cli.Usagef("give one of --store-assertion, --registration-bundle and --from-archive")
	}
	claim, err := o.read() // with the rights that the program was started with
	if err != nil {
		return err
	}
	r, err := dir.Register(claim)
	if err != nil {
		return err
	}
	if o.json {
		return cli.PrintJSON(w, r)
	}
	printRegistered(w, r)
	return nil
}

func (o *reregisterOptions) read() (*registration.Claim, error) {
	switch {
	case o.fromArchive != "":
		f, err := blob.OpenNamed(o.fromArchive)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		c, err := registration.ReadArchive(f)
		return c, named(o.fromArchive, err)
	case o.registrationBundle != "":
		text, err := cli.ReadFile(o.registrationBundle, registration.MaxBundle)
		if err != nil {
			return nil, err
		}
		c, err := registration.ParseBundle(text)
		return c, named(o.registrationBundle, err)
	}
	text, err := cli.ReadFile(o.storeAssertion, registration.MaxStream)
	if err != nil {
		return nil, err
	}
	c, err := registration.ParseStream(text)
	return c, named(o.storeAssertion, err)
}

// named adds the name of the file to an error.
func named(file string, err error) error {
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	return nil
}

// printRegistered prints the store and the configuration that devices need.
func printRegistered(w io.Writer, r *instance.RegisterResult) {
	fmt.Fprintf(w, "This store is %s at %s, registered by %s on %s.\n", r.StoreID, r.URL, cli.Clean(r.OperatorID), r.IssuedAt.UTC().Format(time.DateOnly))
	if r.First {
		fmt.Fprintln(os.Stderr, "Devices join it by:")
	} else {
		fmt.Fprintln(os.Stderr, "Devices that joined it before have to acknowledge the assertion again:")
	}
	fmt.Fprintf(os.Stderr, "    curl -s %s/v2/auth/store/assertions | sudo snap ack /dev/stdin\n", r.URL)
	if r.First || r.Replaced != "" {
		fmt.Fprintf(os.Stderr, "    sudo snap set system proxy.store=%s\n", r.StoreID)
	}
}
