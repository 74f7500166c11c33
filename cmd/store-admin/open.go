package main

import (
	"context"
	"errors"
	"fmt"

	"offlinestore/blob"
	"offlinestore/bundle"
	"offlinestore/cmd/internal/cli"
	"offlinestore/cmd/internal/secrecy"
	"offlinestore/keyring"
)

// opening tells how bundles are opened.
type opening struct {
	// keys are the keys that must have signed, or none for our own keys.
	keys []bundle.PublicKey
	// identities are the files that open encrypted bundles.
	identities secrecy.Files
	// medium makes the system forget the files before they are read, or is nil.
	medium *blob.Medium
}

// verifiedReader is a bundle with a good signature.
type verifiedReader struct {
	*bundle.Reader
	predicate *bundle.Predicate
	key       bundle.PublicKey
	// trusted is false if only the key in the bundle has verified the signature.
	trusted bool
}

// open opens a bundle and verifies its signature. If no keys are given, and none of our own keys signed the bundle, it verifies the
// signature with the key in the bundle.
func (o *opening) open(ctx context.Context, file string) (*verifiedReader, error) {
	identities, err := o.identities.Read()
	if err != nil {
		return nil, err
	}
	in, err := bundle.OpenInput(file)
	if err != nil {
		return nil, err
	}
	in.Unlock(identities...)
	in.ReadMedium(o.medium)
	v := new(verifiedReader)
	if v.Reader, err = in.Take(); err != nil {
		return nil, err
	}
	keys := o.keys
	if len(keys) == 0 {
		keys = ownKeys()
	}
	v.predicate, v.key, err = v.Verify(ctx, keys)
	v.trusted = err == nil
	if _, unknown := errors.AsType[*bundle.UnknownSignerError](err); unknown && len(o.keys) == 0 {
		v.predicate, v.key, err = v.VerifyUnsafe(ctx)
	}
	if err != nil {
		v.Close()
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return v, nil
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
