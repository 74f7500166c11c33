package instance

import (
	"offlinestore/certificate"
	"offlinestore/instance/settings"
)

// CertificateError means that the certificate in the settings cannot be used.
type CertificateError struct{ Err error }

func (e *CertificateError) Error() string { return e.Err.Error() }

func (e *CertificateError) Unwrap() error { return e.Err }

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

// ExpiresSoon is how many days before the end of its certificate a store begins to warn.
const ExpiresSoon = 30
