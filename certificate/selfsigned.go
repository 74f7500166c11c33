package certificate

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"math/big"
	"net/netip"
	"regexp"
	"strings"
	"sync"
	"time"
)

// The validity of certificates that SelfSigned makes. It is long, because a renewal means a visit to every device. It begins a day
// early, for devices whose clocks are behind.
const (
	selfSignedYears = 10
	clockSkew       = 24 * time.Hour
)

var validName = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^(\*\.)?[a-zA-Z0-9_]([a-zA-Z0-9_-]{0,61}[a-zA-Z0-9])?(\.[a-zA-Z0-9_]([a-zA-Z0-9_-]{0,61}[a-zA-Z0-9])?)*$`)
})

// SelfSigned makes a certificate for host names and addresses, and an authority that issues it, for devices to trust. The two are
// separate, because some clients do not accept the certificate of a server as an authority. Its key is forgotten at once, so nobody
// can issue another certificate that devices would trust.
func SelfSigned(names []string, now time.Time) (*Certificate, error) {
	leaf, err := template(now)
	if err != nil {
		return nil, err
	}
	if err := addNames(leaf, names); err != nil {
		return nil, err
	}
	root, err := template(now)
	if err != nil {
		return nil, err
	}
	// A common name has at most 64 characters.
	root.Subject = pkix.Name{CommonName: fmt.Sprintf("Snap store %.44s CA", hostOf(names[0])), SerialNumber: fmt.Sprintf("%x", root.SerialNumber)}
	root.IsCA, root.MaxPathLenZero, root.KeyUsage, root.ExtKeyUsage = true, true, x509.KeyUsageCertSign|x509.KeyUsageCRLSign, nil
	leaf.Subject = pkix.Name{CommonName: fmt.Sprintf("%.64s", hostOf(names[0]))}
	rootKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make a key: %w", err)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make a key: %w", err)
	}
	rootCert, err := issue(root, root, rootKey.Public(), rootKey)
	if err != nil {
		return nil, err
	}
	cert, err := issue(leaf, rootCert, key.Public(), rootKey)
	if err != nil {
		return nil, err
	}
	return &Certificate{chain: []*x509.Certificate{cert, rootCert}, key: key}, nil
}

func template(now time.Time) (*x509.Certificate, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, fmt.Errorf("make a serial number: %w", err)
	}
	now = now.UTC().Truncate(time.Second)
	return &x509.Certificate{SerialNumber: serial, NotBefore: now.Add(-clockSkew), NotAfter: now.AddDate(selfSignedYears, 0, 0),
		BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}, nil
}

func addNames(leaf *x509.Certificate, names []string) error {
	if len(names) == 0 {
		return errors.New("a certificate needs a name")
	}
	for _, n := range names {
		n = strings.TrimSuffix(hostOf(n), ".")
		if a, err := netip.ParseAddr(n); err == nil && a.Zone() == "" {
			leaf.IPAddresses = append(leaf.IPAddresses, a.AsSlice())
			continue
		}
		if len(n) > 253 || !validName().MatchString(n) {
			return fmt.Errorf("%.100q is neither a host name nor an address", n)
		}
		leaf.DNSNames = append(leaf.DNSNames, strings.ToLower(n))
	}
	return nil
}

func issue(template, parent *x509.Certificate, public crypto.PublicKey, signer crypto.Signer) (*x509.Certificate, error) {
	der, err := x509.CreateCertificate(rand.Reader, template, parent, public, signer)
	if err != nil {
		return nil, fmt.Errorf("make a certificate: %w", err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("read the certificate that was made: %w", err)
	}
	return cert, nil
}
