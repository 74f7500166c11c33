//go:build cgo

package hsm

import (
	"context"
	"crypto"
	"crypto/rsa"
	"errors"
	"fmt"

	"github.com/miekg/pkcs11"
)

// prefixes are the DER of DigestInfo before the digest (RFC 8017, 9.2, note 1).
var prefixes = map[crypto.Hash][]byte{
	crypto.SHA256: {0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20},
	crypto.SHA384: {0x30, 0x41, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x02, 0x05, 0x00, 0x04, 0x30},
	crypto.SHA512: {0x30, 0x51, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x03, 0x05, 0x00, 0x04, 0x40},
}

// SignContext signs a digest with RSASSA-PKCS1-v1_5. It returns ErrBusy when ctx ends before the token has signed, and then nobody gets the
// signature. It verifies the signature first: a wrong one could reveal the key.
func (k *Key) SignContext(ctx context.Context, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	prefix, ok := prefixes[opts.HashFunc()]
	if _, pss := opts.(*rsa.PSSOptions); pss || !ok || len(digest) != opts.HashFunc().Size() {
		return nil, errors.New("keys on tokens sign with PKCS #1 v1.5 and SHA-256, SHA-384 or SHA-512")
	}
	input := append(append([]byte(nil), prefix...), digest...)
	var sig []byte
	err := k.token.do(ctx, func(c *call) error {
		h, err := c.private(k)
		if err != nil {
			return err
		}
		if err := c.ctx.SignInit(c.session, []*pkcs11.Mechanism{pkcs11.NewMechanism(pkcs11.CKM_RSA_PKCS, nil)}, h); err != nil {
			return fmt.Errorf("sign: %w", err)
		}
		if sig, err = c.ctx.Sign(c.session, input); err != nil {
			return fmt.Errorf("sign: %w", err)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if err := rsa.VerifyPKCS1v15(k.public, opts.HashFunc(), digest, sig); err != nil {
		return nil, fmt.Errorf("the token made a wrong signature: %w", err)
	}
	return sig, nil
}

// private finds the handle of a private key by its modulus, so that a key that was deleted and made again under its name is another one.
func (c *call) private(k *Key) (pkcs11.ObjectHandle, error) {
	template := []*pkcs11.Attribute{
		pkcs11.NewAttribute(pkcs11.CKA_CLASS, pkcs11.CKO_PRIVATE_KEY),
		pkcs11.NewAttribute(pkcs11.CKA_MODULUS, k.public.N.Bytes()),
	}
	if len(k.CKAID) > 0 {
		template = append(template, pkcs11.NewAttribute(pkcs11.CKA_ID, k.CKAID))
	}
	handles, err := c.objects(template)
	if err != nil {
		return 0, err
	}
	if len(handles) == 0 {
		return 0, fmt.Errorf("%w: %s", errUnseen, k.Label)
	}
	return handles[0], nil
}
