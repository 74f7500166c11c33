package server

import (
	"net/http"
	"strconv"
)

// flushSize is the size at which the finished part of a long answer is sent, so that memory does not grow with the answer.
const flushSize = 1 << 20

// writeResults writes the answer to a refresh request of n actions. appendResult appends the result of action i, or nothing if the
// action has none.
func writeResults(w http.ResponseWriter, n int, appendResult func(dst []byte, i int) []byte) {
	pooled := getBuffer()
	defer putBuffer(pooled)
	out := append((*pooled)[:0], `{"error-list":[],"results":[`...)
	h := w.Header()
	h["Content-Type"] = jsonType
	first, flushed := true, false
	for i := range n {
		before := len(out)
		if !first {
			out = append(out, ',')
		}
		start := len(out)
		if out = appendResult(out, i); len(out) == start {
			out = out[:before]
			continue
		}
		first = false
		if len(out) > flushSize {
			flushed = true
			if _, err := w.Write(out); err != nil {
				return
			}
			out = out[:0]
		}
	}
	out = append(out, `]}`...)
	if !flushed {
		h["Content-Length"] = []string{strconv.Itoa(len(out))}
	}
	_, _ = w.Write(out) // an error means that the client is gone
	*pooled = out
}
