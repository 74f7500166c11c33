package outside

import (
	"context"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"strings"
	"syscall"
)

// Hint returns the next step of an operator after a failed connection to a host upstream.
func (h *Host) Hint() string {
	if h.OK {
		return ""
	}
	var unknown x509.UnknownAuthorityError
	var name *net.DNSError
	var status statusError
	hint := ""
	switch err := h.Err; {
	case errors.As(err, &unknown):
		hint = "'snap-store-proxy use-ca-certs' names the authorities to believe, if a proxy in between has one of its own; 'remove-ca-certs' believes the system's again"
	case errors.As(err, &status) && int(status) == http.StatusProxyAuthRequired, strings.Contains(err.Error(), "Proxy Authentication Required"):
		hint = "give the forward proxy's user and password: 'snap-store-proxy config proxy.https.proxy=http://USER:PASSWORD@HOST:PORT'"
	case strings.Contains(err.Error(), "proxyconnect"):
		hint = "see that the forward proxy in proxy.https.proxy, or in the variable https_proxy, is right and runs"
	case errors.As(err, &name):
		hint = "let this host look the name up, or set a forward proxy: 'snap-store-proxy config proxy.https.proxy=URL'"
	case errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, context.DeadlineExceeded):
		hint = "open the firewall to this host and port, or set a forward proxy: 'snap-store-proxy config proxy.https.proxy=URL'"
	case errors.As(err, &status):
		hint = "try again later"
	}
	if h.Spare {
		return strings.TrimPrefix(hint+"; devices and this store do without this host", "; ")
	}
	return hint
}
