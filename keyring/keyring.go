// Package keyring keeps the private keys that bundles are signed with.
package keyring

import (
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"offlinestore/blob"
)

// MaxKeySize bounds a file that holds a key.
const MaxKeySize = 64 << 10

// maxSequence bounds a file that holds a number.
const maxSequence = 64

// keySuffix ends the file of a key.
const keySuffix = ".pem"

// Ring is a folder of keys: NAME.pem, PKCS #8, mode 0600, or NAME.pkcs11 for a key on a token, and NAME.sequence, which counts the bundles of
// the key.
type Ring struct{ dir string }

// Open returns the ring in a folder, which need not exist yet.
func Open(dir string) *Ring { return &Ring{dir} }

var validName = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,63}$`)

// ValidateName validates the name of a key. The error is a *[NameError].
func ValidateName(name string) error {
	if !validName.MatchString(name) {
		return &NameError{name}
	}
	return nil
}

func (r *Ring) path(name string) (string, error) {
	return filepath.Join(r.dir, name+keySuffix), ValidateName(name)
}

// Generate makes an Ed25519 key and saves it. It never replaces a key.
func (r *Ring) Generate(name string) (crypto.Signer, error) {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("generate key: %w", err)
	}
	return key, r.Save(name, key)
}

// Save writes a key. It never replaces one: the error is then an *[ExistsError].
func (r *Ring) Save(name string, key crypto.Signer) error {
	path, err := r.path(name)
	if err != nil {
		return err
	}
	if blob.IsDevice(name) { // a key may move to another computer
		return &NameError{name}
	}
	if err := r.CheckFree(name); err != nil {
		return err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return fmt.Errorf("encode key: %w", err)
	}
	text := pem.EncodeToMemory(&pem.Block{Type: pemType, Bytes: der})
	if err := writePrivate(path, text, blob.WriteOptions{NoReplace: true}); err != nil {
		if errors.Is(err, fs.ErrExist) {
			return &ExistsError{name, path}
		}
		return fmt.Errorf("save key %s: %w", name, err)
	}
	return nil
}

// Load reads a key. It returns a *[MissingError] if there is none, an *[OnTokenError] if it is on a token, and a *[PermissionError] if
// others can read the file.
func (r *Ring) Load(name string) (crypto.Signer, error) {
	path, err := r.path(name)
	if err != nil {
		return nil, err
	}
	text, err := ReadPrivate(path, MaxKeySize)
	if errors.Is(err, fs.ErrNotExist) {
		if err := r.onToken(name); err != nil {
			return nil, err
		}
		return nil, fmt.Errorf("load key: %w", &MissingError{name, err})
	}
	if err != nil {
		return nil, fmt.Errorf("load key %s: %w", name, err)
	}
	key, err := ParsePrivateKey(text)
	if err != nil {
		return nil, fmt.Errorf("load key %s: %w", name, err)
	}
	return key, nil
}

// Exposed reports whether others may read a key, as the function of that name does.
func (r *Ring) Exposed(name string) (path string, exposed bool) {
	path, err := r.path(name)
	return path, err == nil && Exposed(path)
}

// Names returns the names of the keys, sorted.
func (r *Ring) Names() ([]string, error) {
	entries, err := os.ReadDir(r.dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("list keys: %w", err)
	}
	var names []string
	for _, e := range entries {
		for _, suffix := range []string{keySuffix, tokenSuffix} {
			if name, ok := strings.CutSuffix(e.Name(), suffix); ok && ValidateName(name) == nil {
				names = append(names, name)
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

// NextSequence counts one more bundle of the key and returns the count. No two callers get the same number, even concurrently.
func (r *Ring) NextSequence(ctx context.Context, name string) (n uint64, err error) {
	path := filepath.Join(r.dir, name+".sequence")
	unlock, err := blob.Lock(ctx, path+".lock")
	if err != nil {
		return 0, fmt.Errorf("count bundles: %w", err)
	}
	defer func() { err = errors.Join(err, unlock()) }()
	text, err := blob.ReadFile(path, maxSequence)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return 0, fmt.Errorf("count bundles: %w", err)
	}
	if err == nil {
		if n, err = strconv.ParseUint(strings.TrimSpace(string(text)), 10, 63); err != nil {
			return 0, fmt.Errorf("count bundles: %s: %w", path, err)
		}
	}
	n++
	if err := blob.WriteFile(path, fmt.Appendln(nil, n), blob.WriteOptions{Mode: 0o600}); err != nil {
		return 0, fmt.Errorf("count bundles: %w", err)
	}
	return n, nil
}
