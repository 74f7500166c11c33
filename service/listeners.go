package service

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"

	"offlinestore/certificate"
	"offlinestore/instance"
	"offlinestore/instance/settings"
)

// Role is the purpose of a listener.
type Role string

// The listeners of a service.
const (
	RoleHTTP     Role = "http"
	RoleHTTPS    Role = "https"
	RoleRegistry Role = "registry"
	RoleAdmin    Role = "admin"
)

// ListenError means that an address cannot be listened on.
type ListenError struct {
	Role Role
	Err  error
}

func (e *ListenError) Error() string { return e.Err.Error() }

func (e *ListenError) Unwrap() error { return e.Err }

// PlainAdminError means that administration would cross a network without TLS.
type PlainAdminError struct{ Address string }

func (e *PlainAdminError) Error() string {
	return fmt.Sprintf("administration on %s: without TLS, anybody on the way could read passwords", e.Address)
}

// Listeners are the open listeners of a service. A listener that is not served is nil.
type Listeners struct {
	http, https, images, admin net.Listener
	// local is the socket for administration on this host. It is nil if there is no folder for it.
	local net.Listener

	certificate certificate.Reloader
	// tls reports whether there was a certificate at the start.
	tls bool
}

// Listen opens all listeners, or none. It comes before the store is opened, because low ports need root's rights. The error may be
// a ListenError, a PlainAdminError, an instance.CertificateError or an instance.ErrNoCertificate.
func Listen(s *settings.Settings, request instance.Addresses, log *slog.Logger) (*Listeners, error) {
	a, err := instance.ChooseAddresses(s, request)
	if err != nil {
		return nil, err
	}
	c, err := instance.Certificate(s)
	if err != nil {
		return nil, err
	}
	l := &Listeners{tls: c != nil}
	if c != nil {
		l.certificate.Set(c)
	}
	for _, open := range []struct {
		to      *net.Listener
		address string
		role    Role
	}{
		{&l.http, a.HTTP, RoleHTTP},
		{&l.https, a.HTTPS, RoleHTTPS},
		{&l.images, a.Registry, RoleRegistry},
		{&l.admin, a.Admin, RoleAdmin},
	} {
		if open.address == "" {
			continue
		}
		ln, err := net.Listen("tcp", open.address)
		if err != nil {
			return nil, errors.Join(&ListenError{open.role, err}, l.Close())
		}
		*open.to = ln
	}
	if err := l.validateAdmin(a.Admin); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	if l.admin != nil && isLoopback(l.admin) {
		if l.local, err = listenSocket(l.admin.Addr().String()); err != nil {
			log.Warn("no socket for administration on this host", "err", err)
		}
	}
	return l, nil
}

// validateAdmin refuses administration without TLS on an address that others reach.
func (l *Listeners) validateAdmin(address string) error {
	if l.admin == nil || l.tls || isLoopback(l.admin) {
		return nil
	}
	return &PlainAdminError{address}
}

// isLoopback reports whether only this host reaches a listener. The requested address may be a name, but the address of a listener
// is numeric.
func isLoopback(ln net.Listener) bool {
	a, err := netip.ParseAddrPort(ln.Addr().String())
	return err == nil && a.Addr().Unmap().IsLoopback()
}

// Close closes the listeners. It may be called again, after the servers did it.
func (l *Listeners) Close() error {
	for _, ln := range []net.Listener{l.http, l.https, l.images, l.admin} {
		if ln != nil {
			ln.Close()
		}
	}
	if l.local != nil {
		l.local.Close()
	}
	return nil
}

// secure makes ln speak TLS if there is a certificate.
func (l *Listeners) secure(ln net.Listener) (secured net.Listener, scheme string) {
	if !l.tls {
		return ln, "http"
	}
	return tls.NewListener(ln, l.certificate.Config()), "https"
}

// endpoint is a server and its listener.
type endpoint struct {
	*http.Server
	ln net.Listener
}
