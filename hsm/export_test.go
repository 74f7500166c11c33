//go:build cgo

package hsm

import (
	"errors"
	"testing"

	"github.com/miekg/pkcs11"
)

// FreeSessions returns the number of sessions that no call uses.
func FreeSessions(t *Token) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.conn.free)
}

// Occupy begins a call that ends when the returned function is called.
func Occupy(tb testing.TB, t *Token) (release func()) {
	begun, end := make(chan struct{}), make(chan struct{})
	go t.do(tb.Context(), func(*call) error {
		close(begun)
		<-end
		return nil
	})
	<-begun
	return func() { close(end) }
}

// LookAtOnce lets missing tokens be looked for as often as somebody asks.
func LookAtOnce() { lookAgain = 0 }

// Fail makes a call that fails as if the token was lost, and checks that its sessions are closed.
func Fail(tb testing.TB, t *Token) {
	tb.Helper()
	var sessions []pkcs11.SessionHandle
	var module *pkcs11.Ctx
	err := t.do(tb.Context(), func(c *call) error {
		module, sessions = c.ctx, append(sessions, c.session)
		return pkcs11.Error(pkcs11.CKR_FUNCTION_FAILED)
	})
	if !errors.Is(err, ErrUnreachable) {
		tb.Errorf("a failed call = %v, want ErrUnreachable", err)
	}
	for _, s := range sessions {
		if _, err := module.GetSessionInfo(s); err == nil {
			tb.Errorf("session %d of a failed call is open", s)
		}
	}
}
