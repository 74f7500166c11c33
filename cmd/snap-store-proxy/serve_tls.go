package main

import (
	"crypto/tls"
	"log/slog"
	"net"
	"time"

	"offlinestore/certificate"
)

// expiresSoon is from how many days on an operator is told of the end of a certificate each time that serve reads it.
const expiresSoon = 30

// warnOfCertificate says what devices will soon, or already, find wrong with c.
func warnOfCertificate(log *slog.Logger, c *certificate.Certificate, domain string, now time.Time) {
	info := c.Info()
	if err := c.CheckDates(now); err != nil {
		log.Error("devices refuse the certificate: import another", "err", err)
	} else if days := info.DaysLeft(now); days < expiresSoon {
		log.Warn("the certificate expires soon: import another", "days", days, "not-after", info.NotAfter)
	}
	if domain == "" {
		return
	}
	if err := c.CheckName(domain); err != nil {
		log.Warn("devices refuse the certificate under the name that proxy.domain has", "err", err)
	}
}

// warnOfPort says when proxy.domain still has the port of plain HTTP: URLs and redirects would lead there by https.
func warnOfPort(log *slog.Logger, domain, httpPort, httpsPort string) {
	if _, port, err := net.SplitHostPort(domain); err == nil && port == httpPort && port != httpsPort {
		log.Warn("proxy.domain has the port of plain HTTP, and clients are sent there by https: set it to "+httpsPort+", or leave it out", "domain", domain)
	}
}

// secure makes ln speak TLS if there is a certificate.
func (d *doors) secure(ln net.Listener) (secured net.Listener, scheme string) {
	if !d.tls {
		return ln, "http"
	}
	return tls.NewListener(ln, d.certificate.Config()), "https"
}
