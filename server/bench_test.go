package server_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"offlinestore/catalog"
	"offlinestore/server"
	"offlinestore/snap"
)

const (
	benchSnaps     = 10_000
	benchInstalled = 10
	benchClients   = 8
)

// benchFields are the fields that a current snapd asks for.
var benchFields = []string{"architectures", "base", "confinement", "links", "contact", "created-at", "description", "download", "epoch",
	"license", "name", "prices", "private", "publisher", "revision", "snap-id", "snap-yaml", "summary", "title", "type", "version", "website",
	"store-url", "integrity", "media", "common-ids", "categories", "resources"}

func benchID(i int) string { return fmt.Sprintf("%032d", i) }

func benchCatalog(b *blobs, n int) *catalog.Snapshot {
	c := &catalog.Snapshot{Generation: 1}
	r := revision(b, 1, "1.0", "amd64")
	r.SnapYAML += strings.Repeat("# as long as a usual snap.yaml\n", 40)
	for i := range n {
		d := details(fmt.Sprintf("Snap %d", i), "One of many", "utilities")
		d.Description = strings.Repeat("What it does, at usual length. ", 20)
		c.Snaps = append(c.Snaps, catalog.Snap{Name: fmt.Sprintf("snap-%d", i), SnapID: benchID(i), Details: d, Revisions: []catalog.SnapRevision{r},
			ChannelMap: []snap.Release{release("amd64", "latest/stable", 1, "2024-01-02T03:04:05Z")}})
	}
	return c
}

// benchRequest returns the request that snapd sends to refresh all its snaps.
func benchRequest(tb testing.TB) []byte {
	var installed, actions []map[string]any
	for i := range benchInstalled {
		id := benchID(i * 97)
		installed = append(installed, map[string]any{"snap-id": id, "instance-key": id, "revision": 1, "tracking-channel": "latest/stable",
			"epoch": map[string]any{"read": []int{0}, "write": []int{0}}, "refreshed-date": "2024-05-06T07:08:09Z"})
		actions = append(actions, map[string]any{"action": "refresh", "instance-key": id, "snap-id": id})
	}
	body, err := json.Marshal(map[string]any{"context": installed, "actions": actions, "fields": benchFields})
	if err != nil {
		tb.Fatal(err)
	}
	return body
}

// BenchmarkRefreshHandler measures the handler alone.
func BenchmarkRefreshHandler(b *testing.B) {
	bl := newBlobs(b)
	h := serve(b, bl, benchCatalog(bl, benchSnaps), server.Config{}).Handler()
	body := benchRequest(b)
	b.ReportAllocs()
	for b.Loop() {
		r := httptest.NewRequest("POST", "http://store.example/v2/snaps/refresh", bytes.NewReader(body))
		r.Header.Set(snap.HeaderArchitecture, "amd64")
		h.ServeHTTP(discard{http.Header{}}, r)
	}
}

type discard struct{ h http.Header }

func (d discard) Header() http.Header         { return d.h }
func (d discard) Write(b []byte) (int, error) { return len(b), nil }
func (d discard) WriteHeader(int)             {}

// BenchmarkRefresh compares refresh requests over loopback with a bare handler that writes a constant of the same size. It reports
// the ratio of their rates, and the time within which 99 of 100 requests are answered.
func BenchmarkRefresh(b *testing.B) {
	bl := newBlobs(b)
	s := serve(b, bl, benchCatalog(bl, benchSnaps), server.Config{})
	body := benchRequest(b)
	answer := []byte(bodyOf(b, call(b, s.Handler(), "POST", "http://store.example/v2/snaps/refresh", string(body))))
	if n := strings.Count(string(answer), `"result":"refresh"`); n != benchInstalled {
		b.Fatalf("%d results, want %d: %.300s", n, benchInstalled, answer)
	}
	bare := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Length", fmt.Sprint(len(answer)))
		_, _ = w.Write(answer)
	})
	for b.Loop() {
		// The two take turns, so that other work of the machine falls on both.
		var ours, theirs load
		for range 4 {
			ours.run(b, s.HTTPServer("").Handler, body, 400*time.Millisecond)
			theirs.run(b, bare, body, 400*time.Millisecond)
		}
		b.ReportMetric(ours.rate()/theirs.rate(), "of-bare")
		b.ReportMetric(ours.rate(), "req/s")
		b.ReportMetric(theirs.rate(), "bare-req/s")
		b.ReportMetric(float64(ours.p99().Microseconds())/1000, "p99-ms")
		b.ReportMetric(float64(theirs.p99().Microseconds())/1000, "bare-p99-ms")
		b.ReportMetric(float64(len(answer)), "B/answer")
	}
}

// load holds the measurements of clients that sent one request after the other.
type load struct {
	took []time.Duration
	span time.Duration
}

func (l *load) rate() float64 { return float64(len(l.took)) / l.span.Seconds() }

func (l *load) p99() time.Duration {
	slices.Sort(l.took)
	return l.took[len(l.took)*99/100]
}

// run loads h over loopback for a while.
func (l *load) run(b *testing.B, h http.Handler, body []byte, span time.Duration) {
	b.Helper()
	srv := httptest.NewServer(h)
	defer srv.Close()
	addr := srv.Listener.Addr().String()
	request := fmt.Appendf(nil, "POST /v2/snaps/refresh HTTP/1.1\r\nHost: %s\r\nUser-Agent: snapd/2.60\r\nContent-Type: application/json\r\n"+
		"Accept: application/json\r\nSnap-Device-Architecture: amd64\r\nContent-Length: %d\r\n\r\n%s", addr, len(body), body)
	var wg sync.WaitGroup
	var mu sync.Mutex
	start := time.Now()
	for range benchClients {
		wg.Go(func() {
			took, err := client(addr, request, start.Add(span))
			if err != nil {
				b.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			l.took = append(l.took, took...)
		})
	}
	wg.Wait()
	l.span += time.Since(start)
}

// client sends requests with a minimal HTTP client, so that the server dominates the measurement.
func client(addr string, request []byte, until time.Time) ([]time.Duration, error) {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	r := bufio.NewReaderSize(conn, 64<<10)
	var took []time.Duration
	for start := time.Now(); start.Before(until); start = time.Now() {
		if _, err := conn.Write(request); err != nil {
			return nil, err
		}
		length := 0
		for {
			line, err := r.ReadSlice('\n')
			if err != nil {
				return nil, err
			}
			if len(line) == 2 {
				break
			}
			if value, ok := bytes.CutPrefix(line, []byte("Content-Length: ")); ok {
				if _, err := fmt.Sscan(string(value), &length); err != nil {
					return nil, err
				}
			}
		}
		if length == 0 {
			return nil, fmt.Errorf("an answer of no length")
		}
		if _, err := io.CopyN(io.Discard, r, int64(length)); err != nil {
			return nil, err
		}
		took = append(took, time.Since(start))
	}
	return took, nil
}
