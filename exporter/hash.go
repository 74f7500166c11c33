package exporter

import (
	"crypto/sha256"
	"crypto/sha3"
	"crypto/sha512"
	"encoding/hex"
	"hash"
	"io"
)

// hashes computes each digest that the formats need in one go.
type hashes struct {
	sha256 hash.Hash
	// others are those that were announced besides.
	others []announcedHash
	w      io.Writer
}

// announcedHash is a digest in the making, and what it has to be.
type announcedHash struct {
	hash.Hash
	name, want string
}

func newHashes(a *announced) *hashes {
	h := &hashes{sha256: sha256.New()}
	writers := []io.Writer{h.sha256}
	add := func(name, want string, sum hash.Hash) {
		h.others = append(h.others, announcedHash{sum, name, want})
		writers = append(writers, sum)
	}
	if a.SHA256 != "" {
		h.others = append(h.others, announcedHash{h.sha256, "SHA-256", a.SHA256})
	}
	if a.SHA384 != "" {
		add("SHA-384", a.SHA384, sha512.New384())
	}
	if a.SHA3384 != "" {
		add("SHA3-384", a.SHA3384, sha3.New384())
	}
	h.w = io.MultiWriter(writers...)
	return h
}

func (h *hashes) Write(p []byte) (int, error) { return h.w.Write(p) }

func (h *hashes) reset() {
	h.sha256.Reset()
	for _, o := range h.others {
		o.Reset()
	}
}

// check holds what was written against what was announced.
func (h *hashes) check() error {
	for _, o := range h.others {
		if got := hex.EncodeToString(o.Sum(nil)); got != o.want {
			return &digestError{o.name, got, o.want}
		}
	}
	return nil
}

// counting tells the progress of what passes, and takes it back if need be. It keeps its own error apart from the store's.
type counting struct {
	w        io.Writer
	progress Progress
	n        int64
	err      error
}

func (c *counting) add(n int64) {
	c.n += n
	c.progress.Add(n)
}

func (c *counting) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.add(int64(n))
	c.err = err
	return n, err
}
