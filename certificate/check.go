package certificate

import (
	"crypto/x509"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"
)

// DateError is that a certificate is not valid yet, or not any more.
type DateError struct {
	// Subject is whose certificate it is.
	Subject             string
	NotBefore, NotAfter time.Time
	// Expired is false if the certificate is not valid yet.
	Expired bool
}

// Error says from or until when the certificate is valid.
func (e *DateError) Error() string {
	if e.Expired {
		return fmt.Sprintf("the certificate of %s expired on %s", e.Subject, e.NotAfter.UTC().Format(time.RFC3339))
	}
	return fmt.Sprintf("the certificate of %s is not valid before %s", e.Subject, e.NotBefore.UTC().Format(time.RFC3339))
}

// NameError is that a certificate is for other names.
type NameError struct {
	// Name is what devices ask for.
	Name string
	// Names are what the certificate is for.
	Names []string
}

// Error names both.
func (e *NameError) Error() string {
	if len(e.Names) == 0 {
		return fmt.Sprintf("the certificate names no host in its subject alternative names, so it is not for %s", e.Name)
	}
	return fmt.Sprintf("the certificate is for %.300s, not for %s", strings.Join(e.Names, ", "), e.Name)
}

// CheckUse says why clients would refuse the certificate wherever and whenever they see it.
func (c *Certificate) CheckUse() error {
	leaf := c.chain[0]
	usage := leaf.ExtKeyUsage
	if (len(usage) > 0 || len(leaf.UnknownExtKeyUsage) > 0) && !slices.Contains(usage, x509.ExtKeyUsageServerAuth) && !slices.Contains(usage, x509.ExtKeyUsageAny) {
		return fmt.Errorf("the certificate of %s is not for servers", name(leaf))
	}
	for _, cert := range c.chain {
		if selfIssued(cert) && len(c.chain) > 1 {
			continue // a root is trusted for what it is, not for its signature
		}
		switch cert.SignatureAlgorithm {
		case x509.MD2WithRSA, x509.MD5WithRSA, x509.SHA1WithRSA, x509.DSAWithSHA1, x509.ECDSAWithSHA1:
			return fmt.Errorf("the certificate of %s is signed with %v, which clients refuse", name(cert), cert.SignatureAlgorithm)
		}
	}
	return nil
}

// CheckDates is a *DateError if a certificate of the chain is not valid at now.
func (c *Certificate) CheckDates(now time.Time) error {
	for _, cert := range c.chain {
		if now.Before(cert.NotBefore) || now.After(cert.NotAfter) {
			return &DateError{name(cert), cert.NotBefore, cert.NotAfter, now.After(cert.NotAfter)}
		}
	}
	return nil
}

// CheckName is a *NameError unless the certificate is for host, which may be followed by a port.
func (c *Certificate) CheckName(host string) error {
	host = hostOf(host)
	if c.chain[0].VerifyHostname(host) != nil {
		return &NameError{host, c.Info().Names}
	}
	return nil
}

// hostOf is a host without its port, and without the brackets of an IPv6 address.
func hostOf(host string) string {
	if h, port, err := net.SplitHostPort(host); err == nil && port != "" && strings.Trim(port, "0123456789") == "" {
		host = h
	}
	return strings.Trim(host, "[]")
}
