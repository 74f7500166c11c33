package main

import (
	"context"
	"crypto/x509"
	"errors"
	"net/http"
	"offlinestore/instance"
	"strings"
	"syscall"
)

// reach asks a service in the way that devices do.
func reach(ctx context.Context, in *instance.Instance, c *http.Client, k knock) connection {
	ctx, cancel := context.WithTimeout(ctx, knockTimeout)
	defer cancel()
	out := connection{Name: k.name, Target: strings.TrimSuffix(k.url, "/_status/check"), OK: true, Detail: "it answers"}
	err := ask(ctx, c, k.url)
	if err == nil {
		if strings.HasPrefix(k.url, "https://") {
			out.Detail = "it answers, and its certificate is good"
		}
		return out
	}
	out.OK, out.Detail = false, short(err)
	var unknown x509.UnknownAuthorityError
	var name x509.HostnameError
	var invalid x509.CertificateInvalidError
	switch {
	case errors.Is(err, http.ErrSchemeMismatch):
		out.Hint = "restart 'snap-store-proxy serve': the first certificate counts from then on"
	case errors.Is(err, syscall.ECONNREFUSED) && k.name == "https":
		out.Hint = "see that 'snap-store-proxy serve' runs and was restarted after the first certificate, or that the balancer before it does; a port other than 443 belongs into proxy.domain"
	case errors.Is(err, syscall.ECONNREFUSED):
		out.Hint = "see that 'snap-store-proxy serve' runs, and that the port, unless it is the usual one, is in proxy.domain"
	case errors.Is(err, context.DeadlineExceeded):
		out.Hint = "see whether a firewall is in between, and whether the name leads to this host"
	case errors.As(err, &unknown):
		out.Hint = "devices must be told its authority: import the certificate again with its root ('import-certificate')"
	case errors.As(err, &name), errors.As(err, &invalid):
		out.Hint = "import a certificate that is for this name, and valid now ('import-certificate')"
	}
	return out
}
