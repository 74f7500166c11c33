package assertion

import (
	"crypto/sha256"
	"fmt"
	"testing"
)

// TestSignatureMemory checks that the memory is bounded.
func TestSignatureMemory(t *testing.T) {
	t.Parallel()
	var m signatureMemory
	for i := range maxSignatures + 2 {
		key := sha256.Sum256(fmt.Append(nil, i))
		if m.has(key) {
			t.Fatalf("%d is there before it was added", i)
		}
		if m.add(key); !m.has(key) {
			t.Fatalf("%d is not there", i)
		}
		if len(m.good) > maxSignatures {
			t.Fatalf("%d signatures", len(m.good))
		}
	}
}
