package instance

import (
	"errors"
	"fmt"
	"time"

	"offlinestore/certificate"
	"offlinestore/instance/settings"
)

// CertificateError means that the certificate in the settings cannot be used.
type CertificateError struct{ Err error }

func (e *CertificateError) Error() string { return e.Err.Error() }

func (e *CertificateError) Unwrap() error { return e.Err }

// ErrNoNames means that neither the caller nor proxy.domain names a host to make a certificate for.
var ErrNoNames = errors.New("nobody says which host the certificate is for")

// UseError means that no client would accept a certificate, at any host and time.
type UseError struct{ Err error }

func (e *UseError) Error() string { return e.Err.Error() }

func (e *UseError) Unwrap() error { return e.Err }

// RefusedError means that devices would refuse a certificate because of its name or its dates.
type RefusedError struct{ Err error }

func (e *RefusedError) Error() string { return e.Err.Error() }

func (e *RefusedError) Unwrap() error { return e.Err }

// Certificate parses the certificate in the settings. It is nil if there is none. The error may be a CertificateError.
func Certificate(s *settings.Settings) (*certificate.Certificate, error) {
	v := s.Values()
	chain, key := v.TLSCert, v.TLSKey
	if chain == "" && key == "" {
		return nil, nil
	}
	c, err := certificate.Parse([]byte(chain + "\n" + key + "\n"))
	if err != nil {
		return nil, &CertificateError{err}
	}
	return c, nil
}

// ExpiresSoon is the number of days before the end of its certificate from which a store warns.
const ExpiresSoon = 30

// MakeCertificate makes a certificate and its authority for names, or for proxy.domain if there are none. The settings stay as they
// are.
func MakeCertificate(s *settings.Settings, names []string) (*certificate.Certificate, error) {
	if domain := s.Values().Domain; len(names) == 0 && domain != "" {
		names = []string{domain}
	}
	if len(names) == 0 {
		return nil, ErrNoNames
	}
	return certificate.SelfSigned(names, time.Now())
}

// ValidateCertificate returns a UseError or a RefusedError if devices would refuse the certificate under proxy.domain now.
func ValidateCertificate(s *settings.Settings, c *certificate.Certificate) error {
	if err := c.CheckUse(); err != nil {
		return &UseError{err}
	}
	errs := []error{c.CheckDates(time.Now())}
	if domain := s.Values().Domain; domain != "" {
		errs = append(errs, c.CheckName(domain))
	}
	if err := errors.Join(errs...); err != nil {
		return &RefusedError{err}
	}
	return nil
}

// SaveCertificate sets the certificate and its key in one step, so that they always belong together.
func SaveCertificate(s *settings.Settings, c *certificate.Certificate) error {
	key, err := c.KeyPEM()
	if err != nil {
		return fmt.Errorf("save the certificate: %w", err)
	}
	return s.Set(map[string]string{settings.TLSCert: string(c.ChainPEM()), settings.TLSKey: string(key)})
}
