package server

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"

	"offlinestore/snap"
	"offlinestore/transfer"
)

// jsonType is shared by answers, so that the busiest request sets its header without an allocation.
var jsonType = []string{typeJSON}

// buffers are reused by refresh requests, because there are many of them with large answers.
var buffers = sync.Pool{New: func() any { b := make([]byte, 0, 32<<10); return &b }}

// maxPooled keeps the pool from holding the buffer of a single large answer for ever.
const maxPooled = 2 * flushSize

func getBuffer() *[]byte { return buffers.Get().(*[]byte) }

func putBuffer(b *[]byte) {
	if cap(*b) <= maxPooled {
		buffers.Put(b)
	}
}

// architecture returns the device's architecture, from the headers of either version of the API. It is empty for a client that has
// none, and for one that asks for all.
func architecture(r *http.Request) string {
	a := cmp.Or(r.Header.Get(snap.HeaderArchitecture), r.Header.Get("X-Ubuntu-Architecture"))
	if a == wide {
		return ""
	}
	return a
}

// maxValues bounds the values in a request. A few bytes of JSON can become a large value, so a bound on the size of the body alone
// would not bound the memory for it.
const maxValues = 64 << 10

var errTooMany = fmt.Errorf("more than %d values", maxValues)

// readJSON reads the body into v, or answers the request with an error and returns false.
func (s *Server) readJSON(w http.ResponseWriter, r *http.Request, limit int64, v any) bool {
	pooled := getBuffer()
	defer putBuffer(pooled)
	text, err := transfer.ReadBody(w, r, limit, *pooled)
	*pooled = text
	if err == nil {
		err = decodeJSON(r, text, v)
	}
	if err == nil {
		return true
	}
	s.failBody(w, r, err)
	return false
}

// largeBody is the size in bytes from which a body is worth waiting for a turn. The requests of devices with a hundred snaps are smaller.
const largeBody = 48 << 10

// decodeJSON decodes a body. It knows before how much memory that may take.
func decodeJSON(r *http.Request, text []byte, v any) error {
	isLarge := len(text) > largeBody
	if isLarge {
		defer transfer.Turn(r)()
	}
	size, values := transfer.Weigh(text)
	if values >= maxValues {
		return errTooMany
	}
	if err := transfer.Hold(r, size+int64(len(text))); err != nil {
		return err
	}
	if !isLarge && transfer.IsLarge(r) {
		defer transfer.Turn(r)()
	}
	if refresh, ok := v.(*refreshRequest); ok {
		return refresh.decode(text)
	}
	return json.Unmarshal(text, v)
}

// inTurn computes an answer that takes longer than most when it is the client's turn. It computes nothing for a client that is gone.
func inTurn[T any](r *http.Request, compute func() (T, error)) (answer T, err error) {
	defer transfer.Turn(r)()
	if err := r.Context().Err(); err != nil {
		return answer, err
	}
	return compute()
}

func (s *Server) failBody(w http.ResponseWriter, r *http.Request, err error) {
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		s.fail(w, r, http.StatusRequestEntityTooLarge, codeTooLarge, fmt.Sprintf("the request is larger than %d bytes", tooLarge.Limit))
	case errors.Is(err, errTooMany):
		s.fail(w, r, http.StatusRequestEntityTooLarge, codeTooLarge, "the request has "+err.Error())
	case errors.Is(err, transfer.ErrBusy):
		s.failBusy(w, r)
	default:
		s.fail(w, r, http.StatusBadRequest, codeBadRequest, "the request can't be read as the JSON that belongs here")
	}
}

// failBusy tells a client to come back, since the requests of all clients take too much memory.
func (s *Server) failBusy(w http.ResponseWriter, r *http.Request) {
	transfer.Refuse(w, r)
	s.fail(w, r, http.StatusServiceUnavailable, codeUnavailable, transfer.ErrBusy.Error())
}

// discardBody reads and drops the body of a request, so that the client can reuse the connection.
func discardBody(w http.ResponseWriter, r *http.Request, limit int64) error {
	_, err := io.Copy(io.Discard, http.MaxBytesReader(w, r.Body, limit))
	return err
}

// requireOrigin returns the origin of our URLs, or answers the request with an error and returns false.
func (s *Server) requireOrigin(w http.ResponseWriter, r *http.Request) (string, bool) {
	l := s.settings.Load()
	l.addVary(w.Header())
	origin := l.origin(r)
	if origin != "" {
		return origin, true
	}
	if l.Domain != "" {
		s.cfg.Logger.Error("proxy.domain is not a host", "domain", l.Domain)
		s.fail(w, r, http.StatusInternalServerError, codeInternal, "this store's own name is not set properly")
		return "", false
	}
	s.fail(w, r, http.StatusBadRequest, codeBadRequest, "the header Host names no host")
	return "", false
}

func appendJSON(dst []byte, v any) []byte {
	text, err := marshal(v)
	if err != nil {
		return append(dst, "null"...)
	}
	return append(dst, text...)
}
