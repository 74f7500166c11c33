package server

import (
	"net/http"
	"strconv"

	"offlinestore/transfer"
)

// flushSize is the size at which the finished part of a long answer is sent, so that memory does not grow with the answer. A client
// that reads nothing holds this much.
const flushSize = 64 << 10

// flusher sends the finished part of an answer if it is long, and returns the rest.
type flusher func(out []byte) []byte

// writeResults writes the answer to a refresh request of n actions. appendResult appends the result of action i, or nothing if the
// action has none. It may flush.
func writeResults(w http.ResponseWriter, r *http.Request, n int, appendResult func(dst []byte, i int, flush flusher) []byte) {
	pooled := getBuffer()
	defer putBuffer(pooled)
	out := append((*pooled)[:0], `{"error-list":[],"results":[`...)
	h := w.Header()
	h["Content-Type"] = jsonType
	t := turn{r: r}
	t.take()
	defer t.end()
	flushes := 0
	flush := func(out []byte) []byte {
		if len(out) <= flushSize {
			return out
		}
		flushes++
		t.end()
		_, _ = w.Write(out) // an error means that the client is gone
		t.take()
		return out[:0]
	}
	first := true
	for i := range n {
		if r.Context().Err() != nil {
			return // nobody waits for the rest
		}
		before := len(out)
		if !first {
			out = append(out, ',')
		}
		start, sent := len(out), flushes
		if out = appendResult(out, i, flush); len(out) == start && sent == flushes {
			out = out[:before]
			continue
		}
		first = false
		out = flush(out)
	}
	out = append(out, `]}`...)
	t.end()
	if flushes == 0 {
		h["Content-Length"] = []string{strconv.Itoa(len(out))}
	}
	_, _ = w.Write(out) // an error means that the client is gone
	*pooled = out
}

// turn is the turn of a large request, which it gives back while it writes.
type turn struct {
	r    *http.Request
	done func() // nil without a turn
}

func (t *turn) take() {
	if transfer.IsLarge(t.r) {
		t.done = transfer.Turn(t.r)
	}
}

// end gives the turn back, if there is one.
func (t *turn) end() {
	if t.done != nil {
		t.done()
		t.done = nil
	}
}
