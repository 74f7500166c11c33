//go:build cgo

package hsm

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/miekg/pkcs11"
)

// defaultSessions is the number of sessions of a token, if the options do not say another. Tokens have some dozens for all programs.
const defaultSessions = 4

// socketVariable is the environment variable from which p11-kit's client module takes its server.
const socketVariable = "P11_KIT_SERVER_ADDRESS"

// maxAttempts is the number of times that a call is tried. The second one opens a lost token again.
const maxAttempts = 2

// Token is an open token. It is safe for several goroutines.
type Token struct {
	options Options
	module  *module
	// slots has a place for each call at the same time.
	slots chan struct{}

	// closing is held by Close, which waits for all calls.
	closing sync.Mutex

	mu     sync.Mutex // held while the token is opened, which may take long
	closed bool
	conn   *connection // nil if the token has to be opened
	wrong  string      // the PIN that the token refused

	healthMu sync.Mutex
	health   Health
}

// connection is a token that was found and logged in to.
type connection struct {
	epoch int
	slot  uint
	free  []pkcs11.SessionHandle
	// first is the session that keeps the login. It is used for nothing else.
	first pkcs11.SessionHandle
}

// Open returns a token. It finds the token and logs in to it, so that a wrong PIN and a missing token show at once. If the token is not
// there, Open fails, and another Open may succeed later.
func Open(ctx context.Context, o Options) (*Token, error) {
	t, err := New(o)
	if err != nil {
		return nil, err
	}
	if err := t.Check(ctx); errors.Is(err, ErrBusy) {
		go t.Close() // when the token answers
		return nil, err
	} else if err != nil {
		return nil, errors.Join(err, t.Close())
	}
	return t, nil
}

// New returns a token that the first call opens. It loads the module.
func New(o Options) (*Token, error) {
	if o.Sessions <= 0 {
		o.Sessions = defaultSessions
	}
	if o.Socket != "" {
		if err := os.Setenv(socketVariable, "unix:path="+o.Socket); err != nil {
			return nil, err
		}
	}
	m, err := loadModule(o.Module)
	if err != nil {
		return nil, err
	}
	return &Token{options: o, module: m, slots: make(chan struct{}, o.Sessions)}, nil
}

// Close closes the token. It waits for the calls that run, so a caller that cannot wait ends the process instead.
func (t *Token) Close() error {
	t.closing.Lock()
	defer t.closing.Unlock()
	for range cap(t.slots) {
		t.slots <- struct{}{} // and no other call begins
	}
	defer func() {
		for range cap(t.slots) {
			<-t.slots
		}
	}()
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return nil
	}
	t.closed = true
	t.drop()
	t.module.release()
	return nil
}

// Health returns the state of the token as the last call found it. It asks nothing.
func (t *Token) Health() Health {
	t.healthMu.Lock()
	defer t.healthMu.Unlock()
	h := t.health
	h.Busy = len(t.slots)
	return h
}

// Check finds out whether the token answers.
func (t *Token) Check(ctx context.Context) error {
	_, err := t.Info(ctx)
	return err
}

// Info asks the token for its description.
func (t *Token) Info(ctx context.Context) (Info, error) {
	var info Info
	err := t.do(ctx, func(c *call) error {
		i, err := c.ctx.GetTokenInfo(c.slot)
		info = c.token.describe(i)
		return err
	})
	if err != nil { // the call may still run
		return Info{}, err
	}
	return info, nil
}

// call is the use of a session. The session belongs to the call alone.
type call struct {
	token   *Token
	ctx     *pkcs11.Ctx
	slot    uint
	session pkcs11.SessionHandle
}

// do calls f with a session. If the token was lost, it is opened again and f is called once more, so f changes nothing before it knows
// that the token is there. do returns ErrBusy when ctx ends. f then goes on, and keeps its session until its end.
func (t *Token) do(ctx context.Context, f func(*call) error) error {
	select {
	case t.slots <- struct{}{}:
	case <-ctx.Done():
		return fmt.Errorf("%w: %d calls run: %w", ErrBusy, cap(t.slots), context.Cause(ctx))
	}
	done := make(chan error, 1)
	go func() {
		defer func() { <-t.slots }()
		done <- t.attempt(f)
	}()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return fmt.Errorf("%w: %w", ErrBusy, context.Cause(ctx))
	}
}

func (t *Token) attempt(f func(*call) error) (err error) {
	for n := range maxAttempts {
		var conn *connection
		var s pkcs11.SessionHandle
		if conn, s, err = t.takeSession(); err == nil {
			err = t.module.use(conn.epoch, func(ctx *pkcs11.Ctx) error { return f(&call{t, ctx, conn.slot, s}) })
			t.giveBack(conn, s, err)
		}
		t.note(err)
		switch {
		case errors.Is(err, errUnseen):
			if n+1 == maxAttempts {
				break
			}
			if !t.module.mayLook() { // a key that is missing must not disturb the module's other tokens for each call
				return fmt.Errorf("%w: %v", ErrUnreachable, err)
			}
			t.module.restart(conn.epoch)
		case !isLost(err):
			return err
		}
	}
	if errors.Is(err, errUnseen) {
		return err
	}
	return fmt.Errorf("%w: %w", ErrUnreachable, err)
}

// note keeps the state. Errors about keys are none of the token.
func (t *Token) note(err error) {
	for _, known := range []error{ErrNoKey, ErrKeys, ErrKeyExists, ErrName} {
		if errors.Is(err, known) {
			err = nil
		}
	}
	t.healthMu.Lock()
	defer t.healthMu.Unlock()
	if (err == nil) != (t.health.Err == nil) || t.health.Since.IsZero() {
		t.health.Since = time.Now()
	}
	t.health.Err = err
}

// takeSession returns a free session, or another one. It opens the token if that is needed.
func (t *Token) takeSession() (*connection, pkcs11.SessionHandle, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return nil, 0, ErrClosed
	}
	if t.conn == nil {
		if err := t.connect(); err != nil {
			return nil, 0, err
		}
	}
	conn := t.conn
	if n := len(conn.free); n > 0 {
		s := conn.free[n-1]
		conn.free = conn.free[:n-1]
		return conn, s, nil
	}
	var s pkcs11.SessionHandle
	err := t.module.use(conn.epoch, func(ctx *pkcs11.Ctx) (err error) {
		s, err = ctx.OpenSession(conn.slot, pkcs11.CKF_SERIAL_SESSION|pkcs11.CKF_RW_SESSION)
		return err
	})
	if isLost(err) {
		t.drop()
	}
	return conn, s, err
}

// giveBack keeps a session for the next call. After an error the session may be in the middle of something, so it is closed, because tokens have
// few. If the token was lost, the whole connection is.
func (t *Token) giveBack(conn *connection, s pkcs11.SessionHandle, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err == nil && t.conn == conn {
		conn.free = append(conn.free, s)
		return
	}
	t.module.use(conn.epoch, func(ctx *pkcs11.Ctx) error { return ctx.CloseSession(s) })
	if t.conn == conn && (isLost(err) || errors.Is(err, errUnseen)) {
		t.drop()
	}
}

// drop closes the sessions. Other programs, and other tokens of the module, keep theirs.
func (t *Token) drop() {
	conn := t.conn
	if conn == nil {
		return
	}
	t.conn = nil
	t.module.use(conn.epoch, func(ctx *pkcs11.Ctx) error {
		for _, s := range append(conn.free, conn.first) {
			ctx.CloseSession(s)
		}
		return nil
	})
}

func (t *Token) describe(i pkcs11.TokenInfo) Info {
	trim := func(s string) string { return strings.TrimRight(s, " \x00") }
	return Info{Label: trim(i.Label), Manufacturer: trim(i.ManufacturerID), Model: trim(i.Model), Serial: trim(i.SerialNumber), Module: t.module.path}
}
