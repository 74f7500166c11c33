package bundle

import (
	"bytes"
	"context"
	"crypto"
	"io"
)

// WriteHead writes the packed bundle without its payload, for Reseal. It is no bundle that a store accepts, unless the payload is empty.
func (s *SignedBundle) WriteHead(ctx context.Context, w io.Writer) error {
	head := *s
	head.tree.payload = nil
	return head.writeTar(ctx, w, nil, nil)
}

// Reseal signs the content of a bundle again, with another statement, which may leave out other blobs. head is the bundle, or its head. It must be one's own,
// because its signature is verified with the key inside it.
func Reseal(ctx context.Context, head []byte, p Predicate, key crypto.Signer) (*SignedBundle, error) {
	r, err := NewReader("head", bytes.NewReader(head))
	if err != nil {
		return nil, err
	}
	defer r.Close()
	r.keeps = true
	if _, _, err := r.VerifyUnsafe(ctx); err != nil {
		return nil, err
	}
	if _, err := r.Head(); err != nil {
		return nil, err
	}
	return r.content.Seal(ctx, p, key, nil)
}

// ReadPredicate returns the statement of a bundle, or of its head, which must be one's own.
func ReadPredicate(ctx context.Context, head []byte) (*Predicate, error) {
	r, err := NewReader("head", bytes.NewReader(head))
	if err != nil {
		return nil, err
	}
	defer r.Close()
	p, _, err := r.VerifyUnsafe(ctx)
	return p, err
}
