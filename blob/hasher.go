package blob

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"sync"

	"offlinestore/keccak"
)

// ErrClosed reports a job that was submitted to a [Hasher] after Close.
var ErrClosed = errors.New("hasher is closed")

const (
	// laneBuffer is the number of bytes read at once for a lane: whole blocks, and the buffers of all lanes fit into the second-level
	// cache.
	laneBuffer = 630 * keccak.Rate
	// queuePerWorker limits the waiting jobs, each of which holds a file open.
	queuePerWorker = 32
)

// Sum is the result of a [Job]. SHA256 is zero if it was not requested.
type Sum struct {
	SHA256   [32]byte
	SHA3_384 [48]byte
	Size     int64
}

// Job is a blob to hash. Size is exact: a Reader that ends earlier is an error ([io.ErrUnexpectedEOF]), and so is one that goes
// on ([ErrTrailingData]).
type Job struct {
	// Reader is read in a worker. A slow Reader delays all jobs of the worker, so it should be a file.
	Reader io.Reader
	Size   int64
	// SHA256 requests this digest, too.
	SHA256 bool
	// Done is called once, by a worker, which waits for it. It must be quick, and must not submit.
	Done func(Sum, error)
}

// Hasher computes SHA3-384 for many files. A worker hashes several at once in the lanes of the processor's SIMD unit: four take
// about as long there as two of them one after the other, and eight as long as one. A lane whose blob ends takes the next one. A
// single blob is hashed with crypto/sha3, which is faster than one lane. It moves into a lane when another blob arrives.
type Hasher struct {
	kernel  *keccak.Kernel
	workers sync.WaitGroup

	mu      sync.Mutex
	changed sync.Cond // signals a waiting job, room for one, or Close
	queue   []*job
	limit   int
	width   int // the number of jobs that a worker can have: its lanes
	spare   int // lanes of busy workers without a job
	closed  bool
}

// job is a Job with the state of its reading.
type job struct {
	Job
	ctx  context.Context
	left int64
	sha  *Sums // nil if it was not requested
}

// NewHasher starts that many workers. 0 means one for each processor.
func NewHasher(workers int) *Hasher { return newHasher(workers, keccak.Fastest()) }

func newHasher(workers int, kernel *keccak.Kernel) *Hasher {
	if workers <= 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	h := &Hasher{kernel: kernel, limit: workers * queuePerWorker, width: kernel.Lanes}
	h.changed.L = &h.mu
	for range workers {
		h.workers.Go(h.work)
	}
	return h
}

// Close waits for the submitted jobs, then ends the workers.
func (h *Hasher) Close() {
	h.mu.Lock()
	h.closed = true
	h.changed.Broadcast()
	h.mu.Unlock()
	h.workers.Wait()
}

// Submit queues a job. It waits while too many are queued. If it returns nil, Done will be called, with the context's error if
// the context ends before the job does. If it returns an error, Done will not be called.
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

// work runs a worker: it waits for jobs, hashes until none is left, and waits again.
func (h *Hasher) work() {
	w := &worker{h: h}
	h.mu.Lock()
	h.spare += h.width // as after the worker's last job
	h.mu.Unlock()
	for {
		jobs := h.wait()
		if jobs == nil {
			return
		}
		w.hash(jobs)
	}
}

// wait returns the jobs that an idle worker should begin with, or nil after Close. It leaves a job to a busy worker with a spare
// lane, because there the job costs almost nothing.
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

// nextJobs removes the first jobs from the queue for spare lanes. h.mu is held.
func (h *Hasher) nextJobs(n int) []*job {
	jobs := append([]*job(nil), h.queue[:n]...)
	clear(h.queue[:n])
	h.queue = h.queue[n:]
	h.spare -= n
	h.changed.Broadcast()
	return jobs
}

// next returns the next job for a worker with a spare lane, or nil.
func (h *Hasher) next() *job {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.queue) == 0 {
		return nil
	}
	return h.nextJobs(1)[0]
}

// waiting reports whether a worker that hashes a single blob should look for another one.
func (h *Hasher) waiting() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.queue) > 0
}

// ended counts the lane of an ended job as spare.
func (h *Hasher) ended() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.spare++
}
