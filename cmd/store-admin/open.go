package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"offlinestore/bundle"
	"offlinestore/cmd/internal/cli"
	"offlinestore/keyring"
)

// openVerified opens a bundle and verifies its signature with keys, or with our own keys if keys is empty. If none of our
// own keys signed the bundle, openVerified at least verifies the signature with the key in the bundle, and trusted is
// false.
func openVerified(ctx context.Context, file string, keys []bundle.PublicKey) (r *bundle.Reader, p *bundle.Predicate, k bundle.PublicKey, trusted bool, err error) {
	if file == "-" {
		r, err = bundle.NewReader("-", os.Stdin)
	} else {
		r, err = bundle.Open(file)
	}
	if err != nil {
		return nil, nil, k, false, err
	}
	explicit := len(keys) > 0
	if !explicit {
		keys = ownKeys()
	}
	p, k, err = r.Verify(ctx, keys)
	var unknown *bundle.UnknownSignerError
	if trusted = err == nil; errors.As(err, &unknown) && !explicit {
		p, k, err = r.VerifyUnsafe(ctx)
	}
	if err != nil {
		r.Close()
		return nil, nil, k, false, fmt.Errorf("%s: %w", file, err)
	}
	return r, p, k, trusted, nil
}

// ownKeys returns the public keys of this host, without keys that can't be read.
func ownKeys() []bundle.PublicKey {
	k, err := openKeyring()
	if err != nil {
		return nil
	}
	names, err := k.Names()
	if err != nil {
		return nil
	}
	var out []bundle.PublicKey
	for _, n := range names {
		if public, err := k.Public(n); err == nil {
			out = append(out, public)
		}
	}
	return out
}

// readKeys reads the files of --trusted-key.
func readKeys(files []string) ([]bundle.PublicKey, error) {
	var out []bundle.PublicKey
	for _, f := range files {
		text, err := cli.ReadFile(f, keyring.MaxKeySize)
		if err != nil {
			return nil, err
		}
		k, err := bundle.ParsePublicKey(text)
		if err != nil {
			return nil, cli.Usagef("%s: %w", f, err)
		}
		out = append(out, k)
	}
	return out, nil
}
