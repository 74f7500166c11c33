package backup

import (
	"errors"
	"fmt"
	"io"
	"slices"

	"filippo.io/age"
)

const (
	// MaxWork bounds the work of scrypt that a backup may ask for, as a power of two. It is the work of age's own files: a second, and
	// 256 MiB of memory.
	MaxWork = 18
	// maxAgeHeader bounds the header of a file of age, which has some hundred bytes for each recipient.
	maxAgeHeader = 256 << 10
)

// Seal encrypts the data written to it for the recipients. The key opens the result, so that a caller without the recipients'
// identities can read it back.
func Seal(w io.Writer, recipients ...age.Recipient) (sealed io.WriteCloser, key age.Identity, err error) {
	var fileKey []byte
	caught := make([]age.Recipient, len(recipients))
	for i, r := range recipients {
		caught[i] = &catcher{r, &fileKey}
	}
	if sealed, err = age.Encrypt(w, caught...); err != nil {
		return nil, nil, fmt.Errorf("encrypt the backup: %w", err)
	}
	return sealed, age.NewInjectedFileKeyIdentity(fileKey), nil
}

// catcher is a recipient that remembers the key of the file.
type catcher struct {
	age.Recipient
	fileKey *[]byte
}

// WrapWithLabels passes on the labels of the recipient, which limit the recipients beside it.
func (c *catcher) WrapWithLabels(fileKey []byte) ([]*age.Stanza, []string, error) {
	*c.fileKey = slices.Clone(fileKey)
	if r, ok := c.Recipient.(age.RecipientWithLabels); ok {
		return r.WrapWithLabels(fileKey)
	}
	s, err := c.Recipient.Wrap(fileKey)
	return s, nil, err
}

// Unlock finds the key of a backup. It leaves r at an arbitrary place. The key is an identity for Decrypt, which need not repeat
// the work of a passphrase.
func Unlock(r io.Reader, identities ...age.Identity) (age.Identity, error) {
	header, err := age.ExtractHeader(io.LimitReader(r, maxAgeHeader))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNotBackup, err)
	}
	for _, i := range identities {
		if s, ok := i.(*age.ScryptIdentity); ok {
			s.SetMaxWorkFactor(MaxWork)
		}
	}
	key, err := age.DecryptHeader(header, identities...)
	var none *age.NoIdentityMatchError
	switch {
	case errors.As(err, &none) && slices.Contains(none.StanzaTypes, "scrypt"):
		return nil, fmt.Errorf("%w: it is encrypted with a passphrase, and not with this one", ErrKey)
	case errors.As(err, &none):
		return nil, fmt.Errorf("%w: it is encrypted to a key, and not to one of these identities", ErrKey)
	case err != nil:
		return nil, fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	return age.NewInjectedFileKeyIdentity(key), nil
}

// Decrypt reads a backup with the key that Seal or Unlock returned.
func Decrypt(r io.Reader, key age.Identity) (io.Reader, error) {
	plain, err := age.Decrypt(r, key)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	return plain, nil
}
