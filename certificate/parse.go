package certificate

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// The bounds of Parse.
const (
	// MaxSize is the largest input of Parse, in bytes.
	MaxSize         = 1 << 20
	maxCertificates = 32
	minRSA          = 2048
)

// The types of useful PEM blocks.
const (
	typeCertificate = "CERTIFICATE"
	typeKey         = "PRIVATE KEY"
)

// The reasons to refuse a certificate.
var (
	// ErrNoCertificate means that the input holds no certificate.
	ErrNoCertificate = errors.New("there is no certificate in it")
	// ErrNoKey means that the input holds no private key.
	ErrNoKey = errors.New("there is no private key in it")
	// ErrEncrypted means that the private key is protected by a passphrase.
	ErrEncrypted = errors.New("the private key is encrypted")
	// ErrMismatch means that no certificate belongs to the private key.
	ErrMismatch = errors.New("the private key belongs to none of the certificates")
	// ErrNotPEM means that the input is not PEM, or only in part.
	ErrNotPEM = errors.New("not PEM")
)

// Parse reads one private key, its certificate and the certificates of its issuers, as PEM, in any order. It ignores text between
// the blocks.
func Parse(text []byte) (*Certificate, error) {
	certs, keys, err := parseBlocks(text)
	switch {
	case err != nil:
		return nil, fmt.Errorf("read certificate: %w", err)
	case len(certs) == 0:
		return nil, fmt.Errorf("read certificate: %w", ErrNoCertificate)
	case len(keys) == 0:
		return nil, fmt.Errorf("read certificate: %w", ErrNoKey)
	case len(keys) > 1:
		return nil, fmt.Errorf("read certificate: there are %d private keys in it, want one", len(keys))
	}
	c := &Certificate{key: keys[0]}
	if err := c.build(certs); err != nil {
		return nil, fmt.Errorf("read certificate: %w", err)
	}
	return c, nil
}

// ParseRoots reads one or more certificates of authorities as PEM. It accepts nothing else.
func ParseRoots(text []byte) ([]*x509.Certificate, error) {
	certs, keys, err := parseBlocks(text)
	switch {
	case err != nil:
	case len(keys) > 0:
		err = errors.New("there is a private key in it, which belongs nowhere but on its own host")
	case len(certs) == 0:
		err = ErrNoCertificate
	}
	if err != nil {
		return nil, fmt.Errorf("read certificates: %w", err)
	}
	for _, c := range certs {
		if c.BasicConstraintsValid && !c.IsCA && !selfIssued(c) {
			return nil, fmt.Errorf("read certificates: %s is not that of an authority", name(c))
		}
	}
	return certs, nil
}

// parseBlocks splits PEM into certificates and keys. pem.Decode skips unreadable blocks, so parseBlocks counts the beginnings of
// blocks too.
func parseBlocks(text []byte) (certs []*x509.Certificate, keys []crypto.Signer, err error) {
	if len(text) > MaxSize {
		return nil, nil, fmt.Errorf("larger than %d bytes", MaxSize)
	}
	begun := bytes.Count(text, []byte("-----BEGIN "))
	if begun == 0 {
		return nil, nil, ErrNotPEM
	}
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		begun--
		switch {
		case block.Type == "EC PARAMETERS": // openssl writes it before a key, and the key says the same
		case block.Type == "ENCRYPTED PRIVATE KEY", strings.Contains(block.Headers["Proc-Type"], "ENCRYPTED"):
			return nil, nil, ErrEncrypted
		case block.Type == typeCertificate:
			if certs, err = appendCertificate(certs, block.Bytes); err != nil {
				return nil, nil, err
			}
		case strings.HasSuffix(block.Type, typeKey):
			key, err := parseKey(block)
			if err != nil {
				return nil, nil, err
			}
			keys = append(keys, key)
		default:
			return nil, nil, fmt.Errorf("a block of type %.40q is of no use", block.Type)
		}
	}
	if begun != 0 {
		return nil, nil, fmt.Errorf("%w: a block is cut short or altered", ErrNotPEM)
	}
	return certs, keys, nil
}

// appendCertificate adds a certificate, unless the list has it already.
func appendCertificate(certs []*x509.Certificate, der []byte) ([]*x509.Certificate, error) {
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	if slices.ContainsFunc(certs, cert.Equal) {
		return certs, nil
	}
	if len(certs) == maxCertificates {
		return nil, fmt.Errorf("more than %d certificates", maxCertificates)
	}
	return append(certs, cert), nil
}

func parseKey(block *pem.Block) (crypto.Signer, error) {
	var key any
	var err error
	switch block.Type {
	case typeKey:
		key, err = x509.ParsePKCS8PrivateKey(block.Bytes)
	case "RSA PRIVATE KEY":
		key, err = x509.ParsePKCS1PrivateKey(block.Bytes)
	case "EC PRIVATE KEY":
		key, err = x509.ParseECPrivateKey(block.Bytes)
	default:
		return nil, fmt.Errorf("a private key of type %.40q can't be used for TLS", block.Type)
	}
	if err != nil {
		// The parser's error may quote the key.
		return nil, errors.New("the private key can't be read")
	}
	if k, ok := key.(*rsa.PrivateKey); ok && k.N.BitLen() < minRSA {
		return nil, fmt.Errorf("an RSA key of %d bits is too weak: want %d or more", k.N.BitLen(), minRSA)
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		return nil, errors.New("the private key can't sign")
	}
	return signer, nil
}

// build finds the certificate of the key, and orders the chain above it.
func (c *Certificate) build(certs []*x509.Certificate) error {
	public, ok := c.key.Public().(interface{ Equal(crypto.PublicKey) bool })
	if !ok {
		return ErrMismatch
	}
	for i, cert := range certs {
		if !public.Equal(cert.PublicKey) {
			continue
		}
		if c.chain != nil {
			return fmt.Errorf("two certificates are for this private key, want one: %s and %s", name(c.chain[0]), name(cert))
		}
		c.chain = []*x509.Certificate{certs[i]}
	}
	if c.chain == nil {
		return ErrMismatch
	}
	certs = slices.DeleteFunc(slices.Clone(certs), c.chain[0].Equal)
	for last := c.chain[0]; !selfIssued(last); last = c.chain[len(c.chain)-1] {
		i := slices.IndexFunc(certs, func(up *x509.Certificate) bool { return issued(up, last) })
		if i < 0 {
			break
		}
		c.chain = append(c.chain, certs[i])
		certs = slices.Delete(certs, i, i+1)
	}
	for _, cert := range certs {
		c.unused = append(c.unused, name(cert))
	}
	return nil
}

func issued(up, cert *x509.Certificate) bool {
	return bytes.Equal(up.RawSubject, cert.RawIssuer) && cert.CheckSignatureFrom(up) == nil
}

// name returns the name of a certificate for messages.
func name(c *x509.Certificate) string {
	return fmt.Sprintf("%.100q, serial %.20x", c.Subject.String(), c.SerialNumber)
}
