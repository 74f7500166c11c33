package upstreamtest

import (
	"crypto/sha256"
	"crypto/sha3"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
)

// sums holds the digests and the size of a charm's blob.
type sums struct {
	sha256, sha384, sha512, sha3384 string // hex
	size                            int64
}

func sumsOf(b Blob) (sums, error) {
	if b == nil {
		return sums{}, errors.New("no blob")
	}
	r, err := b()
	if err != nil {
		return sums{}, fmt.Errorf("open blob: %w", err)
	}
	defer r.Close()
	h256, h384, h512, h3384 := sha256.New(), sha512.New384(), sha512.New(), sha3.New384()
	n, err := io.Copy(io.MultiWriter(h256, h384, h512, h3384), struct{ io.Reader }{r})
	if err != nil {
		return sums{}, fmt.Errorf("read blob: %w", err)
	}
	hexOf := func(sum []byte) string { return hex.EncodeToString(sum) }
	return sums{hexOf(h256.Sum(nil)), hexOf(h384.Sum(nil)), hexOf(h512.Sum(nil)), hexOf(h3384.Sum(nil)), n}, nil
}

func (s *sums) lie(sha256, sha384 string, size int64) {
	if sha256 != "" {
		s.sha256 = sha256
	}
	if sha384 != "" {
		s.sha384 = sha384
	}
	if size != 0 {
		s.size = size
	}
}

// charmDownload returns the download of a charm's archive. The real store gives one digest of it.
func (s *sums) charmDownload(url string) object {
	return object{"hash-sha-256": s.sha256, "size": s.size, "url": url}
}

// resourceDownload returns the download of a resource, with all digests.
func (s *sums) resourceDownload(url string) object {
	return object{
		"hash-sha-256": s.sha256, "hash-sha-384": s.sha384, "hash-sha-512": s.sha512, "hash-sha3-384": s.sha3384, "size": s.size, "url": url,
	}
}
