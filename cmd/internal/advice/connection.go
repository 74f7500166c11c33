package advice

import (
	"context"
	"crypto/x509"
	"errors"
	"net/http"
	"syscall"

	"offlinestore/cmd/internal/cli"
	"offlinestore/instance"
)

// ConnectionHint returns the next step of an operator after a failed connection. hints are the ones of the program.
func ConnectionHint(c instance.Connection, hints cli.Table) string {
	refused := errors.Is(c.Err, syscall.ECONNREFUSED)
	switch {
	case c.OK, c.Name == instance.ConnectionDatabase:
		return "" // the error of the whole command has the hint
	case c.Name == instance.ConnectionServerDatabase:
		_, hint := hints.Find(c.Err)
		return hint
	case errors.Is(c.Err, instance.ErrNoDomain):
		return "set the name that devices know this host by: 'snap-store-proxy config proxy.domain=HOST'"
	case c.Name == instance.ConnectionName:
		return "give the name to the DNS that devices use, or to /etc/hosts here and there"
	case errors.Is(c.Err, http.ErrSchemeMismatch):
		return "the port of plain HTTP is in proxy.domain: put the one of HTTPS there (proxy.port.https), or none if that is 443"
	case refused && c.Name == instance.ConnectionHTTPS:
		return "see that 'snap-store-proxy serve' runs, or that the balancer before it does; a port other than 443 belongs into proxy.domain"
	case refused:
		return "see that 'snap-store-proxy serve' runs, and that the port, unless it is the usual one, is in proxy.domain"
	case errors.Is(c.Err, context.DeadlineExceeded):
		return "see whether a firewall is in between, and whether the name leads to this host"
	case isUnknownAuthority(c.Err):
		return "devices must be told its authority: import the certificate again with its root ('import-certificate')"
	case isInvalidCertificate(c.Err):
		return "import a certificate that is for this name, and valid now ('import-certificate')"
	}
	return ""
}

func isUnknownAuthority(err error) bool {
	var unknown x509.UnknownAuthorityError
	return errors.As(err, &unknown)
}

func isInvalidCertificate(err error) bool {
	var name x509.HostnameError
	var invalid x509.CertificateInvalidError
	return errors.As(err, &name) || errors.As(err, &invalid)
}
