package main

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
	"offlinestore/bundle"
	"offlinestore/cmd/internal/cli"
)

// defaultKey is the name of the key that exports sign with.
const defaultKey = "default"

// maxKeySize bounds the files that are read as keys.
const maxKeySize = 64 << 10

var validKeyName = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,63}$`)

// keyring is the folder of the keys that bundles are signed with: NAME.pem, PKCS #8, mode 0600, and NAME.sequence, which
// counts the bundles.
type keyring struct{ dir string }

// openKeyring is the user's: $STORE_ADMIN_CONFIG_DIR, else the snap's, else that of the desktop standard.
func openKeyring() (*keyring, error) {
	for _, name := range []string{"STORE_ADMIN_CONFIG_DIR", "SNAP_USER_COMMON"} {
		if dir := os.Getenv(name); dir != "" {
			return &keyring{filepath.Join(dir, "keys")}, nil
		}
	}
	dir, err := os.UserConfigDir()
	if err != nil {
		return nil, fmt.Errorf("find the folder for keys: %w (or set STORE_ADMIN_CONFIG_DIR)", err)
	}
	return &keyring{filepath.Join(dir, "store-admin", "keys")}, nil
}

func badKeyName(name string) error {
	return cli.Usagef("key name %.80q: want up to 64 lower-case letters, digits, dots, dashes", name)
}

func (k *keyring) path(name string) (string, error) {
	if !validKeyName.MatchString(name) {
		return "", badKeyName(name)
	}
	return filepath.Join(k.dir, name+".pem"), nil
}

// generate makes an Ed25519 key. It never replaces one.
func (k *keyring) generate(name string) (crypto.Signer, error) {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("generate key: %w", err)
	}
	return key, k.save(name, key)
}

func (k *keyring) save(name string, key crypto.Signer) error {
	path, err := k.path(name)
	if err != nil {
		return err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return fmt.Errorf("encode key: %w", err)
	}
	if err := blob.MakeDir(k.dir, 0o700); err != nil {
		return fmt.Errorf("save key %s: %w", name, err)
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	if err := blob.WriteFile(path, text, blob.WriteOptions{Mode: 0o600, NoReplace: true}); err != nil {
		if errors.Is(err, fs.ErrExist) {
			return fmt.Errorf("key %s is there already (%s): %w", name, path, fs.ErrExist)
		}
		return fmt.Errorf("save key %s: %w", name, err)
	}
	return nil
}

// load reads a key. It refuses one that others can read.
func (k *keyring) load(name string) (crypto.Signer, error) {
	path, err := k.path(name)
	if err != nil {
		return nil, err
	}
	text, err := blob.ReadFile(path, maxKeySize)
	if err != nil {
		return nil, fmt.Errorf("load key %s: %w", name, err)
	}
	if info, err := os.Stat(path); err == nil && !privateEnough(info) {
		return nil, fmt.Errorf("load key %s: others can read %s; make it private again: chmod 600 %[2]s", name, path)
	}
	key, err := parsePrivateKey(text)
	if err != nil {
		return nil, fmt.Errorf("load key %s: %w", name, err)
	}
	return key, nil
}

// parsePrivateKey reads a PKCS #8 key of a kind that bundles may be signed with.
func parsePrivateKey(text []byte) (crypto.Signer, error) {
	block, rest := pem.Decode(text)
	switch {
	case block == nil:
		return nil, errors.New("no PEM block in it")
	case block.Type == "ENCRYPTED PRIVATE KEY":
		return nil, errors.New("the key is encrypted: decrypt it first, for example with 'openssl pkcs8'")
	case block.Type != "PRIVATE KEY":
		return nil, fmt.Errorf("a PEM block of type %.40q, want PRIVATE KEY (PKCS #8): convert it with 'openssl pkcs8 -topk8 -nocrypt'", block.Type)
	}
	if strings.TrimSpace(string(rest)) != "" {
		return nil, errors.New("something follows the key")
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("parse key: %w", err)
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("a key of type %T can't sign", key)
	}
	if _, err := bundle.NewPublicKey(signer.Public()); err != nil {
		return nil, err
	}
	return signer, nil
}

// names lists the keys, sorted.
func (k *keyring) names() ([]string, error) {
	entries, err := os.ReadDir(k.dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("list keys: %w", err)
	}
	var names []string
	for _, e := range entries {
		if name, ok := strings.CutSuffix(e.Name(), ".pem"); ok && validKeyName.MatchString(name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names, nil
}

// nextSequence counts one more bundle of the key. No two exports get the same number, not even at once.
func (k *keyring) nextSequence(ctx context.Context, name string) (n uint64, err error) {
	path := filepath.Join(k.dir, name+".sequence")
	unlock, err := blob.Lock(ctx, path+".lock")
	if err != nil {
		return 0, fmt.Errorf("count bundles: %w", err)
	}
	defer func() { err = errors.Join(err, unlock()) }()
	text, err := blob.ReadFile(path, 64)
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
