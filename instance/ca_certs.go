package instance

import (
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"offlinestore/audit"
	"offlinestore/blob"
	"offlinestore/certificate"
)

// SetCACerts makes the certificates in a PEM text the only authorities that this program believes when it connects to other hosts.
// It returns their number.
func (d Dir) SetCACerts(pem []byte) (int, error) {
	roots, err := certificate.ParseRoots(pem)
	if err != nil {
		return 0, err
	}
	act := &audit.Act{What: "use-ca-certs", Subject: caCertsFile, Before: d.caCertsState(), After: fileState(pem)}
	err = d.record(act, func() error { return blob.WriteFile(d.path(caCertsFile), pem, blob.WriteOptions{Mode: 0o644}) })
	if err != nil {
		return 0, fmt.Errorf("write %s: %w", caCertsFile, err)
	}
	return len(roots), nil
}

// RemoveCACerts brings the system's authorities back. It reports whether others were set.
func (d Dir) RemoveCACerts() (bool, error) {
	if !exists(d.path(caCertsFile)) {
		return false, nil
	}
	act := &audit.Act{What: "remove-ca-certs", Subject: caCertsFile, Before: d.caCertsState()}
	err := d.record(act, func() error { return os.Remove(d.path(caCertsFile)) })
	return err == nil, err
}

// caCertsState describes the authorities for the audit trail.
func (d Dir) caCertsState() any {
	text, err := blob.ReadFile(d.path(caCertsFile), certificate.MaxSize)
	if err != nil {
		return nil
	}
	return fileState(text)
}

// CACerts returns the authorities to believe when connecting to other hosts. It is nil for the system's.
func (d Dir) CACerts() (*x509.CertPool, error) {
	text, err := blob.ReadFile(d.path(caCertsFile), certificate.MaxSize)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	certs, err := certificate.ParseRoots(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", caCertsFile, err)
	}
	pool := x509.NewCertPool()
	for _, c := range certs {
		pool.AddCert(c)
	}
	return pool, nil
}
