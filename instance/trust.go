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
	"offlinestore/audit"
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
	path := filepath.Join(t.signersDir(), strings.TrimPrefix(k.ID(), "sha256:")+".pem")
	return t.add(path, k.PEM(), &audit.Act{What: "trust-add", Subject: k.ID(), After: map[string]string{"algorithm": k.Algorithm()}})
}

// add writes a file and records it, unless the file is there already.
func (t Trust) add(path string, text []byte, act *audit.Act) error {
	if exists(path) {
		return writeTrust(path, text)
	}
	return t.folder().record(act, func() error { return writeTrust(path, text) })
}

// folder returns the data folder.
func (t Trust) folder() Dir { return Dir(filepath.Dir(t.dir)) }

// RemoveSigner removes the one key whose fingerprint begins with prefix. Its name stays for the history. It returns the
// fingerprint. The error may be an AmbiguousError.
func (t Trust) RemoveSigner(prefix string) (fingerprint string, err error) {
	fingerprint, err = findOne(t.signersDir(), strings.TrimPrefix(prefix, "sha256:"), ".pem")
	if err != nil {
		return "", err
	}
	path := filepath.Join(t.signersDir(), fingerprint+".pem")
	fingerprint = "sha256:" + fingerprint
	return fingerprint, t.folder().record(&audit.Act{What: "trust-remove", Subject: fingerprint}, func() error { return os.Remove(path) })
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
	return id, t.add(filepath.Join(t.rootsDir(), id+".assert"), text, &audit.Act{What: "trust-root-add", Subject: id, After: rootState(text)})
}

// rootState names the assertions of a root for the audit trail.
func rootState(text []byte) any {
	as, err := assertion.DecodeAll(text)
	if err != nil {
		return fileState(text)
	}
	var names []string
	for _, a := range as {
		names = append(names, a.Ref().Name())
	}
	return map[string]any{"assertions": names}
}

// RemoveRoot removes the one root whose ID begins with prefix, and returns its ID. The error may be an AmbiguousError.
func (t Trust) RemoveRoot(prefix string) (id string, err error) {
	if id, err = findOne(t.rootsDir(), prefix, ".assert"); err != nil {
		return "", err
	}
	path := filepath.Join(t.rootsDir(), id+".assert")
	return id, t.folder().record(&audit.Act{What: "trust-root-remove", Subject: id}, func() error { return os.Remove(path) })
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

// findOne finds the one file whose name begins with prefix, and returns its name without the ending. People copy the first digits of a
// fingerprint.
func findOne(dir, prefix, ending string) (name string, err error) {
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
	return strings.TrimSuffix(found[0], ending), nil
}
