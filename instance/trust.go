package instance

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"offlinestore/assertion"
	"offlinestore/blob"
	"offlinestore/bundle"
)

// MaxTrustFile is the largest file of a key or a root, in bytes.
const MaxTrustFile = 4 << 20

// minPrefix is the shortest beginning of a fingerprint that names a file, in digits.
const minPrefix = 6

// Trust is the folder of the keys and roots that this host trusts: signers/<fingerprint>.pem and roots/<digest>.assert.
type Trust struct{ dir string }

// Root is a further root of assertions.
type Root struct {
	// ID is the SHA-256 of its file, in hex.
	ID         string
	Assertions []*assertion.Assertion
}

// AmbiguousError means that a beginning of a fingerprint names no trusted file, or several.
type AmbiguousError struct {
	Prefix string
	Found  int
}

func (e *AmbiguousError) Error() string {
	return fmt.Sprintf("%q names %d of the trusted ones; give at least six digits, as the list shows them", e.Prefix, e.Found)
}

func (t Trust) signersDir() string { return filepath.Join(t.dir, "signers") }
func (t Trust) rootsDir() string   { return filepath.Join(t.dir, "roots") }

// Signers reads the keys whose bundles the store accepts. A file that holds no key is an error, because silence would hide a
// mistake.
func (t Trust) Signers() ([]bundle.PublicKey, error) {
	var out []bundle.PublicKey
	err := eachFile(t.signersDir(), ".pem", func(path string, text []byte) error {
		k, err := bundle.ParsePublicKey(text)
		if err != nil {
			return fmt.Errorf("trusted signer %s: %w", path, err)
		}
		out = append(out, k)
		return nil
	})
	return out, err
}

// AddSigner accepts the bundles that a key signs.
func (t Trust) AddSigner(k bundle.PublicKey) error {
	return writeTrust(filepath.Join(t.signersDir(), strings.TrimPrefix(k.ID(), "sha256:")+".pem"), k.PEM())
}

// RemoveSigner removes the one key whose fingerprint begins with prefix. Its name stays for the history. It returns the
// fingerprint. The error may be an AmbiguousError.
func (t Trust) RemoveSigner(prefix string) (fingerprint string, err error) {
	fingerprint, err = removeOne(t.signersDir(), strings.TrimPrefix(prefix, "sha256:"), ".pem")
	return "sha256:" + fingerprint, err
}

// Assertions returns the trust that assertions are verified with: Canonical's root and the further roots.
func (t Trust) Assertions() (*assertion.Trust, error) {
	trust := assertion.Canonical()
	err := t.eachRoot(func(r Root) (err error) {
		trust, err = trust.With(r.Assertions...)
		return err
	})
	return trust, err
}

// Roots reads the further roots.
func (t Trust) Roots() (list []Root, err error) {
	err = t.eachRoot(func(r Root) error {
		list = append(list, r)
		return nil
	})
	return list, err
}

func (t Trust) eachRoot(fn func(Root) error) error {
	return eachFile(t.rootsDir(), ".assert", func(path string, text []byte) error {
		as, err := assertion.DecodeAll(text)
		if err == nil {
			err = fn(Root{strings.TrimSuffix(filepath.Base(path), ".assert"), as})
		}
		if err != nil {
			return fmt.Errorf("trusted root %s: %w", path, err)
		}
		return nil
	})
}

// ParseRoot decodes the stream of a root: its account and its account-key, which sign themselves.
func ParseRoot(text []byte) ([]*assertion.Assertion, error) {
	as, err := assertion.DecodeAll(text)
	if err == nil {
		_, err = assertion.Canonical().With(as...)
	}
	return as, err
}

// AddRoot trusts a stream that ParseRoot accepts. It returns the ID of the root.
func (t Trust) AddRoot(text []byte) (id string, err error) {
	sum := sha256.Sum256(text)
	id = hex.EncodeToString(sum[:])
	return id, writeTrust(filepath.Join(t.rootsDir(), id+".assert"), text)
}

// RemoveRoot removes the one root whose ID begins with prefix, and returns its ID. The error may be an AmbiguousError.
func (t Trust) RemoveRoot(prefix string) (id string, err error) {
	return removeOne(t.rootsDir(), prefix, ".assert")
}

func eachFile(dir, ending string, fn func(path string, text []byte) error) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ending) || strings.HasPrefix(e.Name(), ".") {
			continue
		}
		path := filepath.Join(dir, e.Name())
		text, err := blob.ReadFile(path, MaxTrustFile)
		if err != nil {
			return err
		}
		if err := fn(path, text); err != nil {
			return err
		}
	}
	return nil
}

func writeTrust(path string, text []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return blob.WriteFile(path, text, blob.WriteOptions{Mode: 0o644})
}

// removeOne removes the one file whose name begins with prefix, and returns its name without the ending. People copy the first digits of a
// fingerprint.
func removeOne(dir, prefix, ending string) (name string, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	var found []string
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), prefix) && strings.HasSuffix(e.Name(), ending) {
			found = append(found, e.Name())
		}
	}
	if len(found) != 1 || len(prefix) < minPrefix {
		return "", &AmbiguousError{prefix, len(found)}
	}
	return strings.TrimSuffix(found[0], ending), os.Remove(filepath.Join(dir, found[0]))
}
