package blob

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"sync"

	"github.com/cloudflare/circl/simd/keccakf1600"
)

// ErrClosed is returned for a job that is submitted to a [Hasher] after Close.
var ErrClosed = errors.New("hasher is closed")

const (
	// laneBuffer is what is read at once for a lane: whole blocks, and four of them stay in the second-level cache.
	laneBuffer = 630 * sha3Rate
	// queuePerWorker bounds the jobs that wait, each of which holds a file open.
	queuePerWorker = 32
)

// Sum is what a [Job] is hashed to. SHA256 is zero where it was not asked for.
type Sum struct {
	SHA256   [32]byte
	SHA3_384 [48]byte
	Size     int64
}

// Job is a blob to hash. Size is exact: a reader that ends before it is an error ([io.ErrUnexpectedEOF]), and so is one that
// goes on ([ErrTrailingData]).
type Job struct {
	// Reader is read in a worker, which waits for it with all the jobs that it has: it should be a file.
	Reader io.Reader
	Size   int64
	// SHA256 asks for that digest too.
	SHA256 bool
	// Done is called once, by a worker, which waits for it: it must be quick, and must not submit.
	Done func(Sum, error)
}

// Hasher computes SHA3-384 for many files: a worker hashes up to four at once in the lanes of the processor's SIMD unit, which
// takes about as long as hashing two of them one after the other. A lane whose blob ends takes the next one. A blob that is
// alone is hashed with crypto/sha3, which is faster than one lane of four, and moves into a lane when company comes.
type Hasher struct {
	simd    bool
	workers sync.WaitGroup

	mu      sync.Mutex
	changed sync.Cond // a job waits, or there is room for one, or closed
	queue   []*job
	limit   int
	width   int // how many jobs a worker can have: its lanes, or one
	spare   int // lanes of busy workers that have no job
	closed  bool
}

// job is a Job with what has been read of it.
type job struct {
	Job
	ctx  context.Context
	left int64
	sha  *Sums // nil where it is not asked for
}

// NewHasher starts that many workers; 0 is one a processor.
func NewHasher(workers int) *Hasher { return newHasher(workers, keccakf1600.IsEnabledX4()) }

func newHasher(workers int, simd bool) *Hasher {
	if workers <= 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	h := &Hasher{simd: simd, limit: workers * queuePerWorker, width: 1}
	if simd {
		h.width = lanes
	}
	h.changed.L = &h.mu
	for range workers {
		h.workers.Go(h.work)
	}
	return h
}

// Close waits for the jobs that were submitted, then ends the workers.
func (h *Hasher) Close() {
	h.mu.Lock()
	h.closed = true
	h.changed.Broadcast()
	h.mu.Unlock()
	h.workers.Wait()
}

// Submit queues a job, and waits while too many are queued. When it returns nil, Done will be called, with the context's error
// if that ends before the job does; when it returns an error, Done will not be called.
func (h *Hasher) Submit(ctx context.Context, j Job) error {
	if j.Size < 0 {
		return fmt.Errorf("hash blob: negative size %d", j.Size)
	}
	q := &job{Job: j, ctx: ctx, left: j.Size}
	if j.SHA256 {
		q.sha = NewSums(SHA256)
	}
	stop := context.AfterFunc(ctx, h.wake)
	defer stop()
	h.mu.Lock()
	defer h.mu.Unlock()
	for len(h.queue) >= h.limit && !h.closed && ctx.Err() == nil {
		h.changed.Wait()
	}
	if h.closed {
		return ErrClosed
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	h.queue = append(h.queue, q)
	h.changed.Broadcast()
	return nil
}

func (h *Hasher) wake() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.changed.Broadcast()
}

// Hash hashes one blob and waits for it.
func (h *Hasher) Hash(ctx context.Context, r io.Reader, size int64, sha256 bool) (Sum, error) {
	var sum Sum
	done := make(chan error, 1)
	err := h.Submit(ctx, Job{Reader: r, Size: size, SHA256: sha256, Done: func(s Sum, err error) {
		sum = s
		done <- err
	}})
	if err != nil {
		return Sum{}, err
	}
	return sum, <-done
}

// work is a worker: it waits for jobs, then does them until there are none.
func (h *Hasher) work() {
	w := &worker{h: h}
	h.mu.Lock()
	h.spare += h.width // as if it had just ended its last job
	h.mu.Unlock()
	for {
		jobs := h.wait()
		if jobs == nil {
			return
		}
		w.hash(jobs)
	}
}

// wait returns the jobs that a worker without one should begin with, or nil after Close. A job for which a busy worker has
// a lane to spare is left to that one: it costs next to nothing there.
func (h *Hasher) wait() []*job {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.spare -= h.width
	for len(h.queue) <= h.spare {
		if h.closed && len(h.queue) == 0 {
			return nil
		}
		h.changed.Wait()
	}
	n := min(h.width, len(h.queue)-h.spare)
	h.spare += h.width
	return h.nextJobs(n)
}

// nextJobs removes the first jobs from the queue for lanes that were spare. h.mu is held.
func (h *Hasher) nextJobs(n int) []*job {
	jobs := append([]*job(nil), h.queue[:n]...)
	clear(h.queue[:n])
	h.queue = h.queue[n:]
	h.spare -= n
	h.changed.Broadcast()
	return jobs
}

// next is for a worker that has a lane to spare.
func (h *Hasher) next() *job {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.queue) == 0 {
		return nil
	}
	return h.nextJobs(1)[0]
}

// waiting says whether a worker that hashes one blob alone should look for another one.
func (h *Hasher) waiting() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.queue) > 0
}

// ended says that a job ended and left its lane spare.
func (h *Hasher) ended() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.spare++
}
