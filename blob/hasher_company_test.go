package blob_test

import (
	"bytes"
	"context"
	"crypto/sha3"
	"io"
	"testing"

	"offlinestore/blob"
)

// halfwayReader is a reader that waits at its middle until the test lets it go on.
type halfwayReader struct {
	r       io.Reader
	left    int
	reached chan struct{}
	open    chan struct{}
}

func (g *halfwayReader) Read(p []byte) (int, error) {
	if g.left == 0 {
		close(g.reached)
		<-g.open
		g.left = -1
	}
	if g.left > 0 && len(p) > g.left {
		p = p[:g.left]
	}
	n, err := g.r.Read(p)
	if g.left > 0 {
		g.left -= n
	}
	return n, err
}

// TestCompanyComesAndGoes checks that a blob that began alone moves into a lane when others arrive, and out of it when they are
// done.
func TestCompanyComesAndGoes(t *testing.T) {
	t.Parallel()
	content := make([]byte, 3<<20+17)
	for i := range content {
		content[i] = byte(i * i >> 7)
	}
	h := blob.NewHasher(1)
	defer h.Close()
	big := &halfwayReader{r: bytes.NewReader(content), left: 1<<20 + 3, reached: make(chan struct{}), open: make(chan struct{})}
	type result struct {
		sum blob.Sum
		err error
	}
	submit := func(r io.Reader, size int) chan result {
		done := make(chan result, 1)
		err := h.Submit(context.Background(), blob.Job{Reader: r, Size: int64(size), Done: func(s blob.Sum, err error) { done <- result{s, err} }})
		if err != nil {
			t.Fatal(err)
		}
		return done
	}
	results := map[int]chan result{len(content): submit(big, len(content))}
	<-big.reached
	for _, n := range []int{0, 1, 104, 70_000, 500_000} {
		results[n] = submit(bytes.NewReader(content[:n]), n)
	}
	close(big.open)
	for n, done := range results {
		got := <-done
		if want := sha3.Sum384(content[:n]); got.err != nil || got.sum.SHA3_384 != want {
			t.Errorf("SHA3-384 of %d bytes = %x, %v, want %x", n, got.sum.SHA3_384, got.err, want)
		}
	}
}
