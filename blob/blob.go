// Package blob keeps content-addressed blobs in a directory: written durably, verified on reading, hashed fast.
//
// A blob is named by its sha256 digest and lies in sha256/<hex> below the directory, so that a [Dir] may also be the blobs folder
// of an OCI image layout. Three more folders exist only while they are needed:
//
//	.staging     blobs that are being written: per process, locked while it lives
//	.partial     downloads to be resumed
//	.quarantine  damaged blobs, whose content does not match their digest
//
// A blob becomes visible by a rename, after its content is on the disk, and the rename is on the disk before [Batch.Sync]
// returns. So a crash at any moment leaves complete blobs, and garbage in .staging, which [Dir.CleanStaging] removes.
//
// Snaps are named by their SHA3-384, which is slow. A [Hasher] hashes several files at once in the lanes of one SIMD unit.
package blob

import (
	"errors"
	"fmt"

	"github.com/opencontainers/go-digest"
)

// Digest is the address of a blob: "sha256:" and 64 lower-case hexadecimal digits.
type Digest = digest.Digest

// ErrInvalidDigest reports a digest that cannot be an address. Every error about such a digest wraps it.
var ErrInvalidDigest = errors.New("not a sha256 digest")

// CheckDigest refuses a digest that cannot be an address. Only sha256 in its one spelling is accepted, since an address becomes a
// file name.
func CheckDigest(dg Digest) error {
	if dg.Validate() != nil || dg.Algorithm() != digest.SHA256 {
		return fmt.Errorf("digest %.80q: %w", string(dg), ErrInvalidDigest)
	}
	return nil
}
