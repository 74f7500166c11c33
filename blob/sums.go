package blob

import (
	"crypto/sha256"
	"crypto/sha3"
	"crypto/sha512"
	"encoding/hex"
	"fmt"
	"hash"

	"github.com/opencontainers/go-digest"
)

// Algorithm is a hash algorithm for blobs, or a set of several.
type Algorithm uint8

// Blobs are addressed by SHA256. Assertions about snaps hold SHA3384, and Juju asks for the SHA384 of resources.
const (
	SHA256 Algorithm = 1 << iota
	SHA384
	SHA3384

	algorithms = 3
)

// String returns the name of a single algorithm.
func (a Algorithm) String() string {
	switch a {
	case SHA256:
		return "SHA-256"
	case SHA384:
		return "SHA-384"
	case SHA3384:
		return "SHA3-384"
	}
	return fmt.Sprintf("Algorithm(%d)", uint8(a))
}

func (a Algorithm) newHash() hash.Hash {
	switch a {
	case SHA256:
		return sha256.New()
	case SHA384:
		return sha512.New384()
	default:
		return sha3.New384()
	}
}

// SumError reports content with a digest other than the announced one. Both are in hex.
type SumError struct {
	Algorithm Algorithm
	Got, Want string
}

// Error returns a text with both digests. The caller adds the subject.
func (e *SumError) Error() string {
	return fmt.Sprintf("its %s is %s, %s was announced", e.Algorithm, e.Got, e.Want)
}

// Sums hashes the bytes written to it with several algorithms, and counts them. Its zero value hashes nothing: see [NewSums].
type Sums struct {
	hashes [algorithms]hash.Hash // nil if the algorithm was not requested
	n      int64
}

// NewSums returns Sums for a set of algorithms.
func NewSums(set Algorithm) *Sums {
	s := &Sums{}
	for i := range s.hashes {
		if a := Algorithm(1) << i; set&a != 0 {
			s.hashes[i] = a.newHash()
		}
	}
	return s
}

// Write adds p. It never fails.
func (s *Sums) Write(p []byte) (int, error) {
	for _, h := range s.hashes {
		if h != nil {
			h.Write(p)
		}
	}
	s.n += int64(len(p))
	return len(p), nil
}

// Reset resets the hashes and the count.
func (s *Sums) Reset() {
	for _, h := range s.hashes {
		if h != nil {
			h.Reset()
		}
	}
	s.n = 0
}

// Size returns the number of bytes written.
func (s *Sums) Size() int64 { return s.n }

// Digest returns the address of the written content. SHA256 must be in the set.
func (s *Sums) Digest() Digest { return digest.NewDigest(digest.SHA256, s.hashes[0]) }

// Hex returns one digest of the written content, or "" for an algorithm that is not in the set.
func (s *Sums) Hex(a Algorithm) string {
	for i, h := range s.hashes {
		if a == Algorithm(1)<<i && h != nil {
			return hex.EncodeToString(h.Sum(nil))
		}
	}
	return ""
}

// Verify compares one digest with the announced one. The error is a *[SumError].
func (s *Sums) Verify(a Algorithm, want string) error {
	if got := s.Hex(a); got != want {
		return &SumError{a, got, want}
	}
	return nil
}
