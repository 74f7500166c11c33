package registrar

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"sync"

	"offlinestore/catalog"
)

// maxGroup bounds the serials that are recorded at once.
const maxGroup = 64

// errNotRecorded reports a serial whose plan does not hold any more.
var errNotRecorded = errors.New("the serial has changed meanwhile")

// recorder records serials in groups: while one group is on its way to the disk, the next one gathers.
type recorder struct {
	records Records
	mu      sync.Mutex
	queue   []*recording
	runs    bool
}

// recording is a signed serial on its way to the records.
type recording struct {
	job   *job
	entry catalog.SerialLogEntry
	done  chan error
}

// record records the serial of a job. The error may be errNotRecorded.
func (r *recorder) record(j *job, entry catalog.SerialLogEntry) error {
	mine := &recording{j, entry, make(chan error, 1)}
	r.mu.Lock()
	r.queue = append(r.queue, mine)
	starts := !r.runs
	r.runs = true
	r.mu.Unlock()
	if starts {
		go r.run()
	}
	return <-mine.done
}

// run records groups until none is left.
func (r *recorder) run() {
	for {
		r.mu.Lock()
		n := min(len(r.queue), maxGroup)
		group := r.queue[:n:n]
		r.queue = r.queue[n:]
		r.runs = n > 0
		r.mu.Unlock()
		if n == 0 {
			return
		}
		r.recordGroup(group)
	}
}

// recordGroup records a group at once, or one by one if that is impossible.
// Servers lock the rows of requests in the order of their IDs, so that they do not wait for each other.
func (r *recorder) recordGroup(group []*recording) {
	slices.SortFunc(group, func(a, b *recording) int { return bytes.Compare(a.job.proof.id.ID, b.job.proof.id.ID) })
	list := make([]catalog.SerialRecord, len(group))
	for i, g := range group {
		list[i] = catalog.SerialRecord{Request: g.job.proof.id, Entry: g.entry, FromModel: g.job.proof.wish.FromModel, FromSerial: g.job.proof.wish.FromSerial, Delivered: g.job.deliver()}
	}
	ctx, cancel := context.WithTimeout(context.Background(), recordTime)
	defer cancel()
	recorded, err := r.records.RecordSerials(ctx, list)
	if errors.Is(err, catalog.ErrSerialConflict) && len(group) > 1 {
		for i := range group {
			r.recordGroup(group[i : i+1])
		}
		return
	}
	for i, g := range group {
		switch {
		case errors.Is(err, catalog.ErrSerialConflict), err == nil && !recorded[i]:
			g.done <- errNotRecorded
		default:
			g.done <- err
		}
	}
}
