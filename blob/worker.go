package blob

import (
	"fmt"
	"io"

	"offlinestore/keccak"
)

// worker holds the buffers and lanes of one goroutine of a Hasher. They are allocated with its first job.
type worker struct {
	h       *Hasher
	sponges *keccak.Sponges
	lane    []lane
	in      [][]byte // the next bytes of each lane
}

// lane is the part of a worker that hashes one blob.
type lane struct {
	job  *job
	buf  []byte
	data []byte // the blocks of buf that are not absorbed yet
	last bool   // data holds the end of the blob, padded
}

func (l *lane) buffer() []byte {
	if l.buf == nil {
		l.buf = make([]byte, laneBuffer+keccak.Rate) // the padding may need a further block
	}
	return l.buf
}

// hash begins with these jobs, at most one for each lane, and goes on until no job is left or waiting.
func (w *worker) hash(jobs []*job) {
	if w.sponges == nil {
		w.sponges, w.lane, w.in = w.h.kernel.New(), make([]lane, w.h.width), make([][]byte, w.h.width)
	}
	for i, j := range jobs {
		w.start(i, j)
	}
	for w.refillAll() {
		if i, ok := w.alone(); ok {
			w.hashAlone(i)
			continue
		}
		n := laneBuffer
		for i := range w.lane {
			if l := &w.lane[i]; l.job != nil {
				n = min(n, len(l.data))
			}
		}
		w.absorb(n)
	}
}

// refillAll fills the lanes while there are jobs. It reports whether any lane has one.
func (w *worker) refillAll() (busy bool) {
	for i := range w.lane {
		w.refill(i)
		busy = busy || w.lane[i].job != nil
	}
	return busy
}

// alone returns the only lane with a job, if there is exactly one and crypto/sha3 can continue it.
func (w *worker) alone() (lane int, ok bool) {
	lane = -1
	for i := range w.lane {
		if w.lane[i].job == nil {
			continue
		}
		if lane >= 0 {
			return 0, false
		}
		lane = i
	}
	// Padded content must end in its lane, unless there are no lanes.
	return lane, lane >= 0 && !w.lane[lane].last
}

// hashAlone hashes the blob of a lane with crypto/sha3 until it ends, or until another job arrives. Then it moves the blob back
// into the lane.
func (w *worker) hashAlone(i int) {
	l := &w.lane[i]
	h, err := w.sponges.Export(i)
	if err != nil {
		w.end(i, nil, err)
		return
	}
	h.Write(l.data)
	l.data = nil
	for w.h.width == 1 || !w.h.waiting() {
		data, last, err := l.job.read(l.buffer())
		if err != nil {
			w.end(i, nil, err)
			return
		}
		h.Write(data)
		if last {
			sum := [keccak.Size]byte(h.Sum(nil))
			w.end(i, &sum, nil)
			return
		}
	}
	if err := w.sponges.Restore(i, h); err != nil {
		w.end(i, nil, err)
	}
}

// end removes the job from its lane and reports its digest, or the error.
func (w *worker) end(i int, sum *[keccak.Size]byte, err error) {
	j := w.lane[i].job
	w.lane[i].job = nil
	w.h.ended()
	if err != nil {
		j.fail(err)
		return
	}
	j.deliver(*sum)
}

func (w *worker) start(i int, j *job) {
	l := &w.lane[i]
	l.job, l.data, l.last = j, nil, false
	w.sponges.Reset(i)
}

// refill fills the lane, or leaves it without a job if none waits.
func (w *worker) refill(i int) {
	l := &w.lane[i]
	for {
		if l.job == nil {
			j := w.h.next()
			if j == nil {
				return
			}
			w.start(i, j)
		}
		if len(l.data) > 0 {
			return
		}
		if l.last {
			sum := w.sponges.Digest(i)
			w.end(i, &sum, nil)
			continue
		}
		data, last, err := l.job.read(l.buffer())
		if err != nil {
			w.end(i, nil, err)
			continue
		}
		if last {
			data = keccak.Pad(data)
		}
		l.data, l.last = data, last
	}
}

// absorb absorbs n bytes in each lane. A lane without a job absorbs unused bytes.
func (w *worker) absorb(n int) {
	for i := range w.lane {
		l := &w.lane[i]
		if l.job == nil {
			w.in[i] = l.buffer()[:n]
			continue
		}
		w.in[i], l.data = l.data[:n], l.data[n:]
	}
	w.sponges.Absorb(w.in)
}

// read returns the next part of the blob: whole blocks that fill buf except for one block, or the last data, which is shorter.
func (j *job) read(buf []byte) (data []byte, last bool, err error) {
	if err := j.ctx.Err(); err != nil {
		return nil, false, err
	}
	data = buf[:min(laneBuffer, j.left)]
	if err := readExactly(j.Reader, data); err != nil {
		return nil, false, err
	}
	j.left -= int64(len(data))
	if j.sha != nil {
		j.sha.Write(data)
	}
	if len(data) == laneBuffer {
		return data, false, nil
	}
	return data, true, expectEnd(j.Reader)
}

func (j *job) fail(err error) {
	if err != j.ctx.Err() {
		err = fmt.Errorf("hash blob: %w", err)
	}
	j.Done(Sum{}, err)
}

func (j *job) deliver(sum [keccak.Size]byte) {
	s := Sum{SHA3_384: sum, Size: j.Size}
	if j.sha != nil {
		j.sha.hashes[0].Sum(s.SHA256[:0])
	}
	j.Done(s, nil)
}

// readExactly fills p. An earlier end is an error, even if the reader returns io.EOF.
func readExactly(r io.Reader, p []byte) error {
	n, err := fill(r, p)
	switch {
	case n == len(p):
		return nil
	case err == io.EOF:
		return io.ErrUnexpectedEOF
	}
	return err
}

// expectEnd returns ErrTrailingData unless the reader ends.
func expectEnd(r io.Reader) error {
	var one [1]byte
	switch n, err := fill(r, one[:]); {
	case n > 0:
		return ErrTrailingData
	case err != io.EOF:
		return err
	}
	return nil
}
