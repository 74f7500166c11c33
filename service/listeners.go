package service

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"sync/atomic"

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
	// late is https if its port is opened with the first certificate, or nil.
	late *lateListener
	// secured is set with the first certificate. It stays, since clients were sent to HTTPS.
	secured atomic.Bool
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
	l := &Listeners{}
	if c != nil {
		l.certificate.Set(c)
		l.secured.Store(true)
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
	if a.LaterHTTPS != "" {
		l.late = newLateListener(a.LaterHTTPS)
		l.https = l.late
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
	if l.admin == nil || l.secured.Load() || isLoopback(l.admin) {
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

// secure makes ln speak TLS from the first certificate on.
func (l *Listeners) secure(ln net.Listener) net.Listener {
	return &secureListener{ln, l.certificate.Config(), l.secured.Load}
}

// scheme returns the scheme of listeners that secure returned.
func (l *Listeners) scheme() string {
	if l.secured.Load() {
		return "https"
	}
	return "http"
}

// setCertificate gives c to new connections. The first certificate opens the port of HTTPS; it returns an error if that fails.
func (l *Listeners) setCertificate(c *certificate.Certificate) error {
	l.certificate.Set(c)
	if l.late != nil {
		if err := l.late.open(); err != nil {
			return err
		}
	}
	l.secured.Store(true)
	return nil
}

// servesHTTPS reports whether clients reach HTTPS.
func (l *Listeners) servesHTTPS() bool { return l.https != nil && l.secured.Load() }

// endpoint is a server and its listener.
type endpoint struct {
	*http.Server
	ln net.Listener
}
