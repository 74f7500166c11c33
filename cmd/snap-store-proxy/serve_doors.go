package main

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"

	"offlinestore/certificate"
	"offlinestore/cmd/internal/cli"
	"offlinestore/instance"
	"offlinestore/instance/settings"
	"offlinestore/registry"
	"offlinestore/server"
)

// doors are the listeners of serve; what is not served is nil.
type doors struct {
	http, https, images, admin net.Listener

	certificate certificate.Reloader
	tls         bool // whether there was a certificate at the start
}

// openDoors opens all listeners, or none.
func (o *serveOptions) openDoors(s *settings.Settings, log *slog.Logger) (*doors, error) {
	asked := *o // chooseAddresses fills in what was not asked for
	if err := o.chooseRegistry(s); err != nil {
		return nil, err
	}
	if err := o.chooseAddresses(s); err != nil {
		return nil, err
	}
	c, err := instance.Certificate(s)
	if err != nil {
		return nil, err
	}
	d := &doors{tls: c != nil}
	if c != nil {
		d.certificate.Set(c)
	}
	for _, open := range []struct {
		to            *net.Listener
		address, hint string
	}{
		{&d.http, o.listen, "choose another address with --listen, or the port with 'snap-store-proxy config proxy.port.http=8080'"},
		{&d.https, o.httpsListen, "choose another address with --https-listen, or the port with 'snap-store-proxy config proxy.port.https=8443'"},
		{&d.images, o.registryListen, "choose another address for images with 'snap-store-proxy config proxy.oci-registry.listen=[::]:5001', or have none with proxy.oci-registry.builtin=false"},
	} {
		if open.address == "" {
			continue
		}
		ln, err := net.Listen("tcp", open.address)
		if err != nil {
			return nil, errors.Join(cli.Hint(err, "%s", open.hint), d.Close())
		}
		*open.to = ln
	}
	if err := asked.openAdmin(s, d, log); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}

// Close closes the listeners.
func (d *doors) Close() error {
	for _, ln := range []net.Listener{d.http, d.https, d.images, d.admin} {
		if ln != nil {
			ln.Close() // also a second time, after the servers did
		}
	}
	return nil
}

// chooseAddresses finds out where to serve HTTP and HTTPS. Whoever says with --listen where to serve gets no other port that they
// didn't ask for, and without a certificate there is no HTTPS.
func (o *serveOptions) chooseAddresses(s *settings.Settings) error {
	v, err := values(s, settings.IPAddress, settings.HTTPPort, settings.HTTPSPort, settings.TLSCert)
	if err != nil {
		return err
	}
	ip := strings.Trim(v[settings.IPAddress], "[]")
	switch {
	case o.httpsListen != "" && v[settings.TLSCert] == "":
		return cli.Hint(cli.Usagef("--https-listen: there is no certificate"), "import one with 'snap-store-proxy import-certificate'")
	case o.httpsListen == "" && o.listen == "" && v[settings.TLSCert] != "":
		o.httpsListen = net.JoinHostPort(ip, v[settings.HTTPSPort])
	}
	if o.listen == "" {
		o.listen = net.JoinHostPort(ip, v[settings.HTTPPort])
	}
	return nil
}

// servers are what serves on the doors, announced as scripts expect: on standard output, once they can be reached.
func (d *doors) servers(srv *server.Server, images *registry.Registry, content string, log *slog.Logger) []listening {
	var all []listening
	add := func(l listening, format string, args ...any) {
		log.Info("listening", "address", l.ln.Addr().String())
		fmt.Printf(format+"\n", args...)
		all = append(all, l)
	}
	add(listening{srv.HTTPServer(d.http.Addr().String()), d.http}, "Serving %s on http://%s", content, d.http.Addr())
	if d.https != nil {
		ln, _ := d.secure(d.https)
		add(listening{srv.HTTPServer(d.https.Addr().String()), ln}, "Serving the same on https://%s", d.https.Addr())
	}
	if d.images != nil {
		ln, scheme := d.secure(d.images)
		add(listening{images.HTTPServer(d.images.Addr().String()), ln}, "Serving images on %s://%s", scheme, d.images.Addr())
	}
	return all
}
