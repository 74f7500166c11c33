package keyring

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"offlinestore/blob"
	"offlinestore/bundle"
)

// tokenSuffix ends the file of a key on a token. Its first line is the URI of the key, and its public half follows as PEM.
const tokenSuffix = ".pkcs11"

// OnTokenError reports that the private key is on a PKCS#11 token, under a URI.
type OnTokenError struct {
	Name, URI string
	// Public is the public half.
	Public bundle.PublicKey
}

func (e *OnTokenError) Error() string { return fmt.Sprintf("key %s is on a token: %s", e.Name, e.URI) }

// SaveToken notes that a key is on a token. The URI must contain no PIN. Like Save, SaveToken never replaces a key.
func (r *Ring) SaveToken(name, uri string, public bundle.PublicKey) error {
	path, err := r.path(name)
	if err != nil {
		return err
	}
	if blob.IsDevice(name) {
		return &NameError{name}
	}
	if err := r.CheckFree(name); err != nil {
		return err
	}
	path = strings.TrimSuffix(path, keySuffix) + tokenSuffix
	if err := writePrivate(path, append([]byte(uri+"\n"), public.PEM()...), blob.WriteOptions{NoReplace: true}); err != nil {
		return fmt.Errorf("save key %s: %w", name, err)
	}
	return nil
}

// CheckFree fails with an *[ExistsError] if there is a key of that name in a file or on a token.
func (r *Ring) CheckFree(name string) error {
	if err := ValidateName(name); err != nil {
		return err
	}
	for _, suffix := range []string{keySuffix, tokenSuffix} {
		path := filepath.Join(r.dir, name+suffix)
		switch _, err := os.Lstat(path); {
		case err == nil:
			return &ExistsError{name, path}
		case !errors.Is(err, fs.ErrNotExist):
			return fmt.Errorf("look for key %s: %w", name, err)
		}
	}
	return nil
}

// onToken returns an *[OnTokenError] if the key is on a token.
func (r *Ring) onToken(name string) error {
	text, err := ReadPrivate(filepath.Join(r.dir, name+tokenSuffix), MaxKeySize)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("load key %s: %w", name, err)
	}
	uri, pem, _ := bytes.Cut(text, []byte("\n"))
	public, err := bundle.ParsePublicKey(pem)
	if err != nil {
		return fmt.Errorf("load key %s: %w", name, err)
	}
	return &OnTokenError{name, string(uri), public}
}

// Public returns the public half of a key, wherever the private one is.
func (r *Ring) Public(name string) (bundle.PublicKey, error) {
	key, err := r.Load(name)
	var on *OnTokenError
	if errors.As(err, &on) {
		return on.Public, nil
	}
	if err != nil {
		return bundle.PublicKey{}, err
	}
	return bundle.NewPublicKey(key.Public())
}
