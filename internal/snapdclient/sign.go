package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/snapcore/snapd/asserts"
)

// These are the accounts of the vectors.
const (
	rootAccount      = "driver-root"
	publisherAccount = "driver-publisher"
	brandAccount     = "driver-brand"
)

func setupSign(fs *flag.FlagSet) runner {
	dir := fs.String("dir", "", "`DIR` to write root.assert, chain.assert and others.assert to")
	return func(context.Context, []string) (any, error) {
		if *dir == "" {
			return nil, usageError("--dir is required")
		}
		return runSign(*dir)
	}
}

// signer signs the vectors. It stops at the first error and keeps it in err.
type signer struct {
	root, store, publisher, brand, device *keyring

	list chain
	err  error
}

// runSign makes a root of its own and writes assertions under it. Only snapd's code produces them.
func runSign(dir string) (any, error) {
	s, err := newSigner()
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	files := map[string]string{}
	for _, file := range []struct {
		name string
		sign func(*signer)
	}{
		{"root", (*signer).signRoot},
		{"chain", (*signer).signChain},
		{"others", (*signer).signOthers},
	} {
		s.list = nil
		file.sign(s)
		if s.err != nil {
			return nil, s.err
		}
		path := filepath.Join(dir, file.name+".assert")
		if err := s.list.write(path); err != nil {
			return nil, err
		}
		files[file.name] = path
	}
	return map[string]any{"files": files}, nil
}

func newSigner() (*signer, error) {
	s := &signer{}
	for _, k := range []struct {
		dst     **keyring
		account string
		bits    int
	}{
		{&s.root, rootAccount, signKeyBits},
		{&s.store, rootAccount, signKeyBits},
		{&s.publisher, publisherAccount, signKeyBits},
		{&s.brand, brandAccount, signKeyBits},
		{&s.device, "", deviceKeyBits},
	} {
		var err error
		if *k.dst, err = newKeyring(k.account, k.bits); err != nil {
			return nil, fmt.Errorf("make the key of %q: %w", k.account, err)
		}
	}
	return s, nil
}

func (s *signer) add(k *keyring, typ *asserts.AssertionType, headers map[string]any, body []byte) {
	if s.err != nil {
		return
	}
	var a asserts.Assertion
	if k.account == "" {
		a, s.err = asserts.SignWithoutAuthority(typ, headers, body, k.key)
	} else {
		a, s.err = k.sign(typ, headers, body)
	}
	if s.err != nil {
		s.err = fmt.Errorf("sign %s: %w", typ.Name, s.err)
		return
	}
	s.list = append(s.list, a)
}

func (s *signer) addAccount(k *keyring, account, displayName string) {
	s.add(k, asserts.AccountType, map[string]any{
		"account-id": account, "username": strings.TrimPrefix(account, "driver-"), "display-name": displayName,
		"validation": "verified", "timestamp": signTime,
	}, nil)
}

func (s *signer) addAccountKey(k, owner *keyring, name string) {
	body, err := owner.publicKey()
	if err != nil && s.err == nil {
		s.err = err
	}
	s.add(k, asserts.AccountKeyType, map[string]any{
		"account-id": owner.account, "name": name, "public-key-sha3-384": owner.id(), "since": keySince,
	}, body)
}

// signRoot writes a file for a --trusted-root option.
func (s *signer) signRoot() {
	s.addAccount(s.root, rootAccount, "Driver root")
	s.addAccountKey(s.root, s.root, "root")
}
