//go:build cgo

package hsm

import "testing"

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
