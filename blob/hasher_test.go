package blob_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/sha3"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"offlinestore/blob"
	"offlinestore/keccak"
)

// hashers calls fn for every way of hashing that this machine supports.
func hashers(t *testing.T, fn func(t *testing.T, h *blob.Hasher)) {
	for _, kernel := range keccak.Kernels() {
		for _, workers := range []int{1, 3} {
			t.Run(fmt.Sprintf("%s/workers=%d", kernel.Name, workers), func(t *testing.T) {
				t.Parallel()
				h := blob.NewHasherWith(workers, kernel)
				defer h.Close()
				fn(t, h)
			})
		}
	}
}

// pile calls submit while all the workers wait for a reader, so that many jobs wait for them afterwards.
func pile(t *testing.T, h *blob.Hasher, workers int, submit func()) {
	t.Helper()
	gate := make(chan struct{})
	defer close(gate)
	for range workers {
		err := h.Submit(context.Background(), blob.Job{Reader: gatedReader{gate}, Size: 1, Done: func(blob.Sum, error) {}})
		check(t, err)
	}
	submit()
}

type gatedReader struct{ gate chan struct{} }

func (g gatedReader) Read([]byte) (int, error) {
	<-g.gate
	return 0, io.EOF
}

// checkSum compares got with the digests of the standard library.
func checkSum(t *testing.T, content []byte, withSHA256 bool, got blob.Sum, err error) {
	t.Helper()
	want := blob.Sum{SHA3_384: sha3.Sum384(content), Size: int64(len(content))}
	if withSHA256 {
		want.SHA256 = sha256.Sum256(content)
	}
	if err != nil || got != want {
		t.Errorf("%d bytes: %v, %v, want %v", len(content), got, err, want)
	}
}

func TestHasherEveryLength(t *testing.T) {
	t.Parallel()
	var sizes []int
	for n := range 1001 {
		sizes = append(sizes, n)
	}
	for _, buffers := range []int{1, 2, 3} {
		for _, d := range []int{-105, -104, -103, -1, 0, 1, 103, 104, 105} {
			sizes = append(sizes, buffers*blob.LaneBuffer+d)
		}
	}
	content := random(1, 4*blob.LaneBuffer)
	hashers(t, func(t *testing.T, h *blob.Hasher) {
		sizes := append([]int(nil), sizes...)
		rand.Shuffle(len(sizes), func(i, j int) { sizes[i], sizes[j] = sizes[j], sizes[i] })
		var wg sync.WaitGroup
		for _, size := range sizes {
			wg.Add(1)
			data, sum256 := content[size%7:][:size], size%2 == 0
			check(t, h.Submit(context.Background(), blob.Job{
				Reader: bytes.NewReader(data), Size: int64(size), SHA256: sum256,
				Done: func(s blob.Sum, err error) { checkSum(t, data, sum256, s, err); wg.Done() },
			}))
		}
		wg.Wait()
	})
}

func TestHasherInLanes(t *testing.T) {
	t.Parallel()
	h := blob.NewHasher(1)
	defer h.Close()
	content := random(2, 3*blob.LaneBuffer)
	var wg sync.WaitGroup
	pile(t, h, 1, func() {
		for i := range 20 {
			wg.Add(1)
			data := content[:rand.IntN(len(content))]
			if i%3 == 0 {
				data = data[:len(data)%300]
			}
			check(t, h.Submit(context.Background(), blob.Job{
				Reader: iotest.HalfReader(bytes.NewReader(data)), Size: int64(len(data)), SHA256: true,
				Done: func(s blob.Sum, err error) { checkSum(t, data, true, s, err); wg.Done() },
			}))
		}
	})
	wg.Wait()
}

func TestHasherLargeJobsLinger(t *testing.T) {
	t.Parallel()
	h := blob.NewHasher(2)
	content := random(3, 6<<20)
	var wg sync.WaitGroup
	for i := range 7 {
		wg.Add(1)
		data := content[i:]
		check(t, h.Submit(context.Background(), blob.Job{
			Reader: bytes.NewReader(data), Size: int64(len(data)),
			Done: func(s blob.Sum, err error) { checkSum(t, data, false, s, err); wg.Done() },
		}))
	}
	h.Close() // waits for the jobs
	wg.Wait()
	if err := h.Submit(context.Background(), blob.Job{}); err != blob.ErrClosed {
		t.Errorf("Submit after Close: %v, want ErrClosed", err)
	}
}

func TestHasherFailsOneJobOnly(t *testing.T) {
	t.Parallel()
	content := random(4, 2*blob.LaneBuffer)
	size := int64(len(content))
	broken := errors.New("broken")
	bad := map[string]struct {
		there int64 // the number of bytes that the reader has
		end   error
		size  int64
		want  error
	}{
		"short":            {size - 1, io.EOF, size, io.ErrUnexpectedEOF},
		"cut at a buffer":  {blob.LaneBuffer, io.EOF, size, io.ErrUnexpectedEOF},
		"empty":            {0, io.EOF, 1, io.ErrUnexpectedEOF},
		"trailing":         {size, io.EOF, size - 1, blob.ErrTrailingData},
		"trailing, buffer": {size, io.EOF, blob.LaneBuffer, blob.ErrTrailingData},
		"trailing, empty":  {size, io.EOF, 0, blob.ErrTrailingData},
		"broken":           {200, broken, size, broken},
		"broken at end":    {size, broken, size, broken},
	}
	hashers(t, func(t *testing.T, h *blob.Hasher) {
		var wg sync.WaitGroup
		submit := func(ctx context.Context, r io.Reader, size int64, done func(blob.Sum, error)) {
			wg.Add(1)
			check(t, h.Submit(ctx, blob.Job{Reader: r, Size: size, Done: func(s blob.Sum, err error) {
				done(s, err)
				wg.Done()
			}}))
		}
		fails := func(name string, want error) func(blob.Sum, error) {
			return func(s blob.Sum, err error) {
				if !errors.Is(err, want) || s != (blob.Sum{}) {
					t.Errorf("%s: %v, %v, want %v", name, s, err, want)
				}
			}
		}
		pile(t, h, 1, func() {
			for name, tc := range bad {
				r := io.MultiReader(bytes.NewReader(content[:tc.there]), iotest.ErrReader(tc.end))
				submit(context.Background(), r, tc.size, fails(name, tc.want))
				submit(context.Background(), bytes.NewReader(content), size, func(s blob.Sum, err error) {
					checkSum(t, content, false, s, err)
				})
			}
		})
		ctx, cancel := context.WithCancel(context.Background())
		submit(ctx, cancelingReader{cancel}, size, fails("canceled", context.Canceled))
		wg.Wait()
	})
}

// cancelingReader is an endless reader whose first read cancels the job.
type cancelingReader struct{ cancel func() }

func (c cancelingReader) Read(p []byte) (int, error) {
	c.cancel()
	return len(p), nil
}

func TestHasherQueueIsBounded(t *testing.T) {
	t.Parallel()
	h := blob.NewHasher(1)
	defer h.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	pile(t, h, 1, func() {
		for n := 0; ; n++ {
			err := h.Submit(ctx, blob.Job{Reader: bytes.NewReader(nil), Done: func(blob.Sum, error) {}})
			if errors.Is(err, context.DeadlineExceeded) && n > 0 {
				break
			}
			if err != nil || n > 1000 {
				t.Fatalf("job %d: Submit() = %v, want it to wait for room, or the context", n, err)
			}
		}
	})
	if err := h.Submit(context.Background(), blob.Job{Size: -1}); err == nil {
		t.Error("Submit of a negative size: no error")
	}
	done := make(chan struct{})
	check(t, h.Submit(context.Background(), blob.Job{Reader: bytes.NewReader([]byte("x")), Size: 1, SHA256: true, Done: func(s blob.Sum, err error) {
		checkSum(t, []byte("x"), true, s, err)
		close(done)
	}}))
	<-done
}

func FuzzHasher(f *testing.F) {
	h := blob.NewHasher(1)
	f.Cleanup(h.Close)
	f.Add([]byte("some content"), uint(3), uint(70000), uint(1), uint(7))
	f.Fuzz(func(t *testing.T, seed []byte, a, b, c, d uint) {
		if len(seed) == 0 {
			return
		}
		var wg sync.WaitGroup
		pile(t, h, 1, func() {
			for _, size := range []uint{a, b, c, d, a ^ b} {
				data := bytes.Repeat(seed, int(size%300_000)/len(seed)+1)[:size%300_000]
				wg.Add(1)
				check(t, h.Submit(context.Background(), blob.Job{Reader: bytes.NewReader(data), Size: int64(len(data)), Done: func(s blob.Sum, err error) {
					checkSum(t, data, false, s, err)
					wg.Done()
				}}))
			}
		})
		wg.Wait()
	})
}
