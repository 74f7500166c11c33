package blob

import (
	"crypto/sha3"
	"fmt"
)

// worker is what one goroutine of a Hasher needs, allocated with its first job.
type worker struct {
	h       *Hasher
	sponges *sponges
	lane    [lanes]lane
}

// lane is the part of a worker that hashes one blob.
type lane struct {
	job  *job
	buf  []byte
	data []byte // what of buf is not absorbed yet: whole blocks
	last bool   // data holds the end of the blob, padded
}

func (l *lane) buffer() []byte {
	if l.buf == nil {
		l.buf = make([]byte, laneBuffer+sha3Rate) // the padding may take a block of its own
	}
	return l.buf
}

// hashAlone hashes one blob with the standard library, which is faster than a lane.
func (w *worker) hashAlone(j *job) {
	h := sha3.New384()
	buf := w.lane[0].buffer()
	for {
		data, last, err := j.read(buf)
		if err != nil {
			j.fail(err)
			return
		}
		h.Write(data)
		if last {
			j.finish([sha3Size]byte(h.Sum(nil)))
			return
		}
	}
}

// hashInLanes begins with these jobs, at most one a lane, and goes on until all lanes are empty and no job waits.
func (w *worker) hashInLanes(jobs []*job) {
	if w.sponges == nil {
		w.sponges = newSponges()
	}
	for i, j := range jobs {
		w.start(i, j)
	}
	for {
		n, busy := laneBuffer, false
		for i := range w.lane {
			w.refill(i)
			if l := &w.lane[i]; l.job != nil {
				busy = true
				n = min(n, len(l.data))
			}
		}
		if !busy {
			return
		}
		w.absorb(n)
	}
}

func (w *worker) start(i int, j *job) {
	l := &w.lane[i]
	l.job, l.data, l.last = j, nil, false
	w.sponges.reset(i)
}

// refill leaves the lane with something to absorb, or without a job when none waits.
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
			l.job.finish(w.sponges.digest(i))
			l.job = nil
			continue
		}
		data, last, err := l.job.read(l.buffer())
		if err != nil {
			l.job.fail(err)
			l.job = nil
			continue
		}
		if last {
			data = pad(data)
		}
		l.data, l.last = data, last
	}
}

// absorb takes n bytes from each lane. A lane without a job has something absorbed that nobody asks for.
func (w *worker) absorb(n int) {
	var in [lanes][]byte
	for i := range w.lane {
		l := &w.lane[i]
		if l.job == nil {
			in[i] = l.buffer()[:n]
			continue
		}
		in[i], l.data = l.data[:n], l.data[n:]
	}
	w.sponges.absorb(&in)
}

// read returns what follows in the blob: a whole number of blocks that fill buf up to a block, or the last data, which is less.
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

func (j *job) finish(sum [sha3Size]byte) {
	s := Sum{SHA3_384: sum, Size: j.Size}
	if j.sha != nil {
		j.sha.h.Sum(s.SHA256[:0])
	}
	j.Done(s, nil)
}
