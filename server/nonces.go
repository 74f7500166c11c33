package server

import (
	"sync"
	"time"
)

// maxNonces bounds the nonces in the memory of a server.
const maxNonces = 1 << 16

// nonceMemory records nonces for one server.
type nonceMemory struct {
	now  func() time.Time
	mu   sync.Mutex
	used map[string]time.Time
}

// use returns false if the nonce was used before. It forgets a nonce early if too many others are used.
func (m *nonceMemory) use(id []byte, expires time.Time) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, used := m.used[string(id)]; used {
		return false
	}
	if m.used == nil || len(m.used) >= maxNonces {
		m.forget()
	}
	m.used[string(id)] = expires
	return true
}

// forget makes room for other nonces.
func (m *nonceMemory) forget() {
	left := make(map[string]time.Time)
	for id, expires := range m.used {
		if len(left) < maxNonces/2 && m.now().Before(expires) {
			left[id] = expires
		}
	}
	m.used = left
}
