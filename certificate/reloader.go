package certificate

import (
	"crypto/tls"
	"errors"
	"sync/atomic"
)

// Reloader holds a server's certificate, which can be replaced while connections are open: they keep the old one, and new
// connections get the new one. The zero value has none.
type Reloader struct {
	current atomic.Pointer[tls.Certificate]
}

// Set gives c to new connections.
func (r *Reloader) Set(c *Certificate) { r.current.Store(c.tls()) }

// Config returns a server's TLS configuration: this certificate, version 1.2 or later, and HTTP/1.1, since snapd speaks nothing
// else.
func (r *Reloader) Config() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		NextProtos: []string{"http/1.1"},
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			if c := r.current.Load(); c != nil {
				return c, nil
			}
			return nil, errors.New("there is no certificate")
		},
	}
}
