package cache

import (
	"context"
	"fmt"
	"io"
	"math"
	"os"
	"sync"

	"offlinestore/blob"
)

// copyBlock is the number of bytes that are read or written at once.
const copyBlock = 256 << 10

// DigestError reports a file with another content than the announced one.
type DigestError struct {
	Name string
	Err  error // a *[blob.SumError]
}

// Error names the file.
func (e *DigestError) Error() string { return fmt.Sprintf("%s: %v", e.Name, e.Err) }

// Unwrap returns the difference.
func (e *DigestError) Unwrap() error { return e.Err }

// hashing hashes content while it is written, each algorithm beside the others.
type hashing struct {
	wg   sync.WaitGroup
	sums []*blob.Sums
	errs []error
}

// hash begins to hash the content that arrives.
func hash(ctx context.Context, content *os.File, arrived *blob.Followers, algorithms ...blob.Algorithm) *hashing {
	h := &hashing{sums: make([]*blob.Sums, len(algorithms)), errs: make([]error, len(algorithms))}
	for i, a := range algorithms {
		h.sums[i] = blob.NewSums(a)
		h.wg.Go(func() { h.errs[i] = follow(ctx, h.sums[i], content, arrived) })
	}
	return h
}

// follow writes content to w as it arrives, until its end.
func follow(ctx context.Context, w io.Writer, content io.ReaderAt, arrived *blob.Followers) error {
	buf := make([]byte, copyBlock)
	for off := int64(0); ; {
		ready, err := arrived.Wait(ctx, off, math.MaxInt64)
		if err != nil || ready == 0 {
			return err
		}
		n, err := content.ReadAt(buf[:min(ready, copyBlock)], off)
		w.Write(buf[:n])
		off += int64(n)
		if err != nil {
			return fmt.Errorf("read what was written: %w", err)
		}
	}
}

// wait returns the error of the hashing, after the end of the content.
func (h *hashing) wait() error {
	h.wg.Wait()
	for _, err := range h.errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// algorithmsOf returns the algorithms of a new blob: SHA-256 comes first.
func algorithmsOf(d Digest) []blob.Algorithm {
	if a := d.algorithm(); a != blob.SHA256 {
		return []blob.Algorithm{blob.SHA256, a}
	}
	return []blob.Algorithm{blob.SHA256}
}

// verify compares the last of the sums with the digest of the file.
func (h *hashing) verify(f File) error {
	if err := h.sums[len(h.sums)-1].Verify(f.Digest.algorithm(), f.Digest.hex()); err != nil {
		return &DigestError{f.name(), err}
	}
	return nil
}
