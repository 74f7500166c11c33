//go:build cgo

package hsm

import (
	"cmp"
	"context"
	"crypto"
	"crypto/rsa"
	"errors"
	"fmt"
	"io"
	"math/big"
	"slices"
	"time"

	"github.com/miekg/pkcs11"

	"offlinestore/assertion"
)

const (
	// maxKeys bounds the keys of a token.
	maxKeys = 4096
	// signTime bounds a signature by [Key.Sign], which has no context.
	signTime = 30 * time.Second
)

// Key is an RSA key on a token. It implements [crypto.Signer].
type Key struct {
	// Label is the name that people gave to the key.
	Label string
	// ID is the SHA3-384 by which assertions name the key, and CKAID the ID that the token has for it.
	ID    string
	CKAID []byte

	token  *Token
	public *rsa.PublicKey
}

// Public implements [crypto.Signer]. It returns an *rsa.PublicKey.
func (k *Key) Public() crypto.PublicKey { return k.public }

// URI returns the URI of the key, without a PIN.
func (k *Key) URI() URI {
	u := k.token.options.Token.tokenOnly()
	u.Object, u.ID, u.Type = k.Label, k.CKAID, "private"
	return u
}

// Keys lists the RSA keys of the token that can sign, sorted by label.
func (t *Token) Keys(ctx context.Context) ([]*Key, error) {
	var keys []*Key
	err := t.do(ctx, func(c *call) (err error) {
		keys, err = c.keys()
		return err
	})
	if err != nil { // the call may still run
		return nil, err
	}
	slices.SortFunc(keys, func(a, b *Key) int { return cmp.Or(cmp.Compare(a.Label, b.Label), cmp.Compare(a.ID, b.ID)) })
	return keys, nil
}

// Find returns the key with a label or with the SHA3-384 of an account-key.
func (t *Token) Find(ctx context.Context, name string) (*Key, error) {
	return t.find(ctx, name, func(k *Key) bool { return k.Label == name || k.ID == name })
}

// FindURI returns the key that a URI names by its object, its id, or both.
func (t *Token) FindURI(ctx context.Context, u URI) (*Key, error) {
	if u.Object == "" && len(u.ID) == 0 {
		return nil, fmt.Errorf("%w: %s names no key: add object= or id=", ErrURI, u)
	}
	return t.find(ctx, u.String(), func(k *Key) bool {
		return (u.Object == "" || u.Object == k.Label) && (len(u.ID) == 0 || string(u.ID) == string(k.CKAID))
	})
}

func (t *Token) find(ctx context.Context, name string, fits func(*Key) bool) (*Key, error) {
	keys, err := t.Keys(ctx)
	if err != nil {
		return nil, err
	}
	keys = slices.DeleteFunc(keys, func(k *Key) bool { return !fits(k) })
	switch len(keys) {
	case 0:
		return nil, fmt.Errorf("%w: %.200s", ErrNoKey, name)
	case 1:
		return keys[0], nil
	}
	return nil, fmt.Errorf("%w: %.200s: name its SHA3-384 instead", ErrKeys, name)
}

// keys reads the private keys. RSA has the public numbers in them.
func (c *call) keys() ([]*Key, error) {
	handles, err := c.objects([]*pkcs11.Attribute{
		pkcs11.NewAttribute(pkcs11.CKA_CLASS, pkcs11.CKO_PRIVATE_KEY),
		pkcs11.NewAttribute(pkcs11.CKA_KEY_TYPE, pkcs11.CKK_RSA),
	})
	if err != nil {
		return nil, err
	}
	var keys []*Key
	for _, h := range handles {
		k, err := c.key(h)
		if err != nil && isLost(err) {
			return nil, err
		}
		if err == nil {
			keys = append(keys, k)
		}
	}
	return keys, nil
}

// key describes a private key. It fails for a key that cannot sign, and for one without public numbers.
func (c *call) key(h pkcs11.ObjectHandle) (*Key, error) {
	list, err := c.ctx.GetAttributeValue(c.session, h, []*pkcs11.Attribute{
		pkcs11.NewAttribute(pkcs11.CKA_LABEL, nil), pkcs11.NewAttribute(pkcs11.CKA_ID, nil), pkcs11.NewAttribute(pkcs11.CKA_SIGN, nil),
		pkcs11.NewAttribute(pkcs11.CKA_MODULUS, nil), pkcs11.NewAttribute(pkcs11.CKA_PUBLIC_EXPONENT, nil),
	})
	if err != nil {
		return nil, err
	}
	e := new(big.Int).SetBytes(list[4].Value)
	if len(list[2].Value) != 1 || list[2].Value[0] == 0 || !e.IsInt64() || e.Int64() >= 1<<31 {
		return nil, errors.New("the key can't sign")
	}
	k := &Key{Label: string(list[0].Value), CKAID: list[1].Value, token: c.token}
	k.public = &rsa.PublicKey{N: new(big.Int).SetBytes(list[3].Value), E: int(e.Int64())}
	k.ID, err = assertion.KeyID(k.public)
	return k, err
}

// objects finds objects of the token.
func (c *call) objects(template []*pkcs11.Attribute) ([]pkcs11.ObjectHandle, error) {
	if err := c.ctx.FindObjectsInit(c.session, template); err != nil {
		return nil, fmt.Errorf("list the token's objects: %w", err)
	}
	var handles []pkcs11.ObjectHandle
	for len(handles) < maxKeys {
		more, _, err := c.ctx.FindObjects(c.session, 64)
		if err != nil {
			return nil, fmt.Errorf("list the token's objects: %w", err)
		}
		if len(more) == 0 {
			break
		}
		handles = append(handles, more...)
	}
	if err := c.ctx.FindObjectsFinal(c.session); err != nil {
		return nil, fmt.Errorf("list the token's objects: %w", err)
	}
	return handles, nil
}

// Sign implements [crypto.Signer] with RSASSA-PKCS1-v1_5. It takes 30 s at most.
func (k *Key) Sign(_ io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), signTime)
	defer cancel()
	return k.SignContext(ctx, digest, opts)
}

// With returns the key with a context that bounds each signature.
func (k *Key) With(ctx context.Context) crypto.Signer { return boundKey{k, ctx} }

type boundKey struct {
	*Key
	ctx context.Context
}

// Sign implements [crypto.Signer].
func (b boundKey) Sign(_ io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	return b.SignContext(b.ctx, digest, opts)
}
