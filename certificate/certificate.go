// Package certificate has the TLS certificate of a store: it reads what operators give in any order, checks it before a device has to
// find out, makes self-signed ones, and lets a server change it without dropping a connection.
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

// Certificate is a certificate with its private key, and the chain to who issued it. It is not changed once it is made.
type Certificate struct {
	chain  []*x509.Certificate // the server's own first, each signed by the next
	key    crypto.Signer
	unused []string
}

// Info is what there is to know of a certificate without its key.
type Info struct {
	// Names are the host names and addresses that it is for.
	Names     []string  `json:"names"`
	Subject   string    `json:"subject"`
	Issuer    string    `json:"issuer"`
	NotBefore time.Time `json:"not-before"`
	NotAfter  time.Time `json:"not-after"`
	// SHA256 is the fingerprint, in hex.
	SHA256 string `json:"sha256"`
	// PrivateRoot is set if the root that devices must trust came with it, so that they may not know it by themselves.
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

// DaysLeft is how many whole days are left at now; it is negative once the certificate has expired.
func (i Info) DaysLeft(now time.Time) int {
	left := i.NotAfter.Sub(now)
	days := int(left / (24 * time.Hour))
	if left < 0 {
		days--
	}
	return days
}

// expiry is when the first of the chain expires: from then on, devices refuse it all.
func (c *Certificate) expiry() time.Time {
	first := c.chain[0].NotAfter
	for _, cert := range c.chain[1:] {
		if cert.NotAfter.Before(first) {
			first = cert.NotAfter
		}
	}
	return first
}

// Unused names the certificates that were given along and are not part of the chain.
func (c *Certificate) Unused() []string { return c.unused }

// root is the end of the chain if that signed itself.
func (c *Certificate) root() *x509.Certificate {
	if last := c.chain[len(c.chain)-1]; selfIssued(last) {
		return last
	}
	return nil
}

// RootPEM is the certificate that devices must trust, if it came along; else it is empty.
func (c *Certificate) RootPEM() []byte {
	root := c.root()
	if root == nil {
		return nil
	}
	return encode(root)
}

// ChainPEM is the chain, the server's own certificate first.
func (c *Certificate) ChainPEM() []byte { return encode(c.chain...) }

// KeyPEM is the private key, as PKCS #8.
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

// tls is the certificate as a server presents it. A root is left out: who doesn't have it won't believe it.
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
