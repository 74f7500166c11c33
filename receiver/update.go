package receiver

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"time"

	"github.com/opencontainers/go-digest"

	"offlinestore/audit"
	"offlinestore/blob"
	"offlinestore/receipt"
)

// receiptFile is the last receipt of the receiver.
const receiptFile = "receipt"

var (
	// ErrNoKey reports a receiver whose key is not known, so that no receipt can be verified.
	ErrNoKey = errors.New("the key of the receiver is not known")
	// ErrFuture reports a receipt from the future, which would make the ones of the next time older.
	ErrFuture = errors.New("the receipt is from the future")
	// ErrOlder reports a receipt that is not newer than the one that is known.
	ErrOlder = errors.New("the receipt is not newer than the last one")
)

// key returns the public key of the receiver's store.
func (r *Receiver) key() (audit.PublicKey, error) {
	if r.Key == "" {
		return audit.PublicKey{}, fmt.Errorf("%w: %s", ErrNoKey, r.Name)
	}
	k, err := audit.ParsePublicKey([]byte(r.Key))
	if err != nil {
		return k, fmt.Errorf("the key of receiver %s: %w", r.Name, err)
	}
	return k, nil
}

// Receipt returns the last receipt and the digest of its file, or nil if there is none. Its signature is verified again.
func (r *Receiver) Receipt() (*receipt.Receipt, digest.Digest, error) {
	file, err := blob.ReadFile(filepath.Join(r.folder, receiptFile), receipt.MaxSize)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, "", nil
	}
	var found *receipt.Receipt
	if err == nil {
		found, err = r.verify(file)
	}
	if err != nil {
		return nil, "", fmt.Errorf("the last receipt of %s: %w", r.Name, err)
	}
	return found, digest.FromBytes(file), nil
}

func (r *Receiver) verify(file []byte) (*receipt.Receipt, error) {
	k, err := r.key()
	if err != nil {
		return nil, err
	}
	signed, err := receipt.Parse(file)
	if err != nil {
		return nil, err
	}
	return signed.Verify(k)
}

// maxAhead is the difference that the clocks of a site and an exporter may have.
const maxAhead = 24 * time.Hour

// Update takes a receipt. The error is ErrNoKey, ErrOlder, ErrFuture, or one of package receipt.
func (r *Receiver) Update(ctx context.Context, file []byte, now time.Time) (_ *receipt.Receipt, err error) {
	unlock, err := r.lock(ctx)
	if err != nil {
		return nil, fmt.Errorf("update receiver %s: %w", r.Name, err)
	}
	defer func() { err = errors.Join(err, unlock()) }()
	found, err := r.verify(file)
	if err != nil {
		return nil, err
	}
	if found.Created.After(now.Add(maxAhead)) {
		return nil, fmt.Errorf("%w: it is of %s", ErrFuture, found.Created)
	}
	last, known, err := r.Receipt()
	if err != nil {
		return nil, err
	}
	if last != nil && known != digest.FromBytes(file) && !found.Created.After(last.Created) {
		return nil, fmt.Errorf("%w: it is of %s, and the last one of %s", ErrOlder, found.Created, last.Created)
	}
	if err := blob.WriteFile(filepath.Join(r.folder, receiptFile), file, blob.WriteOptions{Mode: 0o600}); err != nil {
		return nil, fmt.Errorf("update receiver %s: %w", r.Name, err)
	}
	return found, nil
}
