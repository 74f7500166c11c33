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
	done := func() {}
	if transfer.IsLarge(r) {
		done = transfer.Turn(r)
	}
	flushes := 0
	flush := func(out []byte) []byte {
		if len(out) <= flushSize {
			return out
		}
		flushes++
		done()
		_, _ = w.Write(out) // an error means that the client is gone; the next writes fail at once
		if done = func() {}; transfer.IsLarge(r) {
			done = transfer.Turn(r)
		}
		return out[:0]
	}
	first := true
	for i := range n {
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
	done()
	if flushes == 0 {
		h["Content-Length"] = []string{strconv.Itoa(len(out))}
	}
	_, _ = w.Write(out) // an error means that the client is gone
	*pooled = out
}
