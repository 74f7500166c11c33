package server

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"

	"offlinestore/snap"
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
	b := bytes.NewBuffer((*pooled)[:0])
	_, err := b.ReadFrom(http.MaxBytesReader(w, r.Body, limit))
	*pooled = b.Bytes()
	if err == nil && bytes.Count(b.Bytes(), []byte{','}) >= maxValues {
		err = errTooMany
	}
	if err == nil {
		err = json.Unmarshal(b.Bytes(), v)
	}
	if err == nil {
		return true
	}
	s.failBody(w, r, err)
	return false
}

func (s *Server) failBody(w http.ResponseWriter, r *http.Request, err error) {
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		s.fail(w, r, http.StatusRequestEntityTooLarge, codeTooLarge, fmt.Sprintf("the request is larger than %d bytes", tooLarge.Limit))
		return
	}
	if errors.Is(err, errTooMany) {
		s.fail(w, r, http.StatusRequestEntityTooLarge, codeTooLarge, "the request has "+err.Error())
		return
	}
	s.fail(w, r, http.StatusBadRequest, codeBadRequest, "the request can't be read as the JSON that belongs here")
}

// discardBody reads and drops the body of a request, so that the client can reuse the connection.
func discardBody(w http.ResponseWriter, r *http.Request, limit int64) error {
	_, err := io.Copy(io.Discard, http.MaxBytesReader(w, r.Body, limit))
	return err
}

// requireOrigin returns the origin of our URLs, or answers the request with an error and returns false.
func (s *Server) requireOrigin(w http.ResponseWriter, r *http.Request) (string, bool) {
	l := s.settings.Load()
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
