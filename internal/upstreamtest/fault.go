package upstreamtest

import (
	"bytes"
	"maps"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Fault is something that goes wrong with some requests.
type Fault struct {
	// Path is what the paths of those requests begin with.
	Path string
	// Skip is how many of them go well first; Times how many go wrong then, 0 for all.
	Skip, Times int
	// Do stands between the request and the store's answer.
	Do func(http.Handler) http.Handler

	seen int
}

// Request is one that the store was asked.
type Request struct {
	Method, Path, Query string
	Header              http.Header
}

// Faults are what goes wrong with a Store or a Registry, and the log of its requests.
type Faults struct {
	mu     sync.Mutex
	faults []*Fault
	log    []Request
}

// Inject makes a fault happen from now on. Where several match, the one injected last comes first.
func (s *Faults) Inject(f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, &f)
}

// Heal takes all faults back, but not those of assertions.
func (s *Faults) Heal() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = nil
}

// Requests returns what was asked so far, faulty answers included.
func (s *Faults) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Request(nil), s.log...)
}

// Count returns how many requests there were for paths that begin with prefix.
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

// Status answers with a status and headers (name, value, …) in place of the store.
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

// Slow waits before each block of the body, of 32 KiB or so.
func Slow(wait time.Duration) func(http.Handler) http.Handler {
	return filter(func(w *bodyFilter, p []byte) (int, error) {
		time.Sleep(wait)
		return w.ResponseWriter.Write(p)
	})
}

// Corrupt flips a bit of the blob's byte number n, also when a download is resumed.
func Corrupt(n int64) func(http.Handler) http.Handler {
	return filter(func(w *bodyFilter, p []byte) (int, error) {
		if at := n - w.start() - w.at; at >= 0 && at < int64(len(p)) {
			p = bytes.Clone(p)
			p[at] ^= 0x10
		}
		return w.ResponseWriter.Write(p)
	})
}

// NoRange answers as a server that knows no ranges.
func NoRange(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Header.Del("Range")
		h.ServeHTTP(w, r)
	})
}

// Rewrite replaces a text in an answer, which is held in memory for it.
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

// filtered is a response whose body goes through write.
type bodyFilter struct {
	http.ResponseWriter
	request *http.Request
	at      int64 // how much of the body has passed
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

// start is where in the blob the body begins.
func (w *bodyFilter) start() int64 {
	first, _, _ := strings.Cut(strings.TrimPrefix(w.Header().Get("Content-Range"), "bytes "), "-")
	n, _ := strconv.ParseInt(first, 10, 64)
	return n
}
