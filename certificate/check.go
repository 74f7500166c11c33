package certificate

import (
	"crypto/x509"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"
)

// DateError reports that a certificate is not valid yet, or not any more.
type DateError struct {
	// Subject is the owner of the certificate.
	Subject             string
	NotBefore, NotAfter time.Time
	// Expired is false if the certificate is not valid yet.
	Expired bool
}

// Error names the first or the last time at which the certificate is valid.
func (e *DateError) Error() string {
	if e.Expired {
		return fmt.Sprintf("the certificate of %s expired on %s", e.Subject, e.NotAfter.UTC().Format(time.RFC3339))
	}
	return fmt.Sprintf("the certificate of %s is not valid before %s", e.Subject, e.NotBefore.UTC().Format(time.RFC3339))
}

// NameError reports that a certificate is for other names.
type NameError struct {
	// Name is the host name that devices use.
	Name string
	// Names are the names in the certificate.
	Names []string
}

// Error names both.
func (e *NameError) Error() string {
	if len(e.Names) == 0 {
		return fmt.Sprintf("the certificate names no host in its subject alternative names, so it is not for %s", e.Name)
	}
	return fmt.Sprintf("the certificate is for %.300s, not for %s", strings.Join(e.Names, ", "), e.Name)
}

// CheckUse returns an error if clients would refuse the certificate at any host and time.
func (c *Certificate) CheckUse() error {
	leaf := c.chain[0]
	usage := leaf.ExtKeyUsage
	if (len(usage) > 0 || len(leaf.UnknownExtKeyUsage) > 0) && !slices.Contains(usage, x509.ExtKeyUsageServerAuth) && !slices.Contains(usage, x509.ExtKeyUsageAny) {
		return fmt.Errorf("the certificate of %s is not for servers", name(leaf))
	}
	for _, cert := range c.chain {
		if selfIssued(cert) && len(c.chain) > 1 {
			continue // a root is trusted by itself, not by its signature
		}
		switch cert.SignatureAlgorithm {
		case x509.MD2WithRSA, x509.MD5WithRSA, x509.SHA1WithRSA, x509.DSAWithSHA1, x509.ECDSAWithSHA1:
			return fmt.Errorf("the certificate of %s is signed with %v, which clients refuse", name(cert), cert.SignatureAlgorithm)
		}
	}
	return nil
}

// CheckDates returns a *DateError if a certificate of the chain is not valid at now.
func (c *Certificate) CheckDates(now time.Time) error {
	for _, cert := range c.chain {
		if now.Before(cert.NotBefore) || now.After(cert.NotAfter) {
			return &DateError{name(cert), cert.NotBefore, cert.NotAfter, now.After(cert.NotAfter)}
		}
	}
	return nil
}

// CheckName returns a *NameError unless the certificate is for host, which may have a port.
func (c *Certificate) CheckName(host string) error {
	host = hostOf(host)
	if c.chain[0].VerifyHostname(host) != nil {
		return &NameError{host, c.Info().Names}
	}
	return nil
}

// hostOf returns a host without its port, and without the brackets of an IPv6 address.
func hostOf(host string) string {
	if h, port, err := net.SplitHostPort(host); err == nil && port != "" && strings.Trim(port, "0123456789") == "" {
		host = h
	}
	return strings.Trim(host, "[]")
}
