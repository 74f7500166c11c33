package edge

import (
	"cmp"
	"crypto/x509"
	"fmt"
	"net/http"

	"offlinestore/upstream"
)

// Client returns a client of the Snap Store upstream, with the present settings.
func (e *Edge) Client() *upstream.Client { return e.state.Load().files }

// NewClient returns a client of the Snap Store upstream for a command, with the settings of an edge.
func NewClient(s Settings, agent string) (*upstream.Client, error) {
	t, err := NewTransport(s.Proxy, s.Roots)
	if err != nil {
		return nil, err
	}
	c, err := upstream.New(upstream.Config{Origin: cmp.Or(s.Upstream, upstream.DefaultOrigin), UserAgent: agent, HTTP: &http.Client{Transport: t}, Retries: -1})
	if err != nil {
		return nil, fmt.Errorf("proxy.upstream: %w", err)
	}
	return c, nil
}

// NewTransport returns the transport of an edge to upstream: https goes by way of a forward proxy, which the variable https_proxy names if the
// argument is empty, and believes only roots, or the system's if they are nil. No error has the credentials of the proxy in it.
func NewTransport(proxy string, roots *x509.CertPool) (*http.Transport, error) {
	t, err := newTransport(proxy, roots)
	if err != nil {
		return nil, fmt.Errorf("proxy.https.proxy: %w", err)
	}
	return t, nil
}
