// Package token opens the PKCS#11 token with the keys of brands that the settings of a store name. Only programs open tokens.
package token

import (
	"cmp"
	"context"
	"crypto"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"offlinestore/hsm"
	"offlinestore/instance"
	"offlinestore/instance/settings"
	"offlinestore/registrar"
)

const (
	// tokenSocket is the socket of a p11-kit server in the data folder, as in the original.
	tokenSocket = "pkcs11"
	// clientModule is p11-kit's module that talks to such a server.
	clientModule = "p11-kit-client"
	// pinFile begins a PIN's setting that names a file.
	pinFile = "file:"
)

// Token is the token that the settings name, with the keys of brands. It is a [registrar.Token]. A module that cannot be loaded now is tried
// again by the next call, so that a store serves its devices meanwhile.
type Token struct {
	dir      instance.Dir
	settings *settings.Settings

	mu   sync.Mutex
	open *hsm.Token
	// fault is the reason why there is no open token.
	fault error
	// keys are the keys that were found, by their IDs.
	keys map[string]*hsm.Key
}

// New returns the token of a store, or nil if its settings name none. Nothing is opened.
func New(dir instance.Dir, s *settings.Settings) *Token {
	if s.Values().HSMTokenLabel == "" {
		return nil
	}
	return &Token{dir: dir, settings: s, keys: make(map[string]*hsm.Key)}
}

// options returns the way to the token. The PIN is read at each login, so that a new one counts at once.
func (t *Token) options() (hsm.Options, error) {
	v := t.settings.Values()
	u := hsm.URI{Token: v.HSMTokenLabel, SlotID: -1}
	if hsm.IsURI(v.HSMTokenLabel) {
		var err error
		if u, err = hsm.ParseURI(v.HSMTokenLabel); err != nil {
			return hsm.Options{}, err
		}
	}
	o := hsm.Options{Module: v.HSMModule, Token: u, PIN: func() (string, error) { return t.pin(u) }}
	named := cmp.Or(o.Module, u.ModulePath, u.ModuleName)
	if named == "" || strings.TrimSuffix(filepath.Base(named), ".so") == clientModule {
		socket, err := filepath.Abs(filepath.Join(string(t.dir), tokenSocket)) // p11-kit takes absolute paths only
		if err != nil {
			return o, err
		}
		if info, err := os.Stat(socket); err == nil && info.Mode()&os.ModeSocket != 0 {
			o.Socket, u.ModuleName = socket, cmp.Or(u.ModuleName, clientModule)
		}
	}
	var err error
	if o.Module == "" {
		o.Module, err = hsm.FindModule(u)
	}
	return o, err
}

func (t *Token) pin(u hsm.URI) (string, error) {
	pin := t.settings.Values().HSMTokenPIN
	if source, ok := strings.CutPrefix(pin, "pin-source="); ok {
		pin = source
	}
	switch {
	case strings.HasPrefix(pin, pinFile):
		return hsm.ReadPIN(pin)
	case pin != "":
		return pin, nil
	}
	return u.PIN()
}

// load loads the module if that is still to be done.
func (t *Token) load() (*hsm.Token, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.open != nil {
		return t.open, nil
	}
	o, err := t.options()
	if err == nil {
		t.open, err = hsm.New(o)
	}
	t.fault = err
	return t.open, tokenError(err)
}

// tokenError returns an error of package hsm in the words of package registrar.
func tokenError(err error) error {
	if err == nil {
		return nil
	}
	for _, known := range []struct{ from, to error }{
		{hsm.ErrBusy, registrar.ErrBusy}, {hsm.ErrNoKey, registrar.ErrNoKey}, {hsm.ErrKeyExists, registrar.ErrKeyExists}, {hsm.ErrName, registrar.ErrKeyName},
	} {
		if errors.Is(err, known.from) {
			return fmt.Errorf("%w: %w", known.to, err)
		}
	}
	return fmt.Errorf("%w: %w", registrar.ErrNoToken, err)
}

// Signer implements [registrar.Token].
func (t *Token) Signer(ctx context.Context, id string) (crypto.Signer, error) {
	k, err := t.key(ctx, id)
	if err != nil {
		return nil, err
	}
	return tokenSigner{t, k, ctx}, nil
}

// key returns a key. A key that was deleted meanwhile fails when it signs.
func (t *Token) key(ctx context.Context, id string) (*hsm.Key, error) {
	open, err := t.load()
	if err != nil {
		return nil, err
	}
	t.mu.Lock()
	k := t.keys[id]
	t.mu.Unlock()
	if k != nil {
		return k, nil
	}
	all, err := open.Keys(ctx)
	if err != nil {
		return nil, tokenError(err)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	clear(t.keys)
	for _, k := range all {
		t.keys[k.ID] = k
	}
	if k = t.keys[id]; k == nil {
		return nil, fmt.Errorf("%w: %.100s", registrar.ErrNoKey, id)
	}
	return k, nil
}

// forget makes the next call look for a key again.
func (t *Token) forget(k *hsm.Key) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.keys[k.ID] == k {
		delete(t.keys, k.ID)
	}
}

// Generate implements [registrar.Token].
func (t *Token) Generate(ctx context.Context, name string) (registrar.TokenKey, error) {
	open, err := t.load()
	if err != nil {
		return registrar.TokenKey{}, err
	}
	k, err := open.Generate(ctx, name, hsm.DefaultBits)
	if err != nil {
		return registrar.TokenKey{}, tokenError(err)
	}
	return registrar.TokenKey{Name: k.Label, ID: k.ID}, nil
}

// Delete implements [registrar.Token].
func (t *Token) Delete(ctx context.Context, id string) error {
	k, err := t.key(ctx, id)
	if err != nil {
		return err
	}
	t.mu.Lock()
	open := t.open
	delete(t.keys, id)
	t.mu.Unlock()
	return tokenError(open.Delete(ctx, k))
}

// Keys implements [registrar.Token].
func (t *Token) Keys(ctx context.Context) ([]registrar.TokenKey, error) {
	open, err := t.load()
	if err != nil {
		return nil, err
	}
	all, err := open.Keys(ctx)
	if err != nil {
		return nil, tokenError(err)
	}
	list := make([]registrar.TokenKey, len(all))
	for i, k := range all {
		list[i] = registrar.TokenKey{Name: k.Label, ID: k.ID}
	}
	return list, nil
}

// Check implements [registrar.Token].
func (t *Token) Check(ctx context.Context) error {
	open, err := t.load()
	if err != nil {
		return err
	}
	return tokenError(open.Check(ctx))
}

// Health implements [registrar.Token].
func (t *Token) Health() registrar.TokenHealth {
	t.mu.Lock()
	open, fault := t.open, t.fault
	t.mu.Unlock()
	if open == nil {
		return registrar.TokenHealth{Err: fault}
	}
	h := open.Health()
	return registrar.TokenHealth{Err: h.Err, Opened: h.Opened, Busy: h.Busy}
}

// tokenSigner is a key whose signatures end with a context.
type tokenSigner struct {
	token *Token
	key   *hsm.Key
	ctx   context.Context
}

// Public implements [crypto.Signer].
func (s tokenSigner) Public() crypto.PublicKey { return s.key.Public() }

// Sign implements [crypto.Signer]. It returns the errors of a [registrar.Token].
func (s tokenSigner) Sign(_ io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	sig, err := s.key.SignContext(s.ctx, digest, opts)
	if errors.Is(err, hsm.ErrNoKey) {
		s.token.forget(s.key)
	}
	return sig, tokenError(err)
}
