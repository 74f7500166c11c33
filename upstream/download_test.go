package upstream_test

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"offlinestore/upstream"
)

// blob returns a blob a few times as large as progressStep.
func blob(n int) []byte {
	b := make([]byte, n)
	r := rand.NewChaCha8([32]byte{1})
	r.Read(b)
	return b
}

// sink holds the bytes that Fetch writes, and counts the restarts.
type sink struct {
	bytes.Buffer
	restarts int
}

func (s *sink) restart() error {
	s.Reset()
	s.restarts++
	return nil
}

// ranged serves data with support for ranges.
func ranged(data []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(data))
	}
}

// cutWriter ends the connection after n bytes of the body.
type cutWriter struct {
	http.ResponseWriter
	n int
}

func (c *cutWriter) Write(p []byte) (int, error) {
	n, err := c.ResponseWriter.Write(p[:min(len(p), c.n)])
	if c.n -= n; c.n == 0 && err == nil {
		c.ResponseWriter.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	}
	return n, err
}

func TestFetch(t *testing.T) {
	t.Parallel()
	data := blob(3 << 20)
	size := len(data)
	full := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", strconv.Itoa(size))
		w.Write(data)
	}
	tests := []struct {
		name     string
		offset   int
		serve    func(n int, w http.ResponseWriter, r *http.Request)
		requests int
		restarts int
		want     string
	}{
		{"whole", 0, func(n int, w http.ResponseWriter, r *http.Request) { ranged(data)(w, r) }, 1, 0, ""},
		{"resumed", 1000, func(n int, w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Range") != "bytes=1000-" || r.Header.Get("Accept-Encoding") != "identity" {
				t.Errorf("asked with %v", r.Header)
			}
			ranged(data)(w, r)
		}, 1, 0, ""},
		{"complete", size, nil, 0, 0, ""},
		{"too much", size + 1, func(n int, w http.ResponseWriter, r *http.Request) { ranged(data)(w, r) }, 1, 1, ""},
		{"no ranges", 1000, func(n int, w http.ResponseWriter, r *http.Request) { full(w, r) }, 1, 1, ""},
		{"416", 1000, func(n int, w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Range") != "" {
				w.WriteHeader(416)
				return
			}
			full(w, r)
		}, 2, 1, ""},
		{"another part", 1000, func(n int, w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Range") != "" {
				r.Header.Set("Range", "bytes=500-")
			}
			ranged(data)(w, r)
		}, 2, 1, ""},
		{"part of the rest", 1000, func(n int, w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Range") != "" {
				r.Header.Set("Range", "bytes=1000-2000")
			}
			ranged(data)(w, r)
		}, 2, 1, ""},
		{"no Content-Range", 1000, func(n int, w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Range") != "" {
				w.WriteHeader(206)
				w.Write(data[1000:])
				return
			}
			full(w, r)
		}, 2, 1, ""},
		{"cut off often, getting on", 0, func(n int, w http.ResponseWriter, r *http.Request) {
			ranged(data)(&cutWriter{w, 1<<20 + 1}, r)
		}, 3, 0, ""},
		{"cut off, no ranges", 0, func(n int, w http.ResponseWriter, r *http.Request) {
			if n == 1 {
				full(&cutWriter{w, 1 << 20}, r)
			}
			full(w, r)
		}, 2, 1, ""},
		{"cut off for ever, no ranges", 0, func(n int, w http.ResponseWriter, r *http.Request) { full(&cutWriter{w, 2 << 20}, r) }, 3, 2, "gave up after 3 tries"},
		{"cut off without getting on", 0, func(n int, w http.ResponseWriter, r *http.Request) { ranged(data)(&cutWriter{w, 10}, r) }, 3, 0, "gave up after 3 tries"},
		{"ends early, no length", 0, func(n int, w http.ResponseWriter, r *http.Request) {
			if n == 1 {
				w.Write(data[:1000])
				w.(http.Flusher).Flush()
				return
			}
			ranged(data)(w, r)
		}, 2, 0, ""},
		{"no length", 0, func(n int, w http.ResponseWriter, r *http.Request) { w.(http.Flusher).Flush(); w.Write(data) }, 1, 0, ""},
		{"503 twice", 0, func(n int, w http.ResponseWriter, r *http.Request) {
			if n < 3 {
				w.WriteHeader(503)
				return
			}
			full(w, r)
		}, 3, 0, ""},
		{"503 for ever", 0, func(n int, w http.ResponseWriter, r *http.Request) { w.WriteHeader(503) }, 3, 0, "download jq: URL/blob: the store answered 503 Service Unavailable (gave up after 3 tries)"},
		{"404", 0, func(n int, w http.ResponseWriter, r *http.Request) { http.NotFound(w, r) }, 1, 0, "404 Not Found"},
		{"402", 0, func(n int, w http.ResponseWriter, r *http.Request) { w.WriteHeader(402) }, 1, 0, "402 Payment Required"},
		{"longer than announced", 0, func(n int, w http.ResponseWriter, r *http.Request) { ranged(append(data[:size:size], 1))(w, r) }, 1, 0, "holds 3145729 bytes, the store announced 3145728"},
		{"longer, no length", 0, func(n int, w http.ResponseWriter, r *http.Request) {
			w.(http.Flusher).Flush()
			w.Write(append(data[:size:size], 1))
		}, 1, 0, "more than the 3145728 bytes"},
		{"shorter than announced", 1000, func(n int, w http.ResponseWriter, r *http.Request) { ranged(data[:size-1])(w, r) }, 1, 0, "holds 3145727 bytes"},
		{"compressed", 0, func(n int, w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			full(w, r)
		}, 1, 0, `encoded as "gzip"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			n := 0
			c, origin := newClient(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				n++
				tt.serve(n, w, r)
			}), upstream.Config{Retries: 2})
			var s sink
			s.Write(data[:min(tt.offset, size)])
			err := c.Fetch(t.Context(), upstream.Blob{Name: "jq", URL: origin + "/blob?token=secret", Size: int64(size), Offset: int64(tt.offset), Restart: s.restart}, &s)
			want := strings.Replace(tt.want, "URL", origin, 1)
			switch {
			case want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)):
				t.Errorf("Fetch: %v, want %q", err, want)
			case err != nil && strings.Contains(err.Error(), "secret"):
				t.Errorf("Fetch: %v: names the secret", err)
			case err == nil && !bytes.Equal(s.Bytes(), data):
				t.Errorf("fetched %d bytes, which are not the blob's", s.Len())
			}
			if n != tt.requests || s.restarts != tt.restarts {
				t.Errorf("%d requests and %d restarts, want %d and %d", n, s.restarts, tt.requests, tt.restarts)
			}
		})
	}
}

func TestFetchStall(t *testing.T) {
	t.Parallel()
	data := blob(1 << 20)
	n := 0
	var log record
	c, origin := newClient(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch n++; n {
		case 1: // no headers
			<-r.Context().Done()
		case 2: // a part of the body
			w.Header().Set("Content-Length", strconv.Itoa(len(data)))
			w.Write(data[:5000])
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		default:
			ranged(data)(w, r)
		}
	}), upstream.Config{Stall: 100 * time.Millisecond, Logf: log.Logf})
	var s sink
	if err := c.Fetch(t.Context(), upstream.Blob{Name: "jq revision 6", URL: origin, Size: int64(len(data))}, &s); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(s.Bytes(), data) || strings.Count(log.String(), "stalled") != 2 {
		t.Errorf("fetched %d bytes; log:\n%s", s.Len(), &log)
	}
}

// slowSink takes longer than a stall, which must not count against the server.
type slowSink struct{ sink }

func (s *slowSink) Write(p []byte) (int, error) {
	if s.Len() == 0 {
		time.Sleep(time.Second)
	}
	return s.sink.Write(p)
}

func TestFetchSlowDiskIsNoStall(t *testing.T) {
	t.Parallel()
	data := blob(4 << 20)
	var log record
	c, origin := newClient(t, ranged(data), upstream.Config{Stall: 500 * time.Millisecond, Logf: log.Logf})
	var s slowSink
	if err := c.Fetch(t.Context(), upstream.Blob{Name: "jq", URL: origin, Size: int64(len(data))}, &s); err != nil || log.String() != "" {
		t.Errorf("Fetch = %v; log %q, want none", err, &log)
	}
}

type fullDisk struct{}

var errFull = errors.New("no space left on device")

func (fullDisk) Write(p []byte) (int, error) { return 0, errFull }

func TestFetchWriteErrorEndsIt(t *testing.T) {
	t.Parallel()
	data := blob(1000)
	n := 0
	c, origin := newClient(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n++
		ranged(data)(w, r)
	}), upstream.Config{})
	if err := c.Fetch(t.Context(), upstream.Blob{Name: "jq", URL: origin, Size: 1000}, fullDisk{}); !errors.Is(err, errFull) || n != 1 {
		t.Errorf("Fetch = %v after %d requests, want %v after 1", err, n, errFull)
	}
	for _, size := range []int64{0, -1} {
		if err := c.Fetch(t.Context(), upstream.Blob{Name: "jq", URL: origin, Size: size}, io.Discard); err == nil {
			t.Errorf("Fetch of %d bytes succeeded", size)
		}
	}
}
