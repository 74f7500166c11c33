package main

import (
	"context"
	"crypto"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"time"

	"offlinestore/cmd/internal/cli"
	"offlinestore/hsm"
	"offlinestore/keyring"
)

// signingKey loads the key of a name, or finds the one of a URI on its token. On the first export it makes the default key and prints how to
// make it trusted.
func signingKey(ctx context.Context, name string) (crypto.Signer, *keyring.Ring, error) {
	k, err := openKeyring()
	if err != nil {
		return nil, nil, err
	}
	if hsm.IsURI(name) {
		u, err := parseTokenURI(name)
		if err != nil {
			return nil, nil, err
		}
		key, err := tokenKey(ctx, u)
		if err != nil {
			return nil, nil, err
		}
		return key.With(ctx), k, nil
	}
	names, err := k.Names()
	if err != nil {
		return nil, nil, err
	}
	if slices.Contains(names, name) || name != defaultKey {
		key, err := loadKey(ctx, k, name)
		if err == nil {
			warnOfReaders(k, name)
		}
		return key, k, err
	}
	key, err := k.Generate(name)
	if errors.Is(err, fs.ErrExist) { // another export made it first
		key, err := k.Load(name)
		return key, k, err
	}
	if err != nil {
		return nil, nil, err
	}
	fmt.Fprintf(os.Stderr, "Made a key to sign bundles with.\n%s", trustAdvice(name))
	warnOfReaders(k, name)
	return key, k, nil
}

// warnOfReaders warns of a key that other users of the computer may read.
func warnOfReaders(k *keyring.Ring, name string) {
	if path, exposed := k.Exposed(name); exposed {
		fmt.Fprintf(os.Stderr, "Warning: other users of this computer may read the key in %s, and sign with it: keep it in your profile, or take their rights away with 'icacls'\n", path)
	}
}

// maxEpoch is the last second of the year 9999: RFC 3339 has four digits for a year.
const maxEpoch = 253402300799

// now returns the signing time of bundles. SOURCE_DATE_EPOCH fixes it, for reproducible bundles.
func now() (t time.Time, fixed bool, err error) {
	epoch := os.Getenv("SOURCE_DATE_EPOCH")
	if epoch == "" {
		return time.Now().UTC().Truncate(time.Second), false, nil
	}
	n, err := strconv.ParseInt(epoch, 10, 64)
	if err != nil || n < 0 || n > maxEpoch {
		return t, false, cli.Usagef("SOURCE_DATE_EPOCH %q: want seconds since 1970, up to the end of the year 9999", epoch)
	}
	return time.Unix(n, 0).UTC(), true, nil
}
