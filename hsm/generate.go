//go:build cgo

package hsm

import (
	"context"
	"crypto/rand"
	"fmt"
	"regexp"

	"github.com/miekg/pkcs11"
)

var label = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

// idSize is the length of the CKA_ID of a new key, in bytes.
const idSize = 16

// Generate makes a key on the token. The private key cannot be read from there: it is sensitive and not extractable. bits is DefaultBits or
// SmallBits. A token may take minutes. If ctx ends before, Generate returns ErrBusy, and the key may be there later.
func (t *Token) Generate(ctx context.Context, name string, bits int) (*Key, error) {
	if !label.MatchString(name) {
		return nil, fmt.Errorf("%w: %.80q", ErrName, name)
	}
	if bits != DefaultBits && bits != SmallBits {
		return nil, fmt.Errorf("a key of %d bits: want %d or %d", bits, DefaultBits, SmallBits)
	}
	id := make([]byte, idSize)
	rand.Read(id) // never fails
	var key *Key
	err := t.do(ctx, func(c *call) error {
		keys, err := c.keys()
		if err != nil {
			return err
		}
		for _, k := range keys {
			if k.Label == name {
				return fmt.Errorf("%w: %s", ErrKeyExists, name)
			}
		}
		mechanism := []*pkcs11.Mechanism{pkcs11.NewMechanism(pkcs11.CKM_RSA_PKCS_KEY_PAIR_GEN, nil)}
		_, private, err := c.ctx.GenerateKeyPair(c.session, mechanism, publicTemplate(name, id, bits), privateTemplate(name, id))
		if err != nil {
			return fmt.Errorf("make a key of %d bits: %w", bits, err)
		}
		key, err = c.key(private)
		return err
	})
	if err != nil { // the call may still run
		return nil, err
	}
	return key, nil
}

func publicTemplate(name string, id []byte, bits int) []*pkcs11.Attribute {
	return []*pkcs11.Attribute{
		pkcs11.NewAttribute(pkcs11.CKA_TOKEN, true), pkcs11.NewAttribute(pkcs11.CKA_PRIVATE, false),
		pkcs11.NewAttribute(pkcs11.CKA_LABEL, name), pkcs11.NewAttribute(pkcs11.CKA_ID, id),
		pkcs11.NewAttribute(pkcs11.CKA_VERIFY, true), pkcs11.NewAttribute(pkcs11.CKA_ENCRYPT, false), pkcs11.NewAttribute(pkcs11.CKA_WRAP, false),
		pkcs11.NewAttribute(pkcs11.CKA_MODULUS_BITS, bits), pkcs11.NewAttribute(pkcs11.CKA_PUBLIC_EXPONENT, []byte{1, 0, 1}),
	}
}

func privateTemplate(name string, id []byte) []*pkcs11.Attribute {
	return []*pkcs11.Attribute{
		pkcs11.NewAttribute(pkcs11.CKA_TOKEN, true), pkcs11.NewAttribute(pkcs11.CKA_PRIVATE, true),
		pkcs11.NewAttribute(pkcs11.CKA_SENSITIVE, true), pkcs11.NewAttribute(pkcs11.CKA_EXTRACTABLE, false),
		pkcs11.NewAttribute(pkcs11.CKA_LABEL, name), pkcs11.NewAttribute(pkcs11.CKA_ID, id),
		pkcs11.NewAttribute(pkcs11.CKA_SIGN, true), pkcs11.NewAttribute(pkcs11.CKA_DECRYPT, false), pkcs11.NewAttribute(pkcs11.CKA_UNWRAP, false),
	}
}

// Delete deletes a key and its public half.
func (t *Token) Delete(ctx context.Context, k *Key) error {
	return t.do(ctx, func(c *call) error {
		private, err := c.private(k)
		if err != nil {
			return err
		}
		public, err := c.objects([]*pkcs11.Attribute{
			pkcs11.NewAttribute(pkcs11.CKA_CLASS, pkcs11.CKO_PUBLIC_KEY),
			pkcs11.NewAttribute(pkcs11.CKA_MODULUS, k.public.N.Bytes()),
		})
		if err != nil {
			return err
		}
		// The private half goes last, because a key without one is no key here. So a second Delete finds the rest of a first one.
		for _, h := range append(public, private) {
			if err := c.ctx.DestroyObject(c.session, h); err != nil {
				return fmt.Errorf("delete %s: %w", k.Label, err)
			}
		}
		return nil
	})
}
