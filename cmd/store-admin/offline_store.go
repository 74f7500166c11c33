package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"

	"github.com/spf13/pflag"

	"offlinestore/assertion"
	"offlinestore/cmd/internal/cli"
	gateway "offlinestore/server/gateway/api"
)

// The variables that name an air-gapped store and a brand. The second is the original's.
const (
	storeVariable = "STORE_ADMIN_STORE_URL"
	brandVariable = "BRAND_ACCOUNT_ID"
)

// storeHelp explains the store and the brand of a command.
const storeHelp = `
The store is the one of --store-url, else of STORE_ADMIN_STORE_URL, else of the last
'store-admin login --offline'. The brand is the account of --brand, else of
BRAND_ACCOUNT_ID; it is remembered after its first use at a store.
`

// offlineOptions name an air-gapped store, and a brand in it.
type offlineOptions struct {
	url, brand string
	json       bool
	// silent is set while a shell completes a word.
	silent bool
}

// addFlags defines the flags.
func (o *offlineOptions) addFlags(f *pflag.FlagSet) {
	o.addStoreFlag(f)
	f.StringVar(&o.brand, "brand", "", "account `ID` of the brand (default $BRAND_ACCOUNT_ID, else the one used before)")
	f.BoolVar(&o.json, "json", false, "print the result as JSON")
}

func (o *offlineOptions) addStoreFlag(f *pflag.FlagSet) {
	f.StringVar(&o.url, "store-url", "", "`URL` of the air-gapped store's administration (default $STORE_ADMIN_STORE_URL, else the one of the last login)")
}

// brandStore administers the models of a brand in an air-gapped store.
type brandStore struct {
	*gateway.Client
	url, brand string
}

// errNoStore means that no air-gapped store was named.
var errNoStore = errors.New("no air-gapped store is known")

// open returns the client of the store.
func (o *offlineOptions) open() (*brandStore, error) {
	memory, err := readMemory()
	if err != nil {
		return nil, err
	}
	url := cmp.Or(o.url, os.Getenv(storeVariable), memory.Last)
	if url == "" {
		return nil, errNoStore
	}
	c, err := gateway.Open(url)
	if err != nil {
		return nil, err
	}
	return &brandStore{Client: c, url: c.URL()}, nil
}

// openBrand returns the client of the store, for the brand. The first use of a brand is remembered once the store knows it.
func (o *offlineOptions) openBrand(ctx context.Context) (*brandStore, error) {
	s, err := o.open()
	if err != nil {
		return nil, err
	}
	memory, err := readMemory()
	if err != nil {
		return nil, err
	}
	named, known := cmp.Or(o.brand, os.Getenv(brandVariable)), memory.Brands[s.url]
	s.brand = cmp.Or(named, known)
	if s.brand == "" {
		if s.brand, err = s.onlyBrand(ctx); err == nil && !o.silent {
			fmt.Fprintf(os.Stderr, "The store knows one brand, %s: it is used.\n", cli.Clean(s.brand))
		}
		return s, err
	}
	if _, err := assertion.RefFromPath("account", []string{s.brand}); err != nil {
		return nil, cli.Usagef("brand %.60q: this is no account ID", s.brand)
	}
	if s.brand == known {
		return s, nil
	}
	if _, err := s.Brand(ctx, s.brand); err != nil {
		return nil, err
	}
	return s, remember(func(m *offlineMemory) { m.Brands[s.url] = s.brand })
}

// brandsError reports that a store knows several brands, or none, and that none was named.
type brandsError struct {
	url   string
	known []string
}

func (e *brandsError) Error() string {
	if len(e.known) == 0 {
		return "the store at " + e.url + " knows no brand"
	}
	return fmt.Sprintf("the store at %s knows %s, and none was named", e.url, cli.Count(len(e.known), "brand"))
}

// onlyBrand returns the brand of a store that knows one.
func (s *brandStore) onlyBrand(ctx context.Context) (string, error) {
	who, err := s.Whoami(ctx)
	if err != nil {
		return "", err
	}
	known := slices.Sorted(maps.Keys(who.BrandPermissions))
	if len(known) != 1 {
		return "", &brandsError{s.url, known}
	}
	return known[0], nil
}

// validatePart returns an error if a name could not stand alone in a URL's path. The store knows the rest of the rules.
func validatePart(what, name string) error {
	if name == "" || name == "." || name == ".." || len(name) > maxPart {
		return cli.Usagef("%s %.60q: this is no name", what, name)
	}
	return nil
}

// maxPart is the longest name that is sent, in bytes.
const maxPart = 200
