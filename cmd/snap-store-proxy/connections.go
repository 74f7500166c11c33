package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"

	"github.com/spf13/cobra"

	"offlinestore/catalog"
	"offlinestore/cmd/internal/cli"
	"offlinestore/instance"
	"offlinestore/instance/settings"
)

// errConnections says that something that devices need can't be reached.
var errConnections = errors.New("not all connections work")

// connection is one of those that a store needs, as devices make them.
type connection struct {
	Name   string `json:"name"`
	Target string `json:"target"`
	OK     bool   `json:"ok"`
	// Detail says what was found, or what is wrong.
	Detail string `json:"detail"`
	// Hint says what to do about it.
	Hint string `json:"hint,omitempty"`
}

func newCheckConnections(dir *instance.Dir) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "check-connections",
		Short: "See whether devices can reach this store",
		Long: `Make the connections that the store needs: to its database and, in the way that
devices do it, to itself: proxy.domain is looked up, its certificate is verified
with the system's authorities and the store's own, and serve and the registry must
answer. Run it where 'serve' runs. There is nothing outside to be checked: this
store never connects to the internet.`,
		Example: "  snap-store-proxy check-connections\n  snap-store-proxy check-connections --json",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			all, err := makeConnections(c.Context(), dir)
			if err != nil && all == nil {
				return err
			}
			if asJSON {
				err = errors.Join(err, cli.PrintJSON(c.OutOrStdout(), map[string]any{"connections": all}))
			} else {
				printConnections(c.OutOrStdout(), all)
			}
			return err
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

func printConnections(w io.Writer, all []connection) {
	for _, c := range all {
		mark := "ok"
		if !c.OK {
			mark = "failed"
		}
		fmt.Fprintf(w, "%s: %s: %s: %s\n", c.Name, c.Target, mark, cli.Clean(c.Detail))
		if c.Hint != "" {
			fmt.Fprintf(w, "  hint: %s\n", cli.Clean(c.Hint))
		}
	}
}

// connections makes them all. The error says that some of them failed: the database's, if it is among them.
func makeConnections(ctx context.Context, dir *instance.Dir) ([]connection, error) {
	in, failed := dir.OpenDegraded(ctx, options())
	if in == nil {
		return nil, failed
	}
	defer in.Close() // all is read
	db := connection{Name: "database", Target: settings.DBConnection, OK: failed == nil, Detail: "the catalogue is there"}
	if failed != nil {
		db.Detail = failed.Error()
	}
	if in.Settings.Values().DBConnection == "" {
		db.Target = "private cluster"
	}
	all := []connection{db}
	if failed == nil {
		if all = append(all, serverConnection(ctx, in)); all[1].Target == "" {
			all = all[:1]
		}
	}
	devices, err := deviceConnections(ctx, in, dir)
	if err != nil {
		return nil, err
	}
	all = append(all, devices...)
	for _, c := range all {
		if !c.OK && failed == nil {
			failed = errConnections
		}
	}
	return all, failed
}

// serverConnection is how serve logs in to a database elsewhere.
func serverConnection(ctx context.Context, in *instance.Instance) connection {
	c := connection{Name: "database of serve", Detail: "it may SELECT"}
	dsn := in.Settings.Values().DBServerConnection
	if dsn == "" || in.Cluster != nil {
		return c
	}
	c.Target = settings.DBServerConnection
	r, err := catalog.OpenReader(ctx, dsn)
	if err == nil {
		_, err = r.LoadSnapshot(ctx)
		r.Close()
	}
	if c.OK = err == nil; err != nil {
		c.Detail = err.Error()
		_, c.Hint = hints().Find(err)
	}
	return c
}

// deviceConnections are those of devices and clusters, from the name on.
func deviceConnections(ctx context.Context, in *instance.Instance, dir *instance.Dir) ([]connection, error) {
	v := in.Settings.Values()
	conf, err := deviceTLS(dir, in)
	if err != nil {
		return nil, err
	}
	if v.Domain == "" {
		return []connection{{Name: "name", Target: settings.Domain, Detail: "it is not set",
			Hint: "set the name that devices know this host by: 'snap-store-proxy config proxy.domain=HOST'"}}, nil
	}
	name := hostOf(v.Domain)
	all := []connection{lookUp(ctx, name)}
	if !all[0].OK {
		return all, nil
	}
	// Devices are given URLs with the domain as it is: a port that is not the usual must be in it.
	url := ownURL(v)
	scheme, _, _ := strings.Cut(url, ":")
	urls := []knock{{name: scheme, url: url + "/_status/check"}}
	if images := registryURL(in.Settings, v, name); images != "" {
		urls = append(urls, knock{name: "registry", url: images})
	}
	client := client(conf)
	defer client.CloseIdleConnections()
	for _, u := range urls {
		all = append(all, reach(ctx, in, client, u))
	}
	return all, nil
}

// hostOf is a host without its port, and without the brackets of an IPv6 address.
func hostOf(domain string) string {
	if name, _, err := net.SplitHostPort(domain); err == nil {
		return name
	}
	return strings.Trim(domain, "[]")
}

func lookUp(ctx context.Context, name string) connection {
	c := connection{Name: "name", Target: name, OK: true, Detail: "an address"}
	if net.ParseIP(name) != nil {
		return c
	}
	ctx, cancel := context.WithTimeout(ctx, knockTimeout)
	defer cancel()
	addrs, err := net.DefaultResolver.LookupHost(ctx, name)
	if err != nil {
		c.OK, c.Detail = false, err.Error()
		c.Hint = "give the name to the DNS that devices use, or to /etc/hosts here and there"
		return c
	}
	c.Detail = strings.Join(addrs, ", ")
	return c
}

// registryURL is where clusters look for images; empty where no registry is told of.
func registryURL(s *settings.Settings, v settings.Values, name string) string {
	if v.RegistryDomain != "" {
		return "https://" + v.RegistryDomain + "/v2/" // container runtimes take no other
	}
	o, err := instance.ChooseAddresses(s, instance.Addresses{})
	if err != nil || o.Registry == "" {
		return ""
	}
	_, port, err := net.SplitHostPort(o.Registry)
	if err != nil {
		return ""
	}
	scheme := "http"
	if v.TLSCert != "" {
		scheme = "https"
	}
	return scheme + "://" + net.JoinHostPort(name, port) + "/v2/"
}

// deviceTLS is what devices verify certificates by, once they have the store's own authority.
func deviceTLS(dir *instance.Dir, in *instance.Instance) (*tls.Config, error) {
	roots, err := dir.CACerts()
	if err != nil {
		return nil, err
	}
	if roots == nil {
		if roots, err = x509.SystemCertPool(); err != nil {
			roots = x509.NewCertPool()
		}
	}
	c, err := instance.Certificate(in.Settings)
	if err != nil {
		return nil, err
	}
	if c != nil {
		roots.AppendCertsFromPEM(c.RootPEM())
	}
	return &tls.Config{RootCAs: roots, NextProtos: []string{"http/1.1"}}, nil
}
