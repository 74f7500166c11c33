package cache

import (
	"errors"
	"fmt"
	"strings"

	"offlinestore/blob"
)

// Digest is the digest of a file, as its store announces it: an algorithm, a colon, and lower-case hexadecimal digits. The algorithm is
// sha3-384 (snaps), sha256 (charms and layers of images) or sha384 (resources).
type Digest string

// ErrInvalidDigest reports a digest of another form. Every error about such a digest wraps it.
var ErrInvalidDigest = errors.New("not a digest in SHA3-384, SHA-384 or SHA-256")

// sizes are the numbers of digits by algorithm.
var sizes = map[string]int{"sha256": 64, "sha384": 96, "sha3-384": 96}

// Validate returns an error unless the digest is one of the three, in its one spelling. A digest becomes a file name.
func (d Digest) Validate() error {
	name, digits, _ := strings.Cut(string(d), ":")
	isValid := len(digits) == sizes[name] && digits != ""
	for i := 0; isValid && i < len(digits); i++ {
		c := digits[i]
		isValid = '0' <= c && c <= '9' || 'a' <= c && c <= 'f'
	}
	if !isValid {
		return fmt.Errorf("digest %.120q: %w", string(d), ErrInvalidDigest)
	}
	return nil
}

// algorithm returns the algorithm of a valid digest.
func (d Digest) algorithm() blob.Algorithm {
	switch name, _, _ := strings.Cut(string(d), ":"); name {
	case "sha256":
		return blob.SHA256
	case "sha384":
		return blob.SHA384
	}
	return blob.SHA3384
}

// hex returns the digits of a valid digest.
func (d Digest) hex() string {
	_, digits, _ := strings.Cut(string(d), ":")
	return digits
}

// key returns the name of a valid digest's files.
func (d Digest) key() string { return strings.Replace(string(d), ":", "-", 1) }

// parseKey returns the digest of a name that key has made.
func parseKey(name string) (Digest, bool) {
	i := strings.LastIndexByte(name, '-')
	if i < 0 {
		return "", false
	}
	d := Digest(name[:i] + ":" + name[i+1:])
	return d, d.Validate() == nil
}
