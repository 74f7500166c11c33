package certificate

import (
	"crypto/tls"
	"errors"
	"sync/atomic"
)

// Reloader is a server's certificate, which may be replaced while connections are open: they keep theirs, new ones get the new one.
// The zero value has none.
type Reloader struct {
	current atomic.Pointer[tls.Certificate]
}

// Set makes c what new connections get.
func (r *Reloader) Set(c *Certificate) { r.current.Store(c.tls()) }

// Config returns how a server speaks TLS: with this certificate, version 1.2 or later, and HTTP/1.1, which is all that snapd speaks.
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
