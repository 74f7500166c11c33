package instance

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"strings"

	"offlinestore/catalog"
	"offlinestore/instance/settings"
)

// ErrNoDomain means that proxy.domain is not set, so that devices have no name for this host.
var ErrNoDomain = errors.New("it is not set")

// The names of connections.
const (
	ConnectionDatabase       = "database"
	ConnectionServerDatabase = "database of serve"
	ConnectionName           = "name"
	ConnectionHTTPS          = "https"
	ConnectionRegistry       = "registry"
)

// Connection is a connection that the store, its devices or its clusters need.
type Connection struct {
	Name   string `json:"name"`
	Target string `json:"target"`
	OK     bool   `json:"ok"`
	// Detail is the result in words.
	Detail string `json:"detail"`
	// Err is the reason of a failure.
	Err error `json:"-"`
}

func failedConnection(name, target, detail string, err error) Connection {
	return Connection{Name: name, Target: target, Detail: detail, Err: err}
}

// Connections makes the connections that a store needs: to its database and, in the way of devices, to itself. The error is about
// the way to them, or about a database that is down; then the other connections come with it.
func (d Dir) Connections(ctx context.Context, o Options) ([]Connection, error) {
	o.Existing = true
	in, failed := d.OpenDegraded(ctx, o)
	if in == nil {
		return nil, failed
	}
	defer in.Close() // nothing was written
	v := in.Settings.Values()
	db := Connection{Name: ConnectionDatabase, Target: settings.DBConnection, OK: failed == nil, Detail: "the catalogue is there", Err: failed}
	if failed != nil {
		db.Detail = failed.Error()
	}
	if v.DBConnection == "" {
		db.Target = "private cluster"
	}
	all := []Connection{db}
	if failed == nil && in.Cluster == nil && v.DBServerConnection != "" {
		all = append(all, connectServer(ctx, v.DBServerConnection))
	}
	devices, err := in.connectDevices(ctx)
	if err != nil {
		return nil, err
	}
	return append(all, devices...), failed
}

// connectServer logs in to a database in the way of a server.
func connectServer(ctx context.Context, dsn string) Connection {
	r, err := catalog.OpenReader(ctx, dsn)
	if err == nil {
		_, err = r.LoadSnapshot(ctx)
		r.Close()
	}
	if err != nil {
		return failedConnection(ConnectionServerDatabase, settings.DBServerConnection, err.Error(), err)
	}
	return Connection{Name: ConnectionServerDatabase, Target: settings.DBServerConnection, OK: true, Detail: "it may SELECT"}
}

// connectDevices makes the connections of devices and clusters, beginning with the look-up of the name.
func (in *Instance) connectDevices(ctx context.Context) ([]Connection, error) {
	v := in.Settings.Values()
	conf, err := in.deviceTLS()
	if err != nil {
		return nil, err
	}
	if v.Domain == "" {
		return []Connection{failedConnection(ConnectionName, settings.Domain, ErrNoDomain.Error(), ErrNoDomain)}, nil
	}
	host := hostOf(v.Domain)
	all := []Connection{lookUp(ctx, host)}
	if !all[0].OK {
		return all, nil
	}
	// Devices get URLs with the domain as it is: it must have the port unless that is the usual one.
	url := OwnURL(v)
	scheme, _, _ := strings.Cut(url, ":")
	endpoints := []endpoint{{name: scheme, url: url + healthPath}}
	if images := registryURL(in.Settings, host); images != "" {
		endpoints = append(endpoints, endpoint{name: ConnectionRegistry, url: images})
	}
	client := newProbeClient(conf)
	defer client.CloseIdleConnections()
	for _, e := range endpoints {
		all = append(all, connect(ctx, client, e))
	}
	return all, nil
}

// connect probes an endpoint in the way of devices.
func connect(ctx context.Context, c *http.Client, e endpoint) Connection {
	ctx, cancel := context.WithTimeout(ctx, endpointTimeout)
	defer cancel()
	target := strings.TrimSuffix(e.url, healthPath)
	if err := probe(ctx, c, e.url); err != nil {
		return failedConnection(e.name, target, reasonOf(err), err)
	}
	out := Connection{Name: e.name, Target: target, OK: true, Detail: "it answers"}
	if strings.HasPrefix(e.url, "https://") {
		out.Detail = "it answers, and its certificate is good"
	}
	return out
}

// hostOf returns a host without its port, and without the brackets of an IPv6 address.
func hostOf(domain string) string {
	if name, _, err := net.SplitHostPort(domain); err == nil {
		return name
	}
	return strings.Trim(domain, "[]")
}

func lookUp(ctx context.Context, name string) Connection {
	if net.ParseIP(name) != nil {
		return Connection{Name: ConnectionName, Target: name, OK: true, Detail: "an address"}
	}
	ctx, cancel := context.WithTimeout(ctx, endpointTimeout)
	defer cancel()
	addrs, err := net.DefaultResolver.LookupHost(ctx, name)
	if err != nil {
		return failedConnection(ConnectionName, name, err.Error(), err)
	}
	return Connection{Name: ConnectionName, Target: name, OK: true, Detail: strings.Join(addrs, ", ")}
}

// registryURL returns the URL at which clusters look for images. It is empty if clients hear of no registry.
func registryURL(s *settings.Settings, host string) string {
	v := s.Values()
	if v.RegistryDomain != "" {
		return "https://" + v.RegistryDomain + registryPath // container runtimes accept no other scheme
	}
	a, err := ChooseAddresses(s, Addresses{})
	if err != nil || a.Registry == "" {
		return ""
	}
	_, port, err := net.SplitHostPort(a.Registry)
	if err != nil {
		return ""
	}
	scheme := "http"
	if v.TLSCert != "" {
		scheme = "https"
	}
	return scheme + "://" + net.JoinHostPort(host, port) + registryPath
}

// deviceTLS returns the TLS configuration of a device that trusts the store's own authority.
func (in *Instance) deviceTLS() (*tls.Config, error) {
	roots, err := in.Dir.CACerts()
	if err != nil {
		return nil, err
	}
	if roots == nil {
		if roots, err = x509.SystemCertPool(); err != nil {
			roots = x509.NewCertPool()
		}
	}
	c, err := Certificate(in.Settings)
	if err != nil {
		return nil, err
	}
	if c != nil {
		roots.AppendCertsFromPEM(c.RootPEM())
	}
	return &tls.Config{RootCAs: roots, NextProtos: []string{"http/1.1"}}, nil
}

// OwnURL returns the URL at which devices find the store by its settings. It is empty without proxy.domain. A balancer that is
// trusted about https serves https.
func OwnURL(v settings.Values) string {
	switch {
	case v.Domain == "":
		return ""
	case v.TLSCert != "", v.TrustForwardedProto:
		return "https://" + v.Domain
	}
	return "http://" + v.Domain
}
