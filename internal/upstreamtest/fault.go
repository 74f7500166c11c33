package upstreamtest

import (
	"bytes"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Fault is a fault in the answers to some requests.
type Fault struct {
	// Path is the beginning of the paths of those requests.
	Path string
	// Skip is the number of requests that succeed first. Times is the number that fail then; 0 is all.
	Skip, Times int
	// Do wraps the store's handler.
	Do func(http.Handler) http.Handler

	seen int
}

// Request is a request that the store received.
type Request struct {
	Method, Path, Query string
	Header              http.Header
}

// Faults holds the faults of a Store or a Registry, and the log of its requests.
type Faults struct {
	mu     sync.Mutex
	faults []*Fault
	log    []Request
}

// Inject adds a fault. If several match a request, the one injected last wins.
func (s *Faults) Inject(f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, &f)
}

// Heal removes all faults, but not those in assertions.
func (s *Faults) Heal() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = nil
}

// Requests returns the requests so far, including those with faulty answers.
func (s *Faults) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Request(nil), s.log...)
}

// Count returns the number of requests for paths that begin with prefix.
func (s *Faults) Count(prefix string) int {
	n := 0
	for _, r := range s.Requests() {
		if strings.HasPrefix(r.Path, prefix) {
			n++
		}
	}
	return n
}

func (s *Faults) faulty(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next := h
		s.mu.Lock()
		s.log = append(s.log, Request{r.Method, r.URL.Path, r.URL.RawQuery, maps.Clone(r.Header)})
		for _, f := range s.faults {
			if !strings.HasPrefix(r.URL.Path, f.Path) {
				continue
			}
			if f.seen++; f.seen > f.Skip && (f.Times == 0 || f.seen <= f.Skip+f.Times) {
				next = f.Do(next)
			}
		}
		s.mu.Unlock()
		next.ServeHTTP(w, r)
	})
}

// Page answers with a web page, as a captive portal does.
func Page(status int) func(http.Handler) http.Handler {
	return func(http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			w.WriteHeader(status)
			io.WriteString(w, "<!DOCTYPE html><html><title>Guest network</title></html>")
		})
	}
}

// Status answers with a status and headers (name, value, …) instead of the store.
func Status(status int, headers ...string) func(http.Handler) http.Handler {
	return func(http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			for i := 0; i+1 < len(headers); i += 2 {
				w.Header().Set(headers[i], headers[i+1])
			}
			writeError(w, status, "injected", "an injected fault")
		})
	}
}

// Cut breaks the connection after n bytes of the body.
func Cut(n int64) func(http.Handler) http.Handler {
	return filter(func(w *bodyFilter, p []byte) (int, error) {
		if w.at+int64(len(p)) < n {
			return w.ResponseWriter.Write(p)
		}
		w.ResponseWriter.Write(p[:n-w.at])
		w.ResponseWriter.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	})
}

// Stall sends n bytes of the body, then nothing until the client gives up.
func Stall(n int64) func(http.Handler) http.Handler {
	return filter(func(w *bodyFilter, p []byte) (int, error) {
		if w.at+int64(len(p)) < n {
			return w.ResponseWriter.Write(p)
		}
		w.ResponseWriter.Write(p[:n-w.at])
		w.ResponseWriter.(http.Flusher).Flush()
		<-w.request.Context().Done()
		panic(http.ErrAbortHandler)
	})
}

// Slow waits before each block of the body, of about 32 KiB.
func Slow(wait time.Duration) func(http.Handler) http.Handler {
	return filter(func(w *bodyFilter, p []byte) (int, error) {
		time.Sleep(wait)
		return w.ResponseWriter.Write(p)
	})
}

// Corrupt flips a bit of the blob's byte number n, also if a download is resumed.
func Corrupt(n int64) func(http.Handler) http.Handler {
	return filter(func(w *bodyFilter, p []byte) (int, error) {
		if at := n - w.start() - w.at; at >= 0 && at < int64(len(p)) {
			p = bytes.Clone(p)
			p[at] ^= 0x10
		}
		return w.ResponseWriter.Write(p)
	})
}

// NoRange answers like a server without support for ranges.
func NoRange(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Header.Del("Range")
		h.ServeHTTP(w, r)
	})
}

// Rewrite replaces a text in an answer. It holds the answer in memory.
func Rewrite(old, new string) func(http.Handler) http.Handler {
	return func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			rec := httptest.NewRecorder()
			h.ServeHTTP(rec, r)
			body := strings.ReplaceAll(rec.Body.String(), old, new)
			maps.Copy(w.Header(), rec.Header())
			w.Header().Set("Content-Length", strconv.Itoa(len(body)))
			w.WriteHeader(rec.Code)
			w.Write([]byte(body))
		})
	}
}

// bodyFilter is a response whose body goes through write.
type bodyFilter struct {
	http.ResponseWriter
	request *http.Request
	at      int64 // the number of body bytes so far
	write   func(*bodyFilter, []byte) (int, error)
}

func filter(write func(*bodyFilter, []byte) (int, error)) func(http.Handler) http.Handler {
	return func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			h.ServeHTTP(&bodyFilter{ResponseWriter: w, request: r, write: write}, r)
		})
	}
}

func (w *bodyFilter) Write(p []byte) (int, error) {
	n, err := w.write(w, p)
	w.at += int64(n)
	return n, err
}

// start returns the offset in the blob at which the body begins.
func (w *bodyFilter) start() int64 {
	first, _, _ := strings.Cut(strings.TrimPrefix(w.Header().Get("Content-Range"), "bytes "), "-")
	n, _ := strconv.ParseInt(first, 10, 64)
	return n
}
