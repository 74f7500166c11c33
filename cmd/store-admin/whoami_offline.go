package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"offlinestore/cmd/internal/cli"
	gateway "offlinestore/server/gateway/api"
)

// runWhoAmIOffline shows whose login at an air-gapped store is used, with its roles.
func runWhoAmIOffline(c *cobra.Command, o *offlineOptions) error {
	s, err := o.open()
	if err != nil {
		return err
	}
	who, err := s.Whoami(c.Context())
	if err != nil {
		return err
	}
	r := newOfflineIdentity(s.url, who)
	if o.json {
		return cli.PrintJSON(c.OutOrStdout(), r)
	}
	return r.print(c.OutOrStdout())
}

// offlineIdentity is the result of whoami for an air-gapped store.
type offlineIdentity struct {
	Store       string    `json:"store"`
	Email       string    `json:"email"`
	Roles       []string  `json:"roles"`
	Permissions []string  `json:"permissions"`
	Brands      []string  `json:"brands"`
	Expires     time.Time `json:"expires"`
}

func newOfflineIdentity(url string, w *gateway.Whoami) *offlineIdentity {
	return &offlineIdentity{
		Store: url, Email: w.Account.Email, Roles: append([]string{}, w.Roles...), Permissions: append([]string{}, w.Permissions...),
		Brands: append([]string{}, slices.Sorted(maps.Keys(w.BrandPermissions))...), Expires: w.Expires,
	}
}

func (r *offlineIdentity) print(w io.Writer) error {
	join := func(list []string) string { return cli.Clean(strings.Join(list, ", ")) }
	_, err := fmt.Fprintf(w, "store: %s\nemail: %s\nroles: %s\npermissions: %s\nbrands: %s\nexpires: %s\n",
		cli.Clean(r.Store), cli.Clean(r.Email), join(r.Roles), join(r.Permissions), join(r.Brands), r.Expires.UTC().Format(time.RFC3339))
	return err
}
