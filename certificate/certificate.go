// Package certificate holds the TLS certificate of a store. It reads the operator's files in any order, finds faults before a
// device does, makes self-signed certificates, and lets a server change its certificate without dropping a connection.
package certificate

import (
	"bytes"
	"crypto"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"time"
)

// Certificate is a certificate with its private key and the chain of its issuers. It does not change.
type Certificate struct {
	chain  []*x509.Certificate // the server's own first, each signed by the next
	key    crypto.Signer
	unused []string
}

// Info describes a certificate without its key.
type Info struct {
	// Names are the host names and addresses in the certificate.
	Names     []string  `json:"names"`
	Subject   string    `json:"subject"`
	Issuer    string    `json:"issuer"`
	NotBefore time.Time `json:"not-before"`
	NotAfter  time.Time `json:"not-after"`
	// SHA256 is the fingerprint, in hex.
	SHA256 string `json:"sha256"`
	// PrivateRoot reports that the root came with the certificate. Devices may not trust it until somebody installs it.
	PrivateRoot bool `json:"private-root"`
}

// Info describes the certificate.
func (c *Certificate) Info() Info {
	leaf := c.chain[0]
	sum := sha256.Sum256(leaf.Raw)
	info := Info{Subject: leaf.Subject.String(), Issuer: leaf.Issuer.String(), NotBefore: leaf.NotBefore.UTC(), NotAfter: c.expiry().UTC(),
		SHA256: hex.EncodeToString(sum[:]), Names: append([]string{}, leaf.DNSNames...), PrivateRoot: c.root() != nil}
	for _, ip := range leaf.IPAddresses {
		info.Names = append(info.Names, ip.String())
	}
	return info
}

// DaysLeft returns the number of whole days left at now. It is negative once the certificate has expired.
func (i Info) DaysLeft(now time.Time) int {
	left := i.NotAfter.Sub(now)
	days := int(left / (24 * time.Hour))
	if left < 0 {
		days--
	}
	return days
}

// expiry returns the time when the first certificate of the chain expires: from then on, devices refuse the whole chain.
func (c *Certificate) expiry() time.Time {
	first := c.chain[0].NotAfter
	for _, cert := range c.chain[1:] {
		if cert.NotAfter.Before(first) {
			first = cert.NotAfter
		}
	}
	return first
}

// Unused returns the names of the given certificates that are not part of the chain.
func (c *Certificate) Unused() []string { return c.unused }

// root returns the end of the chain if it signed itself.
func (c *Certificate) root() *x509.Certificate {
	if last := c.chain[len(c.chain)-1]; selfIssued(last) {
		return last
	}
	return nil
}

// RootPEM returns the root that devices must trust, if it was given; else it is empty.
func (c *Certificate) RootPEM() []byte {
	root := c.root()
	if root == nil {
		return nil
	}
	return encode(root)
}

// ChainPEM returns the chain, the server's own certificate first.
func (c *Certificate) ChainPEM() []byte { return encode(c.chain...) }

// KeyPEM returns the private key, as PKCS #8.
func (c *Certificate) KeyPEM() ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(c.key)
	if err != nil {
		return nil, fmt.Errorf("encode the private key: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: typeKey, Bytes: der}), nil
}

func encode(certs ...*x509.Certificate) []byte {
	var b bytes.Buffer
	for _, c := range certs {
		b.Write(pem.EncodeToMemory(&pem.Block{Type: typeCertificate, Bytes: c.Raw}))
	}
	return b.Bytes()
}

// tls returns the certificate as a server presents it. It leaves out the root: a client without the root won't trust it anyway.
func (c *Certificate) tls() *tls.Certificate {
	t := &tls.Certificate{PrivateKey: c.key, Leaf: c.chain[0]}
	for i, cert := range c.chain {
		if i == 0 || !selfIssued(cert) {
			t.Certificate = append(t.Certificate, cert.Raw)
		}
	}
	return t
}

func selfIssued(c *x509.Certificate) bool {
	return bytes.Equal(c.RawIssuer, c.RawSubject) && c.CheckSignature(c.SignatureAlgorithm, c.RawTBSCertificate, c.Signature) == nil
}
