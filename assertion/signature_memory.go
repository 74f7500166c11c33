package assertion

import (
	"crypto/sha256"
	"sync"
)

// maxSignatures bounds a signatureMemory, which takes about 4 MiB then.
const maxSignatures = 1 << 16

// signatureMemory remembers good signatures. Many bundles share their accounts and keys, and a push reads each bundle twice. A signature of
// a large key takes more time than everything else about a small assertion. Several goroutines may use a signatureMemory at once.
type signatureMemory struct {
	mu   sync.Mutex
	good map[[sha256.Size]byte]struct{}
}

// signatureKey returns the digest of an assertion with the key that signed it. Both have their digests in it, so that no bytes can move from
// one to the other.
func signatureKey(a, key *Assertion) [sha256.Size]byte {
	first, second := sha256.Sum256(key.raw), sha256.Sum256(a.raw)
	return sha256.Sum256(append(first[:], second[:]...))
}

func (m *signatureMemory) has(key [sha256.Size]byte) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	_, ok := m.good[key]
	return ok
}

func (m *signatureMemory) add(key [sha256.Size]byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.good == nil || len(m.good) >= maxSignatures {
		m.good = make(map[[sha256.Size]byte]struct{})
	}
	m.good[key] = struct{}{}
}

// verifySignature verifies the signature of an assertion, unless it was found good before. It remembers good ones only.
func (t *Trust) verifySignature(a, key *Assertion) error {
	if t.signatures == nil {
		return verifySignature(a, key)
	}
	k := signatureKey(a, key)
	if t.signatures.has(k) {
		return nil
	}
	if err := verifySignature(a, key); err != nil {
		return err
	}
	t.signatures.add(k)
	return nil
}
