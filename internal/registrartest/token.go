// Package registrartest has a token of keys in memory, for tests of packages that sign with a token.
package registrartest

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"offlinestore/assertion"
	"offlinestore/registrar"
)

// generatedBits is the size of generated keys. Larger ones would take seconds.
const generatedBits = 2048

var validName = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)

// Token is a registrar.Token of keys in memory. Tests make it slow, or break it.
type Token struct {
	mu         sync.Mutex
	keys       []tokenKey
	delay      time.Duration
	broken     error
	signatures int
	held       chan struct{}
}

type tokenKey struct {
	registrar.TokenKey
	private *rsa.PrivateKey
}

// NewToken returns a Token with keys, whose names are key-1, key-2 and so on.
func NewToken(keys ...*rsa.PrivateKey) *Token {
	t := &Token{}
	for _, k := range keys {
		if _, err := t.add(fmt.Sprint("key-", len(t.keys)+1), k); err != nil {
			panic("registrartest: " + err.Error())
		}
	}
	return t
}

func (t *Token) add(name string, k *rsa.PrivateKey) (registrar.TokenKey, error) {
	id, err := assertion.KeyID(&k.PublicKey)
	key := registrar.TokenKey{Name: name, ID: id}
	t.keys = append(t.keys, tokenKey{key, k})
	return key, err
}

// Slow makes each later signature and generation take a time.
func (t *Token) Slow(delay time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.delay = delay
}

// Break lets all later calls fail, until it is called with nil.
func (t *Token) Break(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.broken = err
}

// Hold keeps signatures waiting until the returned function is called.
func (t *Token) Hold() (release func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	held := make(chan struct{})
	t.held = held
	return sync.OnceFunc(func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.held = nil
		close(held)
	})
}

// Signatures returns the number of signatures that were made.
func (t *Token) Signatures() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.signatures
}

// wait waits as the knobs want it.
func (t *Token) wait(ctx context.Context) error {
	t.mu.Lock()
	delay, held := t.delay, t.held
	t.mu.Unlock()
	if held != nil {
		select {
		case <-held:
		case <-ctx.Done():
			return registrar.ErrBusy
		}
	}
	select {
	case <-time.After(delay):
	case <-ctx.Done():
		return registrar.ErrBusy
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.broken
}

// Signer implements registrar.Token.
func (t *Token) Signer(ctx context.Context, id string) (crypto.Signer, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.broken != nil {
		return nil, t.broken
	}
	for _, k := range t.keys {
		if k.ID == id {
			return signer{t, k.private, ctx}, nil
		}
	}
	return nil, registrar.ErrNoKey
}

// Generate implements registrar.Token.
func (t *Token) Generate(ctx context.Context, name string) (registrar.TokenKey, error) {
	if !validName.MatchString(name) {
		return registrar.TokenKey{}, registrar.ErrKeyName
	}
	if err := t.wait(ctx); err != nil {
		return registrar.TokenKey{}, err
	}
	k, err := rsa.GenerateKey(rand.Reader, generatedBits)
	if err != nil {
		return registrar.TokenKey{}, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if slices.ContainsFunc(t.keys, func(k tokenKey) bool { return k.Name == name }) {
		return registrar.TokenKey{}, registrar.ErrKeyExists
	}
	return t.add(name, k)
}

// Delete implements registrar.Token.
func (t *Token) Delete(_ context.Context, id string) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.broken != nil {
		return t.broken
	}
	n := len(t.keys)
	t.keys = slices.DeleteFunc(t.keys, func(k tokenKey) bool { return k.ID == id })
	if len(t.keys) == n {
		return registrar.ErrNoKey
	}
	return nil
}

// Keys implements registrar.Token. The list is sorted by name.
func (t *Token) Keys(context.Context) (list []registrar.TokenKey, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, k := range t.keys {
		list = append(list, k.TokenKey)
	}
	slices.SortFunc(list, func(a, b registrar.TokenKey) int { return strings.Compare(a.Name, b.Name) })
	return list, t.broken
}

// Check implements registrar.Token.
func (t *Token) Check(context.Context) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.broken
}

// Health implements registrar.Token. The token was opened if it has signed something.
func (t *Token) Health() registrar.TokenHealth {
	t.mu.Lock()
	defer t.mu.Unlock()
	return registrar.TokenHealth{Err: t.broken, Opened: min(t.signatures, 1)}
}

// signer is a key of a token.
type signer struct {
	token   *Token
	private *rsa.PrivateKey
	ctx     context.Context
}

// Public implements crypto.Signer.
func (s signer) Public() crypto.PublicKey { return s.private.Public() }

// Sign implements crypto.Signer.
func (s signer) Sign(random io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	if err := s.token.wait(s.ctx); err != nil {
		return nil, err
	}
	s.token.mu.Lock()
	s.token.signatures++
	s.token.mu.Unlock()
	return s.private.Sign(random, digest, opts)
}
