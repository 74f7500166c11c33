package main

import (
	"cmp"
	"context"
	"crypto"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"

	"offlinestore/bundle"
	"offlinestore/cmd/internal/cli"
	"offlinestore/hsm"
	"offlinestore/keyring"
)

// pinVariable is the environment variable of a token's PIN.
const pinVariable = "STORE_ADMIN_HSM_PIN"

const pinHelp = "The PIN of a token comes from the file that pin-source=file:… in the URI names, from\nSTORE_ADMIN_HSM_PIN, or is asked for.\n"

// errKeyOnToken reports a token that holds another key than the one that was noted.
var errKeyOnToken = errors.New("the token holds another key of that name")

// parseTokenURI parses the URI of a token or key. A PIN in it would be visible to everybody on the host.
func parseTokenURI(text string) (hsm.URI, error) {
	u, err := hsm.ParseURI(text)
	if err != nil {
		return u, cli.Usagef("%w", err)
	}
	if u.PINValue != "" {
		return u, cli.Usagef("a PIN on the command line can be seen by others: use pin-source=file:… in the URI, or %s, or type it when asked", pinVariable)
	}
	return u, nil
}

// openToken opens the token of a URI. It stays open until the program ends.
func openToken(ctx context.Context, u hsm.URI) (*hsm.Token, error) {
	module, err := hsm.FindModule(u)
	if err != nil {
		return nil, err
	}
	o := hsm.Options{Module: module, Token: u}
	if path := hsm.PINPath(u.PINSource); path != "" && othersMayRead(path) {
		fmt.Fprintf(os.Stderr, "Warning: others can read the PIN in %s; make it private: chmod 600 %[1]s\n", path)
	}
	o.PIN = func() (string, error) {
		if pin, err := u.PIN(); err != nil || u.PINSource != "" {
			return pin, err
		}
		if pin := os.Getenv(pinVariable); pin != "" || !cli.IsTerminal(os.Stdin) {
			return pin, nil
		}
		return cli.AskSecret(fmt.Sprintf("PIN of %s: ", cmp.Or(u.Token, u.Serial, "the token")))
	}
	o.TryPIN = u.PINSource == "" && os.Getenv(pinVariable) == ""
	return hsm.Open(ctx, o)
}

// othersMayRead reports whether everybody on the host may read a file. A group may, because services need it.
func othersMayRead(path string) bool {
	info, err := os.Stat(path)
	return err == nil && runtime.GOOS != "windows" && info.Mode().Perm()&0o004 != 0 || keyring.Exposed(path)
}

// tokenKey returns the key that a URI names. Its signatures end with ctx.
func tokenKey(ctx context.Context, u hsm.URI) (*hsm.Key, error) {
	if u.Object == "" && len(u.ID) == 0 {
		return nil, cli.Usagef("%s names no key: add object=NAME or id=…", u)
	}
	t, err := openToken(ctx, u)
	if err != nil {
		return nil, err
	}
	return t.FindURI(ctx, u)
}

// loadKey loads a key of the ring. A key on a token is found there.
func loadKey(ctx context.Context, k *keyring.Ring, name string) (crypto.Signer, error) {
	key, err := k.Load(name)
	var on *keyring.OnTokenError
	if !errors.As(err, &on) {
		return key, err
	}
	u, err := parseTokenURI(on.URI)
	if err != nil {
		return nil, err
	}
	found, err := tokenKey(ctx, u)
	if err != nil {
		return nil, fmt.Errorf("key %s: %w", name, err)
	}
	public, err := bundle.NewPublicKey(found.Public())
	if err == nil && public.ID() != on.Public.ID() {
		err = errKeyOnToken
	}
	if err != nil {
		return nil, fmt.Errorf("key %s: %w", name, err)
	}
	return found.With(ctx), nil
}

// publicKey returns the public half of a key of the ring, or of the key of a URI.
func publicKey(ctx context.Context, name string) (bundle.PublicKey, error) {
	if !hsm.IsURI(name) {
		k, err := openKeyring()
		if err != nil {
			return bundle.PublicKey{}, err
		}
		return k.Public(name)
	}
	u, err := parseTokenURI(name)
	if err != nil {
		return bundle.PublicKey{}, err
	}
	key, err := tokenKey(ctx, u)
	if err != nil {
		return bundle.PublicKey{}, err
	}
	return bundle.NewPublicKey(key.Public())
}

// generateOnToken makes a key on a token and notes it in the ring.
func generateOnToken(ctx context.Context, k *keyring.Ring, name, text string) (bundle.PublicKey, error) {
	u, err := parseTokenURI(text)
	if err != nil {
		return bundle.PublicKey{}, err
	}
	if err := k.CheckFree(name); err != nil {
		return bundle.PublicKey{}, err
	}
	t, err := openToken(ctx, u)
	if err != nil {
		return bundle.PublicKey{}, err
	}
	fmt.Fprintln(os.Stderr, "Generating a signing keypair on the token. This may take some time.")
	key, err := t.Generate(ctx, cmp.Or(u.Object, name), hsm.DefaultBits)
	if err != nil {
		return bundle.PublicKey{}, err
	}
	return noteKey(k, name, u, key)
}

// importFromToken notes a key that is on a token.
func importFromToken(ctx context.Context, k *keyring.Ring, name, text string) (bundle.PublicKey, error) {
	u, err := parseTokenURI(text)
	if err != nil {
		return bundle.PublicKey{}, err
	}
	if err := k.CheckFree(name); err != nil {
		return bundle.PublicKey{}, err
	}
	key, err := tokenKey(ctx, u)
	if err != nil {
		return bundle.PublicKey{}, err
	}
	return noteKey(k, name, u, key)
}

// noteKey saves the URI of a key, with the module and the source of the PIN that the operator named.
func noteKey(k *keyring.Ring, name string, u hsm.URI, key *hsm.Key) (bundle.PublicKey, error) {
	public, err := bundle.NewPublicKey(key.Public())
	if err != nil {
		return public, err
	}
	noted := key.URI()
	noted.ModulePath, noted.ModuleName, noted.PINSource = u.ModulePath, u.ModuleName, u.PINSource
	return public, k.SaveToken(name, noted.String(), public)
}

// ringName returns the name under which the bundles of a key are counted.
func ringName(key crypto.Signer, name string) (string, error) {
	if !hsm.IsURI(name) {
		return name, nil
	}
	public, err := bundle.NewPublicKey(key.Public())
	if err != nil {
		return "", err
	}
	return "pkcs11-" + strings.TrimPrefix(public.ID(), "sha256:")[:16], nil
}
